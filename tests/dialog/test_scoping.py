"""The topic of each question in a live call: recorded, obeyed when it is switched off, and no reason to wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from contracts.errors import WorkerDied
from contracts.events import EventKind
from contracts.switch import Scope, SwitchState, Turned
from contracts.worker import Priority, Reply, Urgency
from dialog.scoping import Topics
from dialog.settings import TopicSettings
from dialog.topicfit import Examples, fit_topics
from dialog.topics import TopicModel

WORDS = {"hours": ("open", "close", "branches"), "balance": ("balance", "money", "available")}
AXES = np.eye(16, dtype=np.float32)


def vector(text: str) -> Any:
    """One axis for each topic's words, a third one for none of them."""
    for axis, words in zip(AXES, WORDS.values(), strict=False):
        if any(word in text.lower() for word in words):
            return axis
    return AXES[9]


class Embeds:
    """contracts.worker.WorkerClient with an embedder that looks at words."""

    def __init__(self, lost: bool = False) -> None:
        self.lost = lost
        self.asked = 0

    async def request(
        self, engine: str, method: str, params: Mapping[str, Any] | None = None, blob: bytes = b"", *,
        deadline: float, priority: Priority | Urgency = Priority.ANSWER,
    ) -> Reply:  # fmt: skip
        self.asked += 1
        if self.lost:
            raise WorkerDied("embedder")
        rows = np.stack([vector(text) for text in (params or {})["texts"]]).astype("<f4")
        return Reply({"shape": list(rows.shape)}, rows.tobytes())

    def stream(self, *args: Any, **more: Any) -> Any:
        raise AssertionError("nothing is streamed")


@pytest.fixture(scope="module")
def model() -> TopicModel:
    draw = np.random.default_rng(1)
    texts = [f"{word} {number}" for words in WORDS.values() for word in words for number in range(8)]
    labels = [name for name, words in WORDS.items() for _ in range(8 * len(words))]
    rows = np.stack([vector(text) for text in texts]) + draw.normal(scale=0.02, size=(len(texts), 16))
    vectors = np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)
    return fit_topics(Examples(texts, vectors, labels), target_error=0.05).model


def with_topics(call: Any, model: TopicModel, embeds: Embeds, **settings: Any) -> None:
    topics = Topics(model, embeds, call.clock, TopicSettings(**settings))
    call.services = replace(call.services, topics=topics)
    call.session._services = call.session._answering.services = call.services


def test_every_question_has_its_topic_in_the_record_and_small_talk_has_none(talk: Any, model: TopicModel) -> None:
    async def scenario(call: Any) -> None:
        with_topics(call, model, Embeds())
        assert "9 a.m." in await call.ask("When are your branches open?")
        await call.ask("Thank you.")

    topics = talk(scenario).record.bodies(EventKind.TURN_TOPIC)
    assert [(one["topic"], one["outside"]) for one in topics] == [("hours", False)]


def test_a_topic_that_is_switched_off_goes_to_a_person_and_others_are_answered(talk: Any, model: TopicModel) -> None:
    async def scenario(call: Any) -> None:
        with_topics(call, model, Embeds())
        call.services.switch.state = SwitchState((Turned(Scope.TOPIC, "balance", True, "ann", "", datetime.now(UTC)),))
        assert "9 a.m." in await call.ask("When are your branches open?")
        await call.ask("What is the available balance?")

    call = talk(scenario)
    assert call.record.handoffs[-1].reason == "kill_switch"


def test_what_is_outside_all_topics_is_searched_for_unless_the_settings_refuse_it(talk: Any, model: TopicModel) -> None:
    async def scenario(call: Any) -> None:
        with_topics(call, model, Embeds())
        await call.ask("Who won the football game?")
        searched = len(call.search.asked)
        assert searched
        with_topics(call, model, Embeds(), refuse=0.0)
        assert "person" in await call.ask("Who won the football game yesterday?")
        assert len(call.search.asked) == searched

    topics = talk(scenario).record.bodies(EventKind.TURN_TOPIC)
    assert [(one["outside"], one["refused"]) for one in topics] == [(True, False), (True, True)]


def test_without_an_embedder_questions_are_answered_all_the_same(talk: Any, model: TopicModel) -> None:
    async def scenario(call: Any) -> None:
        with_topics(call, model, Embeds(lost=True))
        assert "9 a.m." in await call.ask("When are your branches open?")

    assert talk(scenario).record.bodies(EventKind.TURN_TOPIC) == []
