"""The first 200 ms of a caller's sound over the operator's speech: speak softly, then be silent. Pure; frame by frame.

::

    operator   ▇▇▇▇▇▇▇▇▇▇▇▇▅▃▁▁▁▁▁▁▁▁
    caller         ▁▂▃▅▇▇▇▇▇▇▇▇▇▇▇▇▇▇       level above the line's noise floor: a sound, of whatever kind
    Silero         ▁▁▁▁▁▁▁▁▇▇▇▇▇▇▇▇▇▇       voiced: it is a voice; comes 40–160 ms late, at an "s" or "ex" most
                   │        │ └ HOLD: the sound has lasted ``hold_s``, and is surely a voice, or was for ``confirm_s``
                   onset    └ DUCK: the first voiced frame

The turn machine counts voiced frames alone, and so pays for Silero's lateness twice: until the first, and then 100 ms
more. Here what sounded before the first voiced frame counts as part of it, if it was not there all along.
"""

from __future__ import annotations

from enum import Enum, auto

from contracts.audio import FRAME_S
from voice.settings import OverlapSettings
from voice.vad import Activity

_EPS = 1e-6


class Step(Enum):
    """What the operator's speech is to do."""

    DUCK = auto()
    HOLD = auto()
    OVER = auto()
    """The sound is over."""


class OverlapWatch:
    """One call's. Feed it every frame; it answers when something is to change."""

    def __init__(self, settings: OverlapSettings) -> None:
        self._settings = settings
        self._floor = settings.floor_dbfs
        self.reset()

    def reset(self) -> None:
        """Forget the sound that is being heard; the line's noise floor stays known."""
        self._sound_s = self._voiced_s = self._quiet_s = 0.0
        self._sure = False
        self._step: Step | None = None

    def frame(self, activity: Activity, *, operator_speaking: bool) -> Step | None:
        """20 ms of the caller; ``operator_speaking``: our speech is at the caller's ear, or is held for this sound."""
        loud = self._above_floor(activity)
        if not operator_speaking:
            self.reset()
            return None
        if not (loud or activity.voiced):
            return self._quiet()
        self._quiet_s = 0.0
        if activity.voiced and not self._voiced_s and self._sound_s > self._settings.credit_s + _EPS:
            self._sound_s = 0.0  # a noise that was there all along is no beginning of speech
        self._sound_s += FRAME_S
        self._voiced_s += FRAME_S if activity.voiced else 0.0
        self._sure |= activity.voiced and activity.probability >= self._settings.sure_probability
        return self._decide()

    def _decide(self) -> Step | None:
        settings = self._settings
        if self._step is Step.HOLD or not self._voiced_s:
            return None
        voice = self._sure or self._voiced_s >= settings.confirm_s - _EPS
        step = Step.HOLD if voice and self._sound_s >= settings.hold_s - _EPS else Step.DUCK
        if step is self._step:
            return None
        self._step = step
        return step

    def _quiet(self) -> Step | None:
        self._quiet_s += FRAME_S
        if self._quiet_s < (self._settings.over_s if self._step else self._settings.gap_s) - _EPS:
            return None
        before = self._step
        self.reset()
        return Step.OVER if before is not None else None

    def _above_floor(self, activity: Activity) -> bool:
        """Louder than the line's noise, which is followed: down at once, up slowly and never while there is a voice."""
        settings, level = self._settings, activity.level_dbfs
        loud = level >= max(settings.floor_dbfs, self._floor + settings.rise_db)
        if level < self._floor:
            self._floor = level
        elif not activity.voiced:
            self._floor = min(level, self._floor + settings.floor_rise_db_s * FRAME_S)
        return loud
