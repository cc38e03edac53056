"""How a call begins: the disclosure whole, in time and written down; recording only with consent as configured."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path
from typing import Any

import pytest

from contracts.audio import FRAME_S, RATE, AudioFrame
from contracts.clock import Clock
from contracts.errors import EngineFailed
from contracts.events import EventKind
from dialog.opening import consents
from telephony.recording import Recordings, RecordingSettings
from tests.dialog.kit import Talk

TONE = AudioFrame(b"\x00\x20" * 320, 0.0)


class Tape:
    """A real recording of a call whose caller hums all the time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.house: Recordings | None = None

    def __call__(self, clock: Clock) -> Any:
        settings = RecordingSettings(enabled=True, min_free_mb=0)
        self.house = Recordings(settings, self.folder, clock)
        self.recorder = self.house.open("call-1", kept=False)
        self._hum = asyncio.ensure_future(self._humming())
        return self.recorder

    async def _humming(self) -> None:
        while True:
            await asyncio.sleep(FRAME_S)
            self.recorder.caller(TONE)

    def seconds(self) -> float:
        """Of sound on the disk once the call is over; 0.0: there is no file."""
        assert self.house is not None
        self._hum.cancel()
        self.recorder.close().wait(10)
        self.house.close()
        files = list(self.folder.iterdir())
        assert len(files) < 2
        if not files:
            return 0.0
        with wave.open(str(files[0]), "rb") as file:
            return file.getnframes() / RATE


def run(talk: Any, tape: Tape, scenario: Any, consent: str) -> tuple[Talk, float]:
    call = talk(scenario, recording=tape, consent=consent)
    return call, tape.seconds()


def chosen(call: Talk) -> list[tuple[bool, str]]:
    return [(body["recorded"], body["how"]) for body in call.record.bodies(EventKind.RECORDING_CHOSEN)]


def heard(call: Talk) -> list[str]:
    return [body["heard"] for body in call.record.bodies(EventKind.TURN_OPERATOR)]


def test_the_disclosure_is_whole_within_six_seconds_and_in_the_record_with_text_and_version(talk: Any) -> None:
    async def scenario(call: Talk) -> None:
        return None

    (told,) = talk(scenario).record.bodies(EventKind.CALL_DISCLOSED)
    assert "automated assistant" in told["text"]
    assert told["version"] == 1
    assert told["whole"]
    assert 0.5 < told["after_s"] < 6.0
    assert told["in_time"]
    assert not told["again"]


def test_who_talks_over_the_disclosure_hears_it_to_its_end(talk: Any) -> None:
    async def scenario(call: Talk) -> None:
        assert "9 a.m." in await call.ask("When are your branches open?")

    call = talk(scenario, begun_s=1.0)
    (told,) = call.record.bodies(EventKind.CALL_DISCLOSED)
    assert told["whole"]
    assert heard(call)[0] == told["text"]


def test_a_disclosure_that_fails_is_tried_again_and_its_failure_is_written_down(talk: Any) -> None:
    async def scenario(call: Talk) -> None:
        return None

    class Broken(Talk):
        def __init__(self, clock: Clock, **parts: Any) -> None:
            super().__init__(clock, **parts)
            self.voice.broken = EngineFailed("no voice")

    from contracts.virtual_time import LoopClock, run_virtual

    async def whole() -> Talk:
        call = Broken(LoopClock(asyncio.get_running_loop()))
        await call.begin()
        await call.end()
        return call

    told = run_virtual(whole()).record.bodies(EventKind.CALL_DISCLOSED)
    assert [body["whole"] for body in told] == [False, False]


@pytest.mark.parametrize(
    "asked",
    [
        "Are you a robot?",
        "Am I talking to a machine?",
        "Is this a real person?",
        "Are you an AI?",
        "Wait, you're a chatbot?",
    ],
)
def test_who_asks_whether_this_is_a_machine_is_told_so_by_rule(talk: Any, asked: str) -> None:
    async def scenario(call: Talk) -> None:
        assert "automated assistant" in await call.ask(asked)

    call = talk(scenario)
    first, again = call.record.bodies(EventKind.CALL_DISCLOSED)
    assert (first["again"], again["again"]) == (False, True)
    assert "automated assistant" in again["text"]
    assert call.small.asked == []


def test_recording_is_announced_before_anything_else_can_be_said(talk: Any, tmp_path: Path) -> None:
    async def scenario(call: Talk) -> None:
        await call.ask("When are your branches open?")

    call, seconds = run(talk, Tape(tmp_path), scenario, "announce")
    assert "may be recorded" in heard(call)[1]
    assert chosen(call) == [(True, "announced")]
    assert seconds > 10


@pytest.mark.parametrize(
    ("answer", "recorded"),
    [("Yes, that's fine.", True), ("No thanks, I'd rather not.", False), ("2", False), ("1", True)],
)
def test_a_caller_is_asked_and_a_no_leaves_no_file_but_the_same_service(
    talk: Any, tmp_path: Path, answer: str, recorded: bool
) -> None:
    async def scenario(call: Talk) -> None:
        if answer.isdigit():
            call.press(answer)
            await asyncio.sleep(0.2)
            await call.quiet()
        else:
            await call.ask(answer)
        assert "9 a.m." in await call.ask("When are your branches open?")

    call, seconds = run(talk, Tape(tmp_path), scenario, "ask")
    assert "May I record" in heard(call)[1]
    assert chosen(call) == [(recorded, "key" if answer.isdigit() else "said")]
    assert (seconds > 10) is recorded
    assert "How can I help" in " ".join(heard(call))


def test_without_a_yes_nothing_is_kept_and_the_question_is_answered(talk: Any, tmp_path: Path) -> None:
    async def scenario(call: Talk) -> None:
        assert "9 a.m." in await call.ask("When are your branches open?")

    call, seconds = run(talk, Tape(tmp_path), scenario, "ask")
    assert chosen(call) == [(False, "said neither")]
    assert seconds == 0.0


def test_who_never_answers_is_not_recorded(talk: Any, tmp_path: Path) -> None:
    async def scenario(call: Talk) -> None:
        await asyncio.sleep(60)

    call, seconds = run(talk, Tape(tmp_path), scenario, "ask")
    assert chosen(call) == [(False, "no answer")]
    assert seconds == 0.0


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Yes.", True), ("sure, go ahead", True), ("No problem.", True), ("I don't mind", True), ("One.", True),
        ("No.", False), ("I'd rather you didn't", False), ("please don't record me", False), ("Two", False),
        ("I'd prefer not to be recorded", False), ("What are your hours?", None), ("No one told me that", False),
    ],
)  # fmt: skip
def test_what_counts_as_consent(said: str, meant: bool | None) -> None:
    assert consents(said) is meant
