"""A question read again by a recogniser that knows names, which are taken only if something is found for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from contracts.clock import ManualClock
from contracts.configfile import load_yaml
from contracts.engines import Evidence, Passage, Resemblance, Word
from contracts.errors import WorkerBusy, WorkerError
from dialog.cascade import Cascade
from dialog.gate import GroundingGate
from dialog.outcome import Found, Question
from dialog.prompts import Prompts
from dialog.rehearing import Rehearing, with_names
from dialog.router import Router
from dialog.settings import CascadeFile, DialogSettings, RehearingLimits
from tests.dialog.kit import ROOT, Finds, Says

HEARD = "This tackle offer bike parking?"
NAMES = (Resemblance(0.8, 12, 17, "Bite"), Resemblance(0.64, 5, 11, "Tacko"), Resemblance(0.5, 5, 17, "TOKYO BAR"))
LIMITS = RehearingLimits()


@dataclass
class Ears:
    """contracts.engines.NameFinder and Rereader: what is alike, and what is read with these names known."""

    reads: str = "This Tacko offer bike parking?"
    names: Sequence[Resemblance] = NAMES
    error: WorkerError | None = None
    shown: list[str] = field(default_factory=list)

    async def resembling(self, text: str, *, release: str, deadline: float) -> tuple[Resemblance, ...]:
        return tuple(self.names)

    async def again(self, sound: str, names: Sequence[str], *, deadline: float) -> str:
        if self.error is not None:
            raise self.error
        self.shown.extend(names)
        return self.reads


def heard(text: str = HEARD, sound: str = "s1") -> Question:
    return Question(text, 0.8, words=tuple(Word(one, 0.7) for one in text.split()), sound=sound)


def meant(ears: Ears, question: Question, limits: RehearingLimits = LIMITS) -> str:
    return asyncio.run(Rehearing(ears, ears, limits).meant(question, "r1", 1.0))


def test_a_name_that_the_recogniser_now_hears_is_taken() -> None:
    ears = Ears()
    assert meant(ears, heard()) == "This Tacko offer bike parking?"
    assert ears.shown == ["Bite", "Tacko", "Tokyo Bar"]


def test_where_no_name_is_heard_nothing_is_taken() -> None:
    assert meant(Ears(reads="Does Tucker offer bike parking?"), heard()) == ""
    assert meant(Ears(reads=""), heard()) == ""


def test_without_sound_or_names_or_a_recogniser_nothing_is_taken() -> None:
    ears = Ears()
    assert meant(ears, heard(sound="")) == ""
    assert meant(ears, heard("Tackle parking?")) == ""
    assert meant(ears, heard(), RehearingLimits(names=0)) == ""
    assert meant(Ears(names=()), heard()) == ""
    assert meant(Ears(error=WorkerBusy("busy")), heard()) == ""
    assert ears.shown == []


def test_each_name_is_shown_once_and_no_more_than_there_is_time_for() -> None:
    ears = Ears(names=(*NAMES[:2], replace(NAMES[1], start=0), NAMES[2]))
    meant(ears, heard(), RehearingLimits(names=2))
    assert ears.shown == ["Bite", "Tacko"]


def test_what_was_said_around_the_question_is_no_part_of_it() -> None:
    assert meant(Ears(reads="Hello. Does Tacko offer bike parking?"), heard()) == "Does Tacko offer bike parking?"


@pytest.mark.parametrize(
    ("again", "before", "name", "taken"),
    [
        ("Is there a lift at Cityrooms?", "Is there a left at Citerums?", "CITYROOMZ", "Is there a lift at CITYROOMZ?"),
        ("Parking at Layne Hotel?", "Parking at Lane Hotel?", "Layne Hotel", "Parking at Layne Hotel?"),
        ("Wine at Restaurant One Seven?", "Wine at restaurant 1-7?", "ONE SEVEN", "Wine at Restaurant ONE SEVEN?"),
        ("Wine at Flour plus Water?", "Wine at flower plus water?", "Flour + Water", "Wine at Flour + Water?"),
        ("Wine at Golden Wok?", "Wine at golden wok?", "GOLDEN WOK", ""),
        ("Wine at Golden Walk?", "Wine at Golden Walk?", "GOLDEN WOK", ""),
        ("Wine at the hotel?", "Wine at a hotel?", "Luz Hotel", ""),
    ],
)
def test_names_are_written_as_the_documents_write_them_if_they_are_new(
    again: str, before: str, name: str, taken: str
) -> None:
    assert with_names(again, before, [name], 0.9) == taken


PARKING = Passage("p1", "d1", "Tacko", "Does Tacko offer bike parking?", "Yes, Tacko has bike parking.", 0.8, 0.9)
TAVERN = Passage("p2", "d2", "Park Tavern", "Do you offer bike parking?", "Park Tavern has bike parking.", 0.7, 0.5)


class FindsNamed(Finds):
    """Passages whose title is in the question first; strong only if it is."""

    async def search(self, query: str, **more: Any) -> Evidence:
        self.asked.append(query)
        found = sorted(self.passages, key=lambda one: one.title not in query)
        return Evidence(query, tuple(found), 0.3, release="r1")


def retrieved(ears: Ears, search: Finds, question: Question) -> Found:
    thresholds = load_yaml(ROOT / "configs" / "cascade.yaml", CascadeFile)
    gate, settings, model = GroundingGate(thresholds), DialogSettings(), Says("small")
    prompts = Prompts(ROOT / "configs" / "prompts", "Test Bank", settings)
    rehearing = Rehearing(ears, ears, LIMITS)
    cascade = Cascade(settings, Router(thresholds, gate), gate, prompts, search, model, None, ManualClock(), None,
                      rehearing)  # fmt: skip
    return asyncio.run(cascade.retrieve(question))


def test_a_question_that_would_be_declined_is_asked_with_the_name_that_was_said() -> None:
    search = FindsNamed([TAVERN, PARKING])
    found = retrieved(Ears(), search, heard())
    assert found.asked == "This Tacko offer bike parking?"
    assert found.evidence.passages[0] is PARKING
    assert search.asked == [HEARD, "This Tacko offer bike parking?"]


def test_a_name_for_which_nothing_is_found_changes_nothing() -> None:
    search = FindsNamed([TAVERN])
    assert retrieved(Ears(), search, heard()).asked == HEARD
    assert len(search.asked) == 2


def test_a_question_that_has_an_answer_is_not_heard_again() -> None:
    ears = Ears()
    assert (
        retrieved(ears, FindsNamed([TAVERN, PARKING]), heard("Does Tacko offer bike parking?")).asked.count("Tacko")
        == 1
    )
    assert retrieved(ears, FindsNamed([TAVERN, PARKING]), heard(sound="")).asked == HEARD
    assert ears.shown == []
