"""Does the demo bank answer what callers ask? questions.yaml holds spoken-style questions of our own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.engines import Evidence
from knowledge.base import KnowledgeBase
from knowledge.settings import SearchSettings

pytestmark = pytest.mark.models

QUESTIONS: list[Mapping[str, Any]] = yaml.safe_load((Path(__file__).parent / "questions.yaml").read_text())


def ask(bank: KnowledgeBase, question: Mapping[str, Any]) -> Evidence:
    return bank.search(question["ask"], limit=5, context=[question["after"]] if "after" in question else [])


def sources(bank: KnowledgeBase, evidence: Evidence) -> list[str]:
    names = {info.document_id: info.source for info in bank.list_documents()}
    return [names[passage.document_id] for passage in evidence.passages]


def fused(evidence: Evidence) -> float:
    best, weights = evidence.best, SearchSettings()
    return 0.0 if best is None else weights.vector_weight * best.score + weights.lexical_weight * best.lexical


def test_nine_of_ten_questions_find_their_document_first_and_nearly_all_in_three(demo_bank: KnowledgeBase) -> None:
    answerable = [question for question in QUESTIONS if question["document"]]
    found = [(question["document"], sources(demo_bank, ask(demo_bank, question))) for question in answerable]
    assert len(answerable) >= 48
    assert sum(names[:1] == [wanted] for wanted, names in found) / len(found) >= 0.9
    assert sum(wanted in names[:3] for wanted, names in found) / len(found) >= 0.97


def test_a_threshold_on_the_fused_score_tells_answerable_from_not(demo_bank: KnowledgeBase) -> None:
    yes = [fused(ask(demo_bank, question)) for question in QUESTIONS if question["document"]]
    no = [fused(ask(demo_bank, question)) for question in QUESTIONS if not question["document"]]
    assert len(no) >= 12
    assert sum(score >= 0.43 for score in yes) / len(yes) >= 0.9
    assert sum(score < 0.43 for score in no) / len(no) >= 0.9


def test_disfluent_order_of_checks_finds_the_checks(demo_bank: KnowledgeBase) -> None:
    evidence = demo_bank.search("hi I'd like to uh order some checks please", limit=1)
    assert sources(demo_bank, evidence) == ["order-checks.md"]
    assert evidence.best is not None
    assert evidence.best.heading == "How to order checks"
