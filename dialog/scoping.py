"""Which topic a caller's question belongs to, in a live call, before it is searched for.

::

    question ─► embedder (1.5 ms) ─► topic model ─► turn.topic ─┬─ its topic is switched off ─► a person
                                                      the wall ├─ stranger than `refuse` ────► "not in our documents"
                                                               └─ else ──────────────────────► the cascade

The model is fitted on the owner's questions (`callwright cascade topics`). Without it, or when the embedder is late, a
question has no topic and goes to the cascade.
"""

from __future__ import annotations

import structlog

from contracts.clock import Clock
from contracts.errors import WorkerError
from contracts.events import EventKind, Rung
from contracts.worker import Priority, WorkerClient
from dialog.embedding import embed
from dialog.outcome import Outcome, Record, Result
from dialog.settings import TopicSettings
from dialog.topics import Topic, TopicModel

log = structlog.get_logger()


class Topics:
    """The fitted model and who embeds for it; one for all calls."""

    def __init__(self, model: TopicModel, workers: WorkerClient, clock: Clock, settings: TopicSettings) -> None:
        self._model = model
        self._workers = workers
        self._clock = clock
        self._settings = settings

    async def of(self, text: str) -> Topic | None:
        """The topic of one question; None when there is no answer in time."""
        deadline = self._clock.now() + self._settings.wait_s
        try:
            vectors = await embed(self._workers, [text], deadline, Priority.FINAL_RECOGNITION)
        except WorkerError as error:
            log.warning("topics.not_judged", error=str(error))
            return None
        return self._model.judge([text], vectors)[0]

    async def scope(self, text: str, record: Record) -> tuple[str, Outcome | None]:
        """The question's topic ("" for none), recorded; and the outcome, if it is too strange to be searched for."""
        topic = await self.of(text)
        if topic is None:
            return "", None
        refuse = self._settings.refuse
        barred = refuse is not None and topic.outside and topic.strangeness >= refuse
        body = {"topic": topic.name, "score": round(topic.score, 3), "strangeness": round(topic.strangeness, 3)}
        record(EventKind.TURN_TOPIC, {**body, "outside": topic.outside, "refused": barred})
        if barred:
            why = f"out of scope: strangeness {topic.strangeness:.2f}, refused from {refuse:.2f}"
            return "", Outcome(Result.UNKNOWN, Rung.PREPARED, why=why)
        return ("" if topic.outside else topic.name), None
