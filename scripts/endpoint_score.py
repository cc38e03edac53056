"""Compares the turn machine's decisions with where the turns of a call truly end.

::

    caller    my name is ···pause··· ann lee ─────────────────
    machine             ▲ cut-in               ▲ end
                                            └──┴ added delay: from the true end of the last word to the decision

A decision is a **cut-in** when it falls into a pause, up to 0.15 s after the caller went on (the machine needs as long
to hear it), or into the words themselves, as when the VAD loses one. ``cut_in_rate`` is cut-ins over pauses of at least
0.2 s; cut-ins elsewhere count above the line and below it. The **added delay** is that of the first decision not more
than 0.1 s before the true end; a turn without one before the next turn begins is **missed**.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scripts.endpoint_truth import Channel, Turn, speech_mask
from scripts.stats import summary, wilson
from voice.vad import Activity

HEARD_S = 0.15
EARLY_S = 0.1
STEP_MS = 32
BRIDGE_S = 0.2


@dataclass(slots=True)
class Verdicts:
    """What became of the turns of one or more channels."""

    turns: int = 0
    pauses: int = 0
    cut: int = 0
    """Pauses in which the turn was ended."""
    cut_elsewhere: int = 0
    turns_cut: int = 0
    missed: int = 0
    delays: list[float] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)

    def add(self, other: Verdicts) -> None:
        """Take another channel's in."""
        for name in ("turns", "pauses", "cut", "cut_elsewhere", "turns_cut", "missed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.delays += other.delays
        self.cases += other.cases

    @property
    def chances(self) -> int:
        """Moments at which a turn could be cut: pauses, and the other moments where one was."""
        return self.pauses + self.cut_elsewhere

    @property
    def cut_in_rate(self) -> float:
        """Share of them that were."""
        return (self.cut + self.cut_elsewhere) / self.chances if self.chances else 0.0


def judge_turn(turn: Turn, ends: Sequence[float]) -> tuple[set[int], int, float | None]:
    """Which pauses were cut, how many cut-ins fell elsewhere, and the added delay (None: missed).

    ``ends``: decisions from the turn's first word to the next turn's, in order.
    """
    cut: set[int] = set()
    elsewhere = 0
    delay: float | None = None
    for at in ends:
        hit = [i for i, pause in enumerate(turn.pauses) if pause.start - 0.05 < at <= pause.end + HEARD_S]
        if hit:
            cut.update(hit)
        elif at < turn.end - EARLY_S:
            elsewhere += 1
        elif delay is None:
            delay = at - turn.end
    return cut, elsewhere, delay


def judge_channel(channel: Channel, ends: Sequence[float]) -> Verdicts:
    """All turns of a channel against all decisions of the machine."""
    found = Verdicts(turns=len(channel.turns))
    for turn in channel.turns:
        mine = [at for at in ends if turn.start < at < turn.until]
        cut, elsewhere, delay = judge_turn(turn, mine)
        found.pauses += len(turn.pauses)
        found.cut += len(cut)
        found.cut_elsewhere += elsewhere
        found.turns_cut += bool(cut or elsewhere)
        found.missed += delay is None
        if delay is not None:
            found.delays.append(delay)
        for index, pause in enumerate(turn.pauses):
            words = " ".join(word.text for word in turn.words if word.start < pause.start)
            found.cases.append({"channel": channel.name, "at": round(pause.start, 2), "pause_s": round(pause.length, 2),
                                "cut": index in cut, "words": words})  # fmt: skip
        added = None if delay is None else round(delay, 3)
        found.cases.append({"channel": channel.name, "at": round(turn.end, 2), "words": turn.text,
                            "delay_s": added, "cut_elsewhere": elsewhere})  # fmt: skip
    return found


def figures(found: Verdicts) -> dict[str, Any]:
    """JSON-ready, with 95 % intervals."""
    cuts = found.cut + found.cut_elsewhere
    return {
        "cut_in_rate": round(found.cut_in_rate, 4),
        "cut_in_interval": _rounded(wilson(cuts, found.chances)),
        "cut_ins": cuts,
        "pauses": found.pauses,
        "cut_elsewhere": found.cut_elsewhere,
        "turns": found.turns,
        "turns_cut": found.turns_cut,
        "turns_cut_interval": _rounded(wilson(found.turns_cut, found.turns)),
        "missed": found.missed,
        "added_delay_s": summary(found.delays),
    }


@dataclass(slots=True)
class Frames:
    """VAD against words, in steps of 32 ms."""

    both: int = 0
    vad_only: int = 0
    words_only: int = 0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = 2 * self.both + self.vad_only + self.words_only
        return 2 * self.both / total if total else 1.0

    def add(self, other: Frames) -> None:
        """Take another channel's in."""
        self.both += other.both
        self.vad_only += other.vad_only
        self.words_only += other.words_only


def judge_activity(channel: Channel, activity: Sequence[Activity]) -> Frames:
    """The VAD's answer, as the machine had it at that moment, for the middle of every 32 ms.

    Truth is the word times, gaps of up to 0.2 s between words filled; sounds marked as noise are left out.
    """
    speech, counts = speech_mask(channel, STEP_MS, BRIDGE_S)
    frame_of = (np.arange(len(speech)) * STEP_MS + STEP_MS // 2) // 20
    voiced = np.array([one.voiced for one in activity], dtype=bool)[frame_of]
    return Frames(
        both=int((speech & voiced & counts).sum()),
        vad_only=int((~speech & voiced & counts).sum()),
        words_only=int((speech & ~voiced & counts).sum()),
    )


def f1_figures(frames: Iterable[Frames], draws: int = 2000, seed: int = 1) -> dict[str, Any]:
    """F1, precision and recall of channels together; the interval draws channels, for a line's errors go together."""
    each = list(frames)
    total = Frames()
    for one in each:
        total.add(one)
    counts = np.array([[one.both, one.vad_only, one.words_only] for one in each], dtype=np.float64)
    drawn = counts[np.random.default_rng(seed).integers(0, len(each), size=(draws, len(each)))].sum(axis=1)
    rates = 2 * drawn[:, 0] / np.maximum(1.0, 2 * drawn[:, 0] + drawn[:, 1] + drawn[:, 2])
    return {
        "f1": round(total.f1, 4),
        "interval": _rounded((float(np.percentile(rates, 2.5)), float(np.percentile(rates, 97.5)))),
        "precision": round(total.both / max(1, total.both + total.vad_only), 4),
        "recall": round(total.both / max(1, total.both + total.words_only), 4),
    }


def _rounded(interval: tuple[float, float]) -> list[float]:
    return [round(bound, 4) for bound in interval]
