"""Rules that change while calls are up: new calls have the new ones, a broken file changes nothing and says why."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from contracts.errors import ConfigError
from contracts.events import EventKind
from contracts.virtual_time import LoopClock, run_virtual
from dialog.services import DialogServices
from escalation.rules import RuleBook
from server.rules_watch import RulesWatch
from tests.dialog.kit import Talk

RULES = """
version: %d
rules:
  - id: wants-a-banana
    reason: other
    priority: 10
    say: %s
    when: {phrases: [%s]}
    examples: {fires: [%s], quiet: [What are your hours]}
"""


class Bench:
    """A watch over a file, and what came of it."""

    def __init__(self, path: Path, talk: Talk) -> None:
        self.path = path
        self.talk = talk
        self.write(1, "Bananas are here.", "banana", "a banana please")
        self.services = DialogServices(
            **{
                name: getattr(talk.services, name)
                for name in ("settings", "escalation", "cascade", "lines", "sink", "handoffs", "clock")
            },
            rules=RuleBook.load(path),
            config_digest="c0ffee",
        )
        self.prepared: list[str] = []
        self.used = asyncio.Event()
        self.watch = RulesWatch(path, self.services, self.use, lambda book: None, self.prepare, talk.record)

    def write(self, version: int, say: str, phrase: str, example: str) -> None:
        self.path.write_text(RULES % (version, say, phrase, example))

    def use(self, services: DialogServices) -> None:
        self.services = services
        self.used.set()

    async def prepare(self, texts: Sequence[str]) -> None:
        self.prepared += texts


def run(tmp_path: Path, scenario: object) -> Bench:
    async def whole() -> Bench:
        bench = Bench(tmp_path / "rules.yaml", Talk(LoopClock(asyncio.get_running_loop())))
        await scenario(bench)  # type: ignore[operator]
        return bench

    return run_virtual(whole())


def test_a_changed_file_is_used_by_new_calls_and_their_digest_tells(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        before = bench.services
        bench.watch.start()
        bench.write(2, "No more bananas.", "bananas", "two bananas")
        await bench.used.wait()
        await asyncio.sleep(0)
        await bench.watch.close()
        assert before.rules.version == 1

    bench = run(tmp_path, scenario)
    assert bench.services.rules.version == 2
    assert bench.services.config_digest != "c0ffee"
    assert bench.prepared == ["No more bananas."]
    assert bench.talk.record.bodies(EventKind.RULES_LOADED)[0]["ok"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("version: 2\nrules: [", "rules.yaml"),
        ("version: 2\nrulez: []", "rulez"),
        (RULES % (2, "Hm.", "banana", "an apple"), "should fire on 'an apple'"),
    ],
)
def test_a_broken_file_keeps_the_old_rules_and_says_why(tmp_path: Path, text: str, why: str) -> None:
    async def scenario(bench: Bench) -> None:
        bench.path.write_text(text)
        with pytest.raises(ConfigError, match="calls keep version 1"):
            await bench.watch.reload({})
        assert why in bench.watch.trouble
        bench.write(3, "Back.", "banana", "a banana please")
        assert (await bench.watch.reload({}))["version"] == 3
        assert bench.watch.trouble == ""

    bench = run(tmp_path, scenario)
    assert [body["ok"] for body in bench.talk.record.bodies(EventKind.RULES_LOADED)] == [False, True]
    assert bench.services.rules.version == 3
