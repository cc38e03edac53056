"""What the turn machine decides. Times are monotonic seconds of the frames that were fed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Onset:
    """Sound that lasted long enough to be speech. ``at``: its first moment; ``continues``: an ended turn goes on."""

    at: float
    during_speech: bool
    continues: bool


@dataclass(slots=True, frozen=True)
class BargeIn:
    """The caller has talked over the operator long enough to mean it."""

    at: float


@dataclass(slots=True, frozen=True)
class Claimed:
    """Too long for a mere "mm-hm": the caller has the floor."""

    at: float


@dataclass(slots=True, frozen=True)
class Recognise:
    """Start the pass that is final if nothing more is said, on the sound from ``start`` to ``until``."""

    start: float
    until: float


@dataclass(slots=True, frozen=True)
class GoesOn:
    """The caller speaks again: the pass begun in the pause was not the final one."""

    at: float


@dataclass(slots=True, frozen=True)
class Cut:
    """Recognise the sound from ``start`` to ``until`` for good; the turn goes on after it."""

    start: float
    until: float


@dataclass(slots=True, frozen=True)
class Ask:
    """Ask Smart Turn; the verdict comes back with ``serial``."""

    serial: int
    at: float


@dataclass(slots=True, frozen=True)
class Likely:
    """Smart Turn holds the turn for finished; it may not be over yet."""

    probability: float
    at: float


@dataclass(slots=True, frozen=True)
class Ended:
    """The turn is over. ``voiced_s`` is how much of it was speech; ``probability`` 0.0 if silence alone decided."""

    started: float
    speech_ended: float
    at: float
    probability: float
    voiced_s: float
    during_speech: bool
    barged: bool
    continues: bool


@dataclass(slots=True, frozen=True)
class LongSilence:
    """Nobody has spoken for ``seconds``."""

    seconds: float
    at: float


Decision = Onset | BargeIn | Claimed | Recognise | GoesOn | Cut | Ask | Likely | Ended | LongSilence
