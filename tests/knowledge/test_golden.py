"""Golden questions: the file, how a question fares, and what is compared; pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from contracts.engines import Evidence, Passage
from contracts.errors import ConfigError
from knowledge.golden import Asked, GoldenQuestion, Reply, Search, Spoken, ask_all, compare, load_golden
from knowledge.review import mark_new, objections
from knowledge.settings import ReleaseMarks, ReleaseSettings


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
    assert found["changed"][2]["after"] == {"source": "a.md", "heading": "", "text": "new", "by": "untried"}
    assert [one["what"] for one in found["changed"]] == ["document", "document", "words"]
    assert found["before"]["r1"] == pytest.approx(2 / 3)


def test_objections_count_what_is_new_and_what_is_lost() -> None:
    finding = {"kind": "contradiction", "what": "money: 1 against 2", "sources": ["a", "b"], "quotes": []}
    checks = {"counts": {"contradiction": 1}, "findings": [finding]}
    settings = ReleaseSettings(max_lost_questions=1)
    fresh = {"checks": mark_new(checks, {})}
    assert objections(fresh, settings) == ["1 new contradiction"]
    assert objections({"checks": mark_new(checks, fresh)}, settings) == []
    assert objections({"questions": {"lost": ["x"]}}, settings) == []
    assert len(objections({"questions": {"lost": ["x", "y"]}}, settings)) == 1


class Scripted:
    """knowledge.golden.Answers that says what it is told to, from the best passage."""

    def __init__(self, spoken: Spoken, text: str = "", ungrounded: tuple[str, ...] = ()) -> None:
        self._spoken, self._text, self._ungrounded = spoken, text, ungrounded

    def reply(self, ask: str, context: Sequence[str], search: Search) -> Reply:
        evidence = search(ask, context)
        passage = None if self._spoken is Spoken.NOTHING else evidence.best
        return Reply(self._spoken, self._text, passage, evidence, self._ungrounded)


NONE = GoldenQuestion(ask="what is your mortgage rate", document=None)
FEES = GoldenQuestion(ask="how much is a wire", document="fees.md", says=("25 dollars",))


def tried(question: GoldenQuestion, answers: Scripted, *passages: Passage) -> list[Asked]:
    return ask_all([question], lambda said, _: Evidence(said, passages), answers)


def test_a_question_that_no_document_answers_fails_once_it_is_answered() -> None:
    rates = passage("rates.md", "The overdraft rate is 18 percent.")
    silent = tried(NONE, Scripted(Spoken.NOTHING), rates)
    spoken = tried(NONE, Scripted(Spoken.SENTENCE, "The overdraft rate is 18 percent."), rates)
    found = compare(silent, spoken)
    assert (found["before"]["abstained"], found["after"]["abstained"]) == (1.0, 0.0)
    assert found["lost"] == [NONE.ask]
    assert found["failed"][0]["why"] == "answered, though no document answers it"
    assert found["failed"][0]["got"]["text"] == "The overdraft rate is 18 percent."
    assert objections({"questions": found}, ReleaseSettings()) == [
        "1 golden question lost, such as 'what is your mortgage rate' (answered, though no document answers it)"
    ]
    (asks_a_model,) = tried(NONE, Scripted(Spoken.MODEL), rates)
    assert not asks_a_model.answered
    untried = ask_all([NONE], lambda said, _: Evidence(said, (rates,)))
    assert compare(untried, untried)["after"]["abstained"] is None


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (Scripted(Spoken.SENTENCE, "It costs 25 dollars."), ""),
        (Scripted(Spoken.MODEL), ""),
        (Scripted(Spoken.NOTHING), "not answered"),
        (Scripted(Spoken.SENTENCE, "It costs 26.", ("money:26",)), "not grounded: money:26"),
    ],
)
def test_an_answer_counts_only_if_it_would_be_said_and_stands_in_its_passage(answers: Scripted, why: str) -> None:
    (one,) = tried(FEES, answers, passage("fees.md", "It costs 25 dollars."))
    assert one.wrong == why


def test_the_right_document_behind_another_that_is_read_out_is_no_answer() -> None:
    wrong, right = passage("other.md", "It costs 30."), passage("fees.md", "It costs 25 dollars.")
    (one,) = tried(FEES, Scripted(Spoken.SENTENCE, "It costs 30."), wrong, right)
    assert one.wrong == "answered from another document"


def test_the_same_sentence_from_a_passage_that_was_cut_otherwise_is_the_same_answer() -> None:
    said = Scripted(Spoken.SENTENCE, "It costs 25 dollars.")
    short = tried(FEES, said, passage("fees.md", "It costs 25 dollars."))
    long = tried(FEES, said, passage("fees.md", "Wires leave at once. It costs 25 dollars."))
    elsewhere = tried(FEES, said, passage("fees.md#2", "It costs 25 dollars."))
    assert compare(short, long)["changed"] == []
    assert [one["what"] for one in compare(short, elsewhere)["changed"]] == ["document"]
    by_model = tried(FEES, Scripted(Spoken.MODEL), passage("fees.md", "It costs 25 dollars."))
    assert [one["what"] for one in compare(short, by_model)["changed"]] == ["how"]


def test_marks_hold_a_release_back_that_loses_nothing() -> None:
    settings = ReleaseSettings(marks=ReleaseMarks(answered=0.9, abstained=0.97))
    report = {"questions": {"lost": [], "after": {"answered": 0.95, "abstained": 0.9, "r3": 0.1}}}
    assert objections(report, settings) == [
        "90.0% of golden questions that no document answers stay unanswered, the mark is 97.0%"
    ]
    assert objections({"questions": {"lost": [], "after": {"answered": 0.95, "abstained": None}}}, settings) == []
