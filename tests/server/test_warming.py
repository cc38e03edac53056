"""What the small model reads while nobody calls."""

from __future__ import annotations

import asyncio

from contracts.configfile import load_yaml
from contracts.virtual_time import LoopClock, run_virtual
from dialog.cascade import Cascade
from dialog.gate import GroundingGate
from dialog.prompts import Prompts
from dialog.router import Router
from dialog.settings import CascadeFile, DialogSettings
from server.warming import EVERY_S, Warming, openings
from tests.dialog.kit import BALANCE, HOURS, ROOT, Finds, Says

TEXTS = ["When are all branches open?", "what is the current balance", "hours of all branches, closed", "zebra"]


class House:
    """Warming over a cascade with a model that notes what it reads."""

    def __init__(self, most: int = 9) -> None:
        settings, clock = DialogSettings(), LoopClock(asyncio.get_running_loop())
        thresholds = load_yaml(ROOT / "configs" / "cascade.yaml", CascadeFile)
        gate = GroundingGate(thresholds)
        prompts = Prompts(ROOT / "configs" / "prompts", "Test Bank", settings)
        self.small = Says("small")
        found = Finds([HOURS, BALANCE])
        cascade = Cascade(settings, Router(thresholds, gate), gate, prompts, found, self.small, None, clock)
        self.release = "r1"
        self.calls = 0
        self.asked: list[str] = []
        self.warming = Warming(cascade, self._live, self._texts, lambda: not self.calls, most)

    async def _live(self) -> str:
        return self.release

    async def _texts(self, release: str) -> list[str]:
        self.asked.append(release)
        return TEXTS


def test_each_piece_of_evidence_is_read_once_for_each_release() -> None:
    async def scene() -> None:
        house = House()
        assert await house.warming.look()
        assert await house.warming.look()
        assert [HOURS.text in prompt for prompt in house.small.read] == [True, False]
        assert BALANCE.text in house.small.read[1]
        assert "{" not in house.small.read[0]
        house.release = "r2"
        assert await house.warming.look()
        assert (len(house.small.read), house.asked) == (4, ["r1", "r2"])
        house.warming.again()
        assert await house.warming.look()
        assert len(house.small.read) == 6

    run_virtual(scene())


def test_nothing_is_read_without_a_release_and_no_more_than_is_allowed() -> None:
    async def scene() -> None:
        house = House(most=1)
        house.release = ""
        assert await house.warming.look()
        assert house.small.read == []
        house.release = "r1"
        assert await house.warming.look()
        assert len(house.small.read) == 1

    run_virtual(scene())


def test_calls_interrupt_it_and_it_goes_on_after_them() -> None:
    async def scene() -> None:
        house = House()
        house.calls = 1
        assert not await house.warming.look()
        assert house.warming.status == {"pieces": 0, "done": False}
        house.warming.start()
        await asyncio.sleep(3 * EVERY_S)
        assert house.small.read == []
        house.calls = 0
        await asyncio.sleep(EVERY_S)
        assert len(house.small.read) == 2
        assert house.warming.status == {"pieces": 2, "done": True}
        await house.warming.close()

    run_virtual(scene())


def test_each_part_of_a_document_has_an_opening() -> None:
    body = "# Fees\n\nText, #1.\n\n## Card fees\n\n- one\n- two\n\n## Fees\n##\n"
    assert openings("Fees", body) == ["Fees Text, #1.", "Card fees - one - two", "Fees"]
    assert openings("Hours", f"Open {'always ' * 60}") == [f"Hours Open{' always' * 38}", "Hours"]
    assert openings("Hours", "") == ["Hours"]
