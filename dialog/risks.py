"""The classifier of danger and need beside the rules: its examples are embedded at start-up, each turn as it ends.

Without it (still learning, embedder down or late) there are no scores, and the rules' phrases alone decide.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import numpy as np
import structlog

from contracts.clock import Clock
from contracts.errors import WorkerError
from contracts.worker import Priority, WorkerClient
from dialog.embedding import embed
from escalation.risk import RiskFile, RiskModel, Vectors, pieces

log = structlog.get_logger()

_BATCH = 64
_LEARN_S = 60.0


class Risks:
    """Scores of turns; one for all calls. ``wait_s``: how long a turn waits for its scores."""

    def __init__(self, file: RiskFile, workers: WorkerClient, clock: Clock, wait_s: float) -> None:
        self._file = file
        self._workers = workers
        self._clock = clock
        self._wait_s = wait_s
        self._model: RiskModel | None = None

    async def learn(self) -> bool:
        """Embed the examples and fit the model, some seconds of one core; False if the embedder is not there."""
        texts = self._file.texts
        rows: list[Vectors] = []
        until = self._clock.now() + _LEARN_S
        try:
            for start in range(0, len(texts), _BATCH):
                rows.append(await self._embed(texts[start : start + _BATCH], until, Priority.BACKGROUND))
        except WorkerError as error:
            log.warning("risks.not_learned", error=str(error))
            return False
        self._model = await asyncio.to_thread(RiskModel.fit, self._file, np.concatenate(rows))
        return True

    async def of(self, text: str) -> Mapping[str, float]:
        """Label → 0..1 for one turn; empty when there is nobody to ask or no answer in time."""
        parts = pieces(text)
        if self._model is None or not parts:
            return {}
        try:
            vectors = await self._embed(parts, self._clock.now() + self._wait_s, Priority.FINAL_RECOGNITION)
        except WorkerError as error:
            log.warning("risks.not_scored", error=str(error))
            return {}
        return self._model.score(parts, vectors)

    async def _embed(self, texts: Sequence[str], deadline: float, priority: Priority) -> Vectors:
        return await embed(self._workers, texts, deadline, priority)
