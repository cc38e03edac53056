"""No dead air: while the caller is owed an answer, silence never grows longer than ``silence_most_s``.

::

    caller    ▇▇▇▇▇│ end of their words
    operator       │▁▁▁▁[ filler ]▁▁▁▁▁[ still looking ]▁▁[ first sentence ]▁▁▁▁▁▁▁▁[ still looking ]▁[ second ]
                    budget        budget                                    vigil

The budget (dialog/budget.py) fills the silence of a question sooner, and knows why it will be long. The vigil stands
below it and below all else that may take its time: the recogniser, the owner's systems, a sentence without sound, the
next sentence of an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from contracts.clock import Clock
from contracts.events import EventKind
from dialog.ahead import swallow
from dialog.budget import Step
from dialog.speaking import Speaking

_EPS = 1e-6


class Vigil:
    """Of one call: one thing is owed at a time."""

    def __init__(self, speaking: Speaking, clock: Clock, silence_most_s: float) -> None:
        self._speaking = speaking
        self._clock = clock
        self._most_s = silence_most_s
        self._watch: asyncio.Task[None] | None = None
        self._until_heard: float | None = None
        """The next sound of ours after this time settles what is owed."""

    async def over(self, work: Callable[[], Awaitable[object]], since: float) -> None:
        """Do ``work``, for which the caller has waited since that time; afterwards nothing is owed."""
        self.owe(since)
        try:
            await work()
        finally:
            self.settled()

    def owe(self, since: float) -> None:
        """The caller has finished speaking, and waits for us."""
        self.settled()
        self._until_heard = None
        self._watch = asyncio.create_task(self._stand(since), name="vigil")
        self._watch.add_done_callback(swallow)

    def settled(self) -> None:
        """Nothing is owed. Harmless twice."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def settled_by_next(self) -> None:
        """What we say next is the last that is owed: somebody else will talk to the caller."""
        self._until_heard = self._clock.now()

    async def _stand(self, since: float) -> None:
        silent_since = since
        while True:
            now = self._clock.now()
            silent_since = max(silent_since, self._speaking.sounded_at)
            if self._until_heard is not None and silent_since > self._until_heard:
                return
            if not self._speaking.listened_to:
                silent_since = now
            if now < silent_since + self._most_s - _EPS:
                await asyncio.sleep(silent_since + self._most_s - now)
                continue
            await self._say(now - since, now - silent_since, first=silent_since <= since)

    async def _say(self, after_s: float, silent_s: float, *, first: bool) -> None:
        step = Step.FILLER if first else Step.FILLER_AGAIN
        why = f"{silent_s:.1f} s of silence"
        self._speaking.record(EventKind.BUDGET_CHOSE, {"step": str(step), "why": why, "at_s": round(after_s, 3)})
        # A sentence of its own task: whoever settles what is owed does not cut it off.
        saying = asyncio.create_task(self._speaking.line(str(step), before=True), name="vigil-filler")
        saying.add_done_callback(swallow)
        await asyncio.wait({saying})
