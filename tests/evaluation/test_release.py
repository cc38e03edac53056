"""The suites over a release: questions from its own documents, and the whole way through a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import ReleaseRefused
from evaluation.release import questions_of
from knowledge.apart import WholeDocument
from knowledge.base import KnowledgeBase
from knowledge.settings import KnowledgeSettings
from knowledge.suites import SuiteChoice
from tests.knowledge.conftest import ROOT, model_folder

PRODUCTS = [
    f"{colour} Saver" for colour in "Amber Black Coral Denim Ebony Flint Green Hazel Ivory Jade Khaki Lime".split()
]
"""Twelve, of which one is left out."""


def document(source: str, title: str, body: str, *, answers: bool = False) -> WholeDocument:
    return WholeDocument(f"id-{source}", source, title, body, answers)


def product(at: int, name: str) -> WholeDocument:
    body = f"# {name}\n\nThe monthly maintenance fee is ${at + 3}. The opening deposit minimum is ${25 + at}.\n"
    return document(f"{at}.md", name, body)


def test_questions_name_their_product_and_those_of_a_document_left_out_have_no_answer() -> None:
    found = questions_of([product(at, name) for at, name in enumerate(PRODUCTS)], ["who won the cup"], 100, seed=1)
    assert len(found.gone) == 1
    assert len(found.asked) == 22
    assert all(one.article and one.article not in found.gone for one in found.asked)
    assert [one.text for one in found.absent if one.case.startswith("golden")] == ["who won the cup"]
    (gone,) = found.gone
    left_out = [one for one in found.absent if one.case.startswith("left out")]
    assert {one.text.rpartition(" for ")[2] for one in left_out} == {f"{PRODUCTS[int(gone.partition('.')[0])]}?"}
    assert any(one.case.startswith("anything") for one in found.absent)
    assert not any(one.article for one in found.absent)


def test_of_a_small_base_nothing_is_left_out_and_titles_that_name_nothing_are_not_asked_for() -> None:
    fees = document("fees.md", "Fees", "# Fees\n\nThe outgoing wire fee is $25.\n\n## Can I order checks?\n\nYes.\n")
    listed = document("inn#1", "Grant Inn", "## Is there a pool?\n\nYes, on the roof.\n", answers=True)
    found = questions_of([fees, listed], [], 100, seed=1)
    assert not found.gone
    assert all(one.case.startswith("anything") for one in found.absent)
    texts = {one.text for one in found.asked}
    assert texts == {"What is the outgoing wire fee?", "Can I order checks?", "Is there a pool at Grant Inn?"}


def test_as_many_as_wanted_are_asked_and_the_same_ones_each_time() -> None:
    documents = [product(at, name) for at, name in enumerate(PRODUCTS)]
    first, again = (questions_of(documents, [], 5, seed=3) for _ in range(2))
    assert first == again
    assert len(first.asked) == 5


@pytest.fixture
def base(tmp_path: Path) -> Iterator[KnowledgeBase]:
    from workers.engines.embedder import Embedder

    given = {
        "embedder": str(model_folder()),
        "cascade": str(ROOT / "configs" / "cascade.yaml"),
        "language_models": {},
        "name": "Test Bank",
    }
    settings = KnowledgeSettings.model_validate({"releases": {"suites": {"gate": "required"}, "block_on": []}})
    suites = SuiteChoice("evaluation.releasechild", given)
    base = KnowledgeBase(tmp_path, settings, Embedder(model_folder()), suites=suites)
    base.open()
    yield base
    base.close()


def evaluated(base: KnowledgeBase, release: str) -> dict[str, Any]:
    """What the suites found, when they are done."""
    assert base.wait_evaluated(120)
    (info,) = (one for one in base.releases() if one.release == release)
    return dict(info.report["suites"]) | {"objections": info.report["objections"]}


@pytest.mark.models
def test_a_release_is_evaluated_beside_the_calls_and_then_may_go_live(base: KnowledgeBase) -> None:
    for at, name in enumerate(PRODUCTS):
        one = product(at, name)
        base.add(one.body.encode(), one.source, by="maria")
    release = base.propose(by="maria").release
    with pytest.raises(ReleaseRefused, match="suites have not been asked to the end"):
        base.publish(release, by="maria")
    found = evaluated(base, release)
    assert found["state"] == "done", found
    figures = {one["name"]: one for one in found["figures"]}
    assert figures["any_hit_10"]["cases"] == figures["answered"]["cases"] == 22
    assert figures["any_hit_10"]["hits"] == 22
    assert figures["abstain"]["cases"] == 2 + 40
    shares = {name: one["share"] for name, one in figures.items()}
    assert shares == {"any_hit_10": 1.0, "answered": 1.0, "unsupported": 0.0, "abstain": 1.0}
    assert found["objections"] == []
    assert base.publish(release, by="maria").release == release
    assert base.evaluate(release, by="maria").report["suites"]["state"] == "running"
    assert evaluated(base, release)["figures"] == found["figures"]
