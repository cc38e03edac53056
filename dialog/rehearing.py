"""A question that finds nothing, read again by a recogniser that knows which names may have been said.

dialog/misheard.py judges by letters, and looks into what was found. A name that was heard as another real word, or as
nothing alike, leads to other passages, and the question seems to be about a thing that the owner does not have. Then
names of the whole release that sound at all like some of its words are shown to the recogniser, which reads the sound
that it has kept once more (workers/engines/whisper_names.py).

::

    heard       "This tackle offer bike parking."
    names       Bite 0.82, Tacko 0.64, Tokyo 0.5 …             they sound like it; most were not said
    read again  "This Tacko offer bike parking."               it writes one only where it hears it
    searched    Tacko › bike parking                           and the question must find an answer now

Only turns that would be declined pay for it: one decoding, no encoding (docs/evaluation.md, Voice, has figures).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from contracts.engines import Evidence, NameFinder, Rereader, Resemblance
from contracts.errors import WorkerError
from dialog.intents import core_question
from dialog.outcome import Found, Question
from dialog.router import Route, Router
from dialog.settings import RehearingLimits
from knowledge.sounding import SoundIndex, spoken

FEWEST_WORDS = 3
"""Fewer may be any name, and it would be all that is asked: "CO2" was read as Cotto."""
Search = Callable[[str, str], Awaitable[Evidence]]
"""(text, release) → what is found. Raises WorkerError."""


class Rehearing:
    """Shared by all calls; holds no state of any."""

    def __init__(self, names: NameFinder, rereader: Rereader, limits: RehearingLimits) -> None:
        self._names = names
        self._rereader = rereader
        self._limits = limits

    async def found(self, question: Question, first: Found, router: Router, search: Search, deadline: float) -> Found:
        """``first``, if the router would not decline that; else what is found for a name that was said, if that is
        better."""
        if not question.sound or not _declined(router, question, first):
            return first
        release = first.evidence.release
        meant = await self.meant(question, release, deadline)
        if not meant:
            return first
        evidence = await search(meant, release)
        text = router.understood(meant, evidence)
        again = Found(text, router.ranked(text, evidence))
        return first if _declined(router, question, again) else again

    async def meant(self, question: Question, release: str, deadline: float) -> str:
        """The question with names in it that were not heard at first; "" if there are none, or nobody can tell."""
        if not question.sound or not self._limits.names or len(question.text.split()) < FEWEST_WORDS:
            return ""
        try:
            found = await self._names.resembling(question.text, release=release, deadline=deadline)
            names = list(dict.fromkeys(one.name for one in found))[: self._limits.names]
            if not names:
                return ""
            shown = list(dict.fromkeys(map(spoken, names)))
            text = await self._rereader.again(question.sound, shown, deadline=deadline)
        except WorkerError:
            return ""  # what was heard first is still there
        return with_names(core_question(text), question.text, names, self._limits.alike) if text else ""


def _declined(router: Router, question: Question, found: Found) -> bool:
    return router.decide(found.asked, found.evidence, question.confidence).route is Route.UNKNOWN


def with_names(again: str, heard: str, names: Sequence[str], alike: float) -> str:
    """``again`` with its names as the documents write them; "" if it has none that is not in ``heard`` as well."""
    index = SoundIndex(names)
    before = {one.name: one.score for one in reversed(index.resembling(heard, alike, len(names) * 2))}
    said = [one for one in index.resembling(again, alike, len(names) * 2) if one.name in names]
    taken: list[Resemblance] = []
    for one in sorted(said, key=lambda one: (-one.score, one.start - one.end)):
        if all(one.end <= other.start or other.end <= one.start for other in taken):
            taken.append(one)
    if not any(one.score > before.get(one.name, 0.0) or _respelled(one, again, heard) for one in taken):
        return ""
    for one in sorted(taken, key=lambda one: -one.start):
        again = again[: one.start] + one.name + again[one.end :]
    return again


def _respelled(one: Resemblance, again: str, heard: str) -> bool:
    """Is it another word now, of the same sound ("Layne" for "Lane")?"""
    return again[one.start : one.end].casefold() not in heard.casefold()
