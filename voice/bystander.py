"""An ear for somebody whom nobody here answers: a person who talks with the caller. Slower and cheaper than a caller's.

No partial passes, no Smart Turn: silence alone ends a turn, and its words may come late.
"""

from __future__ import annotations

from collections.abc import Callable

from contracts.clock import Clock
from contracts.engines import Recogniser
from contracts.events import EarEvent
from voice.ear import Ear
from voice.settings import VoiceSettings
from voice.vad import SileroModel, VoiceActivity

DEADLINE_S = 20.0
"""Patience with the recogniser; less than a recording waits in memory (telephony.recording.hold_s)."""


class SilenceDecides:
    """contracts.engines.TurnJudge that never says a turn is complete: whoever is not answered need not be cut short."""

    async def probability(self, pcm: bytes, *, deadline: float) -> float:
        """0.0."""
        return 0.0


def bystander_ear(
    settings: VoiceSettings, vad: SileroModel, recogniser: Recogniser, clock: Clock, emit: Callable[[EarEvent], None]
) -> Ear:
    """Give it 20 ms after 20 ms; ``recogniser``: at the priority of what nobody waits for."""
    ear = settings.ear.model_copy(update={"partial_interval_s": 0.0, "final_deadline_s": DEADLINE_S})
    calm = settings.model_copy(update={"ear": ear})
    return Ear(
        calm, VoiceActivity(calm.vad, vad), recogniser, SilenceDecides(), clock, emit, speaking=lambda: False
    )  # fmt: skip
