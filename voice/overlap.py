"""The first 200 ms of a caller's sound over the operator's speech: speak softly, then be silent. Pure; frame by frame.

::

    operator   ▇▇▇▇▇▇▇▇▇▇▇▇▅▃▁▁▁▁▁▁▁▁
    caller         ▁▂▃▅▇▇▇▇▇▇▇▇▇▇▇▇▇▇       level above the line's noise floor: a sound, of whatever kind
    Silero         ▁▁▁▁▁▁▁▁▇▇▇▇▇▇▇▇▇▇       voiced: it is a voice; comes 40–300 ms late, at an "s" or "ex" most
                   │        │ └ HOLD: the sound has lasted ``hold_s``, and is surely a voice, or was for ``confirm_s``
                   onset    └ DUCK: the first voiced frame

    "sss…"         ▂▂▂▂▂▂▂▂▂▇▇▇▇▇▇▇▇▇       no voice yet, but it stands out from all that this line brought of late:
                        └ HOLD on trial after ``trial_after_s``; a voice within ``trial_s`` confirms it
    a siren        ▃▄▅▆▇▇▇▇▇▇▇▇▇▇▇▇▇
                        └ HOLD  └ OVER: nobody spoke; the line is known for it now, and has no trial for a while

The turn machine counts voiced frames alone, and so pays for Silero's lateness twice: until the first, and then 100 ms
more. Here what sounded before the first voiced frame counts as part of it, if it was not there all along.
"""

from __future__ import annotations

from enum import Enum, auto

from contracts.audio import FRAME_S
from voice.settings import OverlapSettings
from voice.vad import Activity

_EPS = 1e-6
_NOTHING_DBFS = -120.0


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
        self._trust = Trust(settings)
        self.reset()

    def reset(self) -> None:
        """Forget the sound that is being heard; what the line is known for stays known."""
        self._sound_s = self._voiced_s = self._quiet_s = 0.0
        self._loudest_dbfs = _NOTHING_DBFS
        self._sure = False
        self._step: Step | None = None
        self._trial_s: float | None = None
        """Of a hold for a sound without a voice: how much longer one is waited for."""

    def frame(self, activity: Activity, *, operator_speaking: bool) -> Step | None:
        """20 ms of the caller; ``operator_speaking``: our speech is at the caller's ear, or is held for this sound."""
        loud = self._above_floor(activity)
        self._trust.pass_time()
        if not (loud or activity.voiced):
            self._trust.heard(activity.level_dbfs)  # after a gap in the packets the line's own noise is no news
        if not operator_speaking:
            self.reset()
            return None
        if not (loud or activity.voiced):
            return self._quiet() or self._tried()
        self._quiet_s = 0.0
        if activity.voiced and not self._voiced_s and self._sound_s > self._settings.credit_s + _EPS:
            self._sound_s = 0.0  # a noise that was there all along is no beginning of speech
        self._sound_s += FRAME_S
        self._loudest_dbfs = max(self._loudest_dbfs, activity.level_dbfs)
        self._voiced_s += FRAME_S if activity.voiced else 0.0
        self._sure |= activity.voiced and activity.probability >= self._settings.sure_probability
        return self._decide(activity.level_dbfs) or self._tried()

    @property
    def _voice(self) -> bool:
        """The sound is a voice."""
        return self._sure or self._voiced_s >= self._settings.confirm_s - _EPS

    def _decide(self, level_dbfs: float) -> Step | None:
        settings = self._settings
        if self._step is Step.HOLD:
            return None
        if self._voice and self._sound_s >= settings.hold_s - _EPS:
            return self._turn_to(Step.HOLD)
        begins = settings.trial_after_s - _EPS <= self._sound_s <= settings.credit_s + _EPS
        lasts = level_dbfs >= self._loudest_dbfs - settings.fall_db
        if begins and lasts and self._trust.startled(self._loudest_dbfs):
            self._trial_s = settings.trial_s
            return self._turn_to(Step.HOLD)
        return self._turn_to(Step.DUCK) if self._voiced_s else None

    def _turn_to(self, step: Step) -> Step | None:
        before, self._step = self._step, step
        return step if step is not before else None

    def _tried(self) -> Step | None:
        """A hold on trial is over when no voice comes."""
        if self._trial_s is None:
            return None
        if self._voice:
            self._trial_s = None
            return None
        self._trial_s -= FRAME_S
        if self._trial_s > _EPS:
            return None
        self._trial_s = self._step = None
        self._trust.disappointed(self._loudest_dbfs)
        return Step.OVER

    def _quiet(self) -> Step | None:
        self._quiet_s += FRAME_S
        if self._quiet_s < (self._settings.over_s if self._step else self._settings.gap_s) - _EPS:
            return None
        before = self._step
        if self._sound_s and not self._voice:
            self._trust.heard(self._loudest_dbfs)
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


class Trust:
    """May a sound that is no voice yet silence us? Only one that is louder than what this line is known for.

    ::

        clank -20 dB   HOLD, OVER     the line is known for -20 dB, less by ``forget_db_s``; no trial for ``rest_s``
        clank -20 dB   nothing
        "sss" -10 dB   HOLD           after the rest
    """

    def __init__(self, settings: OverlapSettings) -> None:
        self._settings = settings
        self._known_dbfs = _NOTHING_DBFS
        self._rest_s = settings.settle_s

    def pass_time(self) -> None:
        """20 ms have passed."""
        self._known_dbfs -= self._settings.forget_db_s * FRAME_S
        self._rest_s = max(0.0, self._rest_s - FRAME_S)

    def startled(self, level_dbfs: float) -> bool:
        """Is such a sound unheard of on this line?"""
        return self._rest_s < _EPS and level_dbfs >= self._known_dbfs + self._settings.rise_db

    def heard(self, level_dbfs: float) -> None:
        """A sound that was no voice is over."""
        self._known_dbfs = max(self._known_dbfs, level_dbfs)

    def disappointed(self, level_dbfs: float) -> None:
        """We were silent for it, and nobody spoke."""
        self.heard(level_dbfs)
        self._rest_s = self._settings.rest_s
