"""Golden questions: the file, how a question fares, and what is compared; pure."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.engines import Evidence, Passage
from contracts.errors import ConfigError
from knowledge.golden import GoldenQuestion, ask_all, compare, load_golden
from knowledge.review import mark_new, objections
from knowledge.settings import ReleaseSettings


def passage(source: str, text: str) -> Passage:
    return Passage("p" + source, "d" + source, "T", "", text, 0.9, source=source)


def asked(question: GoldenQuestion, *passages: Passage) -> bool:
    (one,) = ask_all([question], lambda said, _context: Evidence(said, passages))
    return one.answered


def test_the_repositorys_own_set_is_of_this_format() -> None:
    questions = load_golden(Path(__file__).parent / "questions.yaml")
    assert len(questions) > 60
    assert any(one.context for one in questions)
    assert any(one.document is None for one in questions)


def test_a_mistake_in_the_file_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "golden.yaml"
    path.write_text("- {ask: hours, document: a.md}\n- {ask: fees, documnet: b.md}\n")
    with pytest.raises(ConfigError, match=r"golden\.yaml:2"):
        load_golden(path)


def test_answered_means_the_document_among_the_first_three_and_the_words_in_them() -> None:
    question = GoldenQuestion(ask="how much", document="fees.md", says=("25  dollars",))
    right, other = passage("fees.md", "It costs 25 Dollars."), passage("x.md", "Nothing.")
    assert asked(question, right)
    assert asked(question, other, other, right)
    assert not asked(question, other, other, other, right)
    assert not asked(question, passage("fees.md", "It costs 26 dollars."))
    assert asked(GoldenQuestion(ask="x", document="faq.csv"), passage("faq.csv#7", "y"))


def test_what_is_lost_won_and_said_otherwise() -> None:
    questions = [GoldenQuestion(ask=name, document="a.md") for name in ("one", "two", "three")]
    right, reworded, wrong = passage("a.md", "old"), passage("a.md", "new"), passage("b.md", "other")
    before = ask_all(questions, lambda said, _: Evidence(said, (wrong if said == "two" else right,)))
    after = ask_all(questions, lambda said, _: Evidence(said, {"one": (), "two": (right,)}.get(said, (reworded,))))
    found = compare(before, after)
    assert (found["lost"], found["won"]) == (["one"], ["two"])
    assert [one["ask"] for one in found["changed"]] == ["one", "two", "three"]
    assert found["changed"][2]["after"] == {"source": "a.md", "heading": "", "text": "new"}
    assert found["before"]["r1"] == pytest.approx(2 / 3)


def test_objections_count_what_is_new_and_what_is_lost() -> None:
    finding = {"kind": "contradiction", "what": "money: 1 against 2", "sources": ["a", "b"], "quotes": []}
    checks = {"counts": {"contradiction": 1}, "findings": [finding]}
    settings = ReleaseSettings(max_lost_questions=1)
    fresh = {"checks": mark_new(checks, {})}
    assert objections(fresh, settings) == ["1 new contradiction(s)"]
    assert objections({"checks": mark_new(checks, fresh)}, settings) == []
    assert objections({"questions": {"lost": ["x"]}}, settings) == []
    assert len(objections({"questions": {"lost": ["x", "y"]}}, settings)) == 1
