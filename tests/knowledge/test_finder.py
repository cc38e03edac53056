"""What the conversation adds to a question: names, other readings, and stories told in one breath."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge.base import KnowledgeBase
from knowledge.indexer import Embeds
from knowledge.query import parts, prepare, with_readings
from knowledge.searching import Searcher
from knowledge.settings import KnowledgeSettings, SearchSettings
from knowledge.snapshot import Snapshot
from knowledge.vectors import Vector
from tests.knowledge.conftest import publish

INNS = {
    "inn": {
        "1": {"name": "Alder Lodge", "docs": {"0": {"title": "Are dogs allowed?", "body": "Dogs are welcome."}}},
        "2": {
            "name": "Birch House",
            "docs": {
                "0": {"title": "Are dogs allowed?", "body": "No dogs, please."},
                "1": {"title": "Is there a shared kitchen?", "body": "Guests may cook on the first floor."},
            },
        },
    }
}
WIRES = "# Wire transfers\n\nA wire transfer abroad costs 45 dollars and takes two days."


@pytest.fixture(scope="module")
def base(embedder: Embeds, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    found = KnowledgeBase(tmp_path_factory.mktemp("base"), KnowledgeSettings(), embedder)
    found.open()
    found.add(json.dumps(INNS).encode(), "inns.json", by="editor")
    found.add(WIRES.encode(), "wires.md", by="editor")
    publish(found)
    assert found.wait_indexed(120)
    yield found
    found.close()


@pytest.mark.parametrize(("named", "text"), [("alter lodge", "Dogs are welcome."), ("birch hous", "No dogs, please.")])
def test_the_thing_that_was_named_before_is_the_one_asked_about(base: KnowledgeBase, named: str, text: str) -> None:
    found = base.search("do they take dogs", talk=["a place to stay please", f"how about the {named}", "ok"])
    assert found.best is not None
    assert (found.best.text, found.best.named > 0.5) == (text, True)


def test_a_new_subject_is_not_pulled_back_to_the_old_name(base: KnowledgeBase) -> None:
    found = base.search("what does a wire abroad cost", talk=["how about the birch house", "no thanks"])
    assert found.best is not None
    assert found.best.source == "wires.md"


def test_another_reading_may_be_the_one_that_answers(base: KnowledgeBase) -> None:
    talk = ["how about the birch house"]
    said = "do day av the coul chun"
    plain = {one.text: one.score for one in base.search(said, talk=talk).passages}
    heard = {
        one.text: one.score for one in base.search(said, talk=talk, readings=[said, "is there a kitchen"]).passages
    }
    assert heard["Guests may cook on the first floor."] > plain["Guests may cook on the first floor."] + 0.2


def test_a_story_is_searched_for_sentence_by_sentence(base: KnowledgeBase) -> None:
    story = "My cousin came to visit last week and we talked about old times for hours. " * 6
    found = base.search(f"{story} I want to send a wire abroad. {story}")
    assert "wires.md" in [one.source for one in found.passages[:3]]


def test_parts_of_a_story() -> None:
    assert parts("a short question", words=5, most=3) == ["a short question"]
    assert parts("Lost card. And the wire! Hello. My mortgage?", words=3, most=2) == ["And the wire!", "My mortgage?"]
    assert parts("one mortgage two wires three cards", words=2, most=9) == ["one mortgage", "two wires", "three cards"]


def test_readings_that_say_the_same_are_not_searched_for_again() -> None:
    question = prepare("how much is a wire")
    heard = with_readings(
        question, ["How much is a wire", "um how much is a wire", "how much is a fire", "x wire"], most=1
    )
    assert heard.readings == ("how much is a fire",)


class BusyIndex:
    """An index that never has time to say what is near, and counts how often it was asked."""

    def __init__(self, embedder: Embeds) -> None:
        self._embedder = embedder
        self.times = 0

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._embedder.embed(list(texts))

    def nearest(self, vector: Vector, snapshot: Snapshot, barred: frozenset[int], count: int) -> None:
        self.times += 1


@pytest.mark.parametrize(("scanned", "times"), [(0, 1), (1000, 0)])
def test_the_index_is_asked_about_large_releases_only_and_found_is_the_same(
    base: KnowledgeBase, embedder: Embeds, scanned: int, times: int
) -> None:
    index = BusyIndex(embedder)
    settings = KnowledgeSettings(search=SearchSettings(scan_passages=scanned))
    found = Searcher(index, settings, date.today).evidence(base._shelf.live, "what does a wire abroad cost")
    assert found.best is not None
    assert (found.best.source, index.times) == ("wires.md", times)
