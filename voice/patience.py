"""How long a silence must last before it is the end of a turn: the chance that the caller only pauses, let run down.

::

    chance of   1 ┤●  odds at the first silence: the words, Smart Turn's probability, the answer expected
    going on      │ ╲
                  │  ╲  pauses inside turns end at a steady rate: every ``pause_s`` of silence divides the odds by e
            risk  ┤····╲························ the accepted chance of cutting in: here the turn is ended
                  └─────┴───────► silence

    silence = pause_s · (log odds of going on − log odds of the accepted risk)

A hard threshold on one sign (silence, or Smart Turn alone) is either slow for everybody or cuts in on those who think.
Here a doubtful sign costs time and a sure one saves it, and one figure, the risk, moves the whole machine along its
curve of cut-ins against delay.
"""

from __future__ import annotations

import math

from voice.completeness import Completeness
from voice.settings import EndpointProfile, PatienceSettings

_SUREST = 0.99
"""Smart Turn's probability is read no further than this: it is not calibrated beyond."""


def log_odds(probability: float) -> float:
    """Natural logarithm of p / (1 - p)."""
    p = min(_SUREST, max(1.0 - _SUREST, probability))
    return math.log(p / (1.0 - p))


def silence_wanted_s(
    settings: PatienceSettings,
    profile: EndpointProfile,
    words: Completeness,
    probability: float | None,
    pause_s: float,
) -> float:
    """Seconds of silence after which the turn is ended.

    ``probability``: Smart Turn's that the caller has finished, None if there is none. ``pause_s``: how long this caller
    pauses. Whole answers (COMPLETE) are not waited for longer because digits or a name were expected.
    """
    going_on = {
        Completeness.COMPLETE: settings.complete,
        Completeness.UNKNOWN: settings.unknown,
        Completeness.LEADING: settings.leading,
        Completeness.INCOMPLETE: settings.incomplete,
    }[words]
    shortest = settings.whole_silence_s
    if words is not Completeness.COMPLETE:
        going_on += profile.caution
        shortest = profile.short_silence_s
    if probability is not None:
        going_on -= settings.smart_turn_weight * log_odds(probability)
    risk = math.log(settings.risk / (1.0 - settings.risk))
    return min(profile.max_silence_s, max(shortest, pause_s * (going_on - risk)))
