"""A turn recognised in pieces: which passes count when some heard the same sound again.

::

    first pass    ████████                     "I'd like to change"
    second pass   ████████▁▁▁▁██████           "I'd like to change my address."    replaces the first
    cut           ████████████████│███████     two passes, their words one after the other
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.engines import Transcript
from voice.words import WORKER


@dataclass(slots=True, frozen=True)
class Segment:
    """A piece of a turn from ``start`` on, and the pass that finds its words."""

    start: float
    words: asyncio.Task[Transcript]


def rejoined(segments: Sequence[Segment], start: float, until: float, limit_s: float) -> float:
    """Where a pass up to ``until`` begins: at ``start``, or earlier where it may hear past segments again."""
    return min([start, *(one.start for one in segments if until - one.start <= limit_s)])


def succeeded(task: asyncio.Task[Transcript]) -> bool:
    """Is there a result to be had?"""
    return task.done() and not task.cancelled() and task.exception() is None


def results(segments: Sequence[Segment]) -> list[tuple[float, Transcript]]:
    """Start and words of the segments whose passes are over; ``rejected="worker"`` for those that failed."""
    lost = Transcript("", rejected=WORKER)
    done = [one for one in segments if one.words.done()]
    return [(one.start, one.words.result() if succeeded(one.words) else lost) for one in done]


def latest(passes: Sequence[tuple[float, Transcript]]) -> list[Transcript]:
    """The passes that count, in order: words found in sound that was heard again replace those found before.

    A second hearing that found nothing, or was lost with its worker, replaces nothing.
    """
    kept: list[tuple[float, Transcript]] = []
    for start, transcript in passes:
        again = bool(kept) and start <= kept[-1][0]
        if again and not (transcript.text or transcript.alternatives) and any(one.text for _, one in kept):
            continue
        if again:
            kept = [one for one in kept if one[0] < start]
        kept.append((start, transcript))
    return [transcript for _, transcript in kept]
