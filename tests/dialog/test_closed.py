"""Outside opening hours: who is not tried, what callers are told, and who waits all the same; on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contracts.clock import Clock
from contracts.errors import ConfigError
from contracts.events import EventKind
from escalation.queuesettings import QueueSettings
from escalation.settings import EscalationSettings
from server.settings import load_settings
from tests.dialog.kit import Talk

NUMBER = "sip:+15551234567@example.org"
TABLES = {
    "desk": {"zone": "Europe/Berlin", "week": {"mon-fri": "08:00-18:00"}},
    "fraud": {"zone": "Europe/Berlin", "week": {"sat": "09:00-12:00"}},
}
MONDAY_EVENING, SATURDAY = "2026-11-23T17:59", "2026-11-28T14:00"
ASK = "I want to talk to a person"


def parts(start: str, target: Any = "", **queue: Any) -> dict[str, Any]:
    begun = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo("Europe/Berlin"))

    def wall(clock: Clock) -> Callable[[], datetime]:
        zero = clock.now()
        return lambda: begun + timedelta(seconds=clock.now() - zero)

    settings = {"hours": TABLES, "queue": queue}
    return {
        "escalation": EscalationSettings.model_validate(settings), "queue": QueueSettings.model_validate(queue),
        "wall": wall, "target": target, "caller": NUMBER,
    }  # fmt: skip


def ready(t: Talk) -> None:
    assert t.line is not None
    t.line.queue.ready("ann", t.clock.now())
    t.line.moved()


def waits(t: Talk) -> bool:
    assert t.line is not None
    return t.line.queue.entry("call-1") is not None


def test_a_closed_queue_says_when_people_are_back_and_notes_a_callback(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        ready(t)
        said = await t.ask(ASK)
        assert "the people who could help are back on Monday at 8 a.m. I've noted a callback for plus 1, 5 5 5" in said
        assert not waits(t)
        assert "all branches" in (await t.ask("When are your branches open?")).lower()

    done = talk(scenario, **parts(SATURDAY, hours="desk", callback_days=2))
    (ticket,) = done.record.tickets
    assert ticket.expires_at.isoformat() == "2026-12-02T07:00:00+00:00", "two days from Monday at eight in Berlin"


def test_whoever_withholds_their_number_is_told_when_and_asked_for_it(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        said = await t.ask(ASK)
        assert "are back on Monday at 8 a.m. To be called back, key in your number" in said
        t.press("5557654321#")
        await t.quiet(2)

    done = talk(scenario, **{**parts(SATURDAY, hours="desk"), "caller": "sip:anonymous@anonymous.invalid"})
    assert [one.caller for one in done.record.tickets] == ["5557654321"]


def test_without_callbacks_the_time_alone_is_said(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        assert "are back on Monday at 8 a.m. Is there anything else" in await t.ask(ASK)

    assert talk(scenario, **parts(SATURDAY, hours="desk", callbacks=False)).record.tickets == []


def test_whoever_is_in_danger_waits_for_anybody_who_is_there(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        ready(t)
        said = await t.ask("I want to kill myself")
        assert waits(t)
        assert "are back" not in said

    talk(scenario, **parts(SATURDAY, hours="desk"))


def test_whoever_waits_at_closing_time_keeps_their_place(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        ready(t)
        await t.ask(ASK)
        assert waits(t)
        await asyncio.sleep(70)
        assert waits(t)

    talk(scenario, **parts(MONDAY_EVENING, hours="desk", gone_s=3600, misses=100))


def test_a_skill_has_hours_of_its_own(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        ready(t)
        assert "are back on Saturday at 9 a.m. I've noted" in await t.ask(ASK)
        assert not waits(t)

    lines = {"sip:bank@*": ["fraud"]}
    talk(scenario, **parts(MONDAY_EVENING, called_skills=lines, skill_hours={"fraud": "fraud"}))


def test_a_closed_target_is_not_tried_nor_is_a_person_offered(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        assert "are back on Monday at 8 a.m." in await t.ask(ASK)
        assert "Would you like" not in await t.ask("What is the airspeed of a swallow?")

    target = [{"mode": "refer", "target": "sip:queue@pbx.example", "hours": "desk"}]
    done = talk(scenario, **parts(SATURDAY, target))
    assert done.leg.transfers == []
    assert done.record.bodies(EventKind.TRANSFER_BEGUN) == []


def test_an_open_target_is_tried_and_a_closed_one_passed_over(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        t.say(ASK)
        await t.finish()

    plan = [{"target": "sip:desk@pbx.example", "hours": "desk"}, {"target": "sip:fraud@pbx.example", "hours": "fraud"}]
    done = talk(scenario, **parts("2026-11-28T10:00", plan))
    assert [target for target, _ in done.leg.transfers] == ["sip:fraud@pbx.example"]


@pytest.mark.parametrize(
    "wrong", ["queue: {hours: night}", "queue: {skill_hours: {fraud: night}}",
              "trunks: [{targets: {person: [{target: 'sip:a@b', hours: night}]}}]"],
)  # fmt: skip
def test_a_table_that_is_not_there_stops_the_start(tmp_path: Any, wrong: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(f"name: Test\nescalation:\n  hours: {{desk: {{week: {{mon: '08:00-12:00'}}}}}}\n  {wrong}\n")
    with pytest.raises(ConfigError, match=r"hours 'night' are not in escalation.hours \(desk\)"):
        load_settings(file)
