"""Speech made before it is known to be wanted: the first clause of the answer that is likely, while the caller speaks.

::

    caller     ████████████▁▁▁▁▁▁
    words                 ─┤ settled
    rehearse                └──▓▓▓│
    the turn ends                 └ take: the first frame leaves at once
"""

from __future__ import annotations

import asyncio

from contracts.clock import Clock
from contracts.engines import Synthesiser
from contracts.errors import WorkerError
from contracts.worker import Priority, Urgency
from voice.normalise import normalise
from voice.phrases import Phrase, gathered
from voice.settings import MouthSettings


class Rehearsal:
    """One clause of one call. Belongs to the event loop's thread; a failure is as if nothing had been rehearsed."""

    def __init__(self, synthesiser: Synthesiser, clock: Clock, settings: MouthSettings) -> None:
        self._synthesiser = synthesiser
        self._clock = clock
        self._settings = settings
        self._text = ""
        self._task: asyncio.Task[Phrase | None] | None = None
        self._urgency = Urgency(Priority.SPECULATION)

    def begin(self, text: str) -> None:
        """Rehearse this clause, as written, instead of whatever was; nothing happens if it is the same."""
        if text == self._text and self._task is not None:
            return
        self.drop()
        self._text = text
        self._urgency = Urgency(Priority.SPECULATION)
        self._task = asyncio.get_running_loop().create_task(self._make(text, self._urgency))

    async def take(self, text: str) -> Phrase | None:
        """The sound of ``text`` if it was rehearsed and is ready, or nearly; else None, and the work is dropped."""
        task = self._task
        if task is None or text != self._text:
            return None
        self._urgency.raise_to(Priority.FIRST_AUDIO)
        await asyncio.wait({task}, timeout=self._settings.rehearsal_wait_s)
        made = task.result() if task.done() and not task.cancelled() else None
        if self._task is task:
            self.drop()
        return made

    def drop(self) -> None:
        """It is not wanted any more. Harmless twice."""
        if self._task is not None:
            self._task.cancel()
        self._task, self._text = None, ""

    async def _make(self, text: str, urgency: Urgency) -> Phrase | None:
        deadline = self._clock.now() + self._settings.clause_deadline_s
        spoken = normalise(text).text
        try:
            made = await gathered(self._synthesiser.synthesise(spoken, deadline=deadline, first=True, urgency=urgency))
        except WorkerError:
            return None
        return made if made.pcm else None
