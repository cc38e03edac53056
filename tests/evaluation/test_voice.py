"""What the telephone costs: scores of made pairs, and one made question through voice, line and ear."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.engines import Transcript
from contracts.errors import ConfigError
from contracts.events import Rung
from dialog.outcome import Outcome, Result
from evaluation.asking import Reply
from evaluation.contract import Occasion
from evaluation.hearing import Heard
from evaluation.intents import Labelled
from evaluation.intervals import paired_loss
from evaluation.judging import Claim
from evaluation.questions import Asked
from evaluation.rounds import Answered, Understood
from evaluation.voice import ABSTAIN, ANSWERED, TOPIC, Pair, Steps, Telephone, as_said, cascade_pair, scored, some
from workers.manifest import default_root

HEARD = Understood("what is the fee", 0.8)


def pair(kind: str, text: bool, voice: bool, heard: Understood = HEARD) -> Pair:
    return Pair(kind, "c", "What is the fee?", heard, "$3", "$4", text, voice)


def answered(asked: Asked, spoken: str = "", wrong: str = "") -> Answered:
    outcome = Outcome(Result.ANSWERED if spoken else Result.UNKNOWN, Rung.EXTRACTIVE if spoken else Rung.PREPARED)
    said = [Claim(spoken, wrong)] if spoken else []
    return Answered("bank", asked, Reply(outcome, (spoken,) if spoken else (), 0.0, ()), said, not wrong)


def test_losses_are_of_the_same_questions_and_what_was_lost_is_to_be_read() -> None:
    pairs = [pair(TOPIC, True, True)] * 6 + [pair(TOPIC, True, False)] * 3 + [pair(TOPIC, False, True)]
    found = scored([*pairs, pair(ABSTAIN, True, True)])
    assert found.figures[TOPIC] == {"text": 0.9, "voice": 0.7, "loss": 0.2}
    assert found.figures[ABSTAIN]["loss"] == 0.0
    assert found.counts[f"{TOPIC}.voice"] == (7, 10)
    assert len(found.failures) == 3
    assert 'heard: "what is the fee"' in found.failures[0].got


def test_questions_cut_in_pieces_or_not_understood_are_counted() -> None:
    found = scored([pair(TOPIC, True, False, Understood("", 0.0, 0)), pair(TOPIC, True, True, Understood("a b", 1, 2))])
    assert any("2 spoken questions 1 were not understood" in note and "1 were taken" in note for note in found.notes)


def test_no_question_at_all_is_said() -> None:
    with pytest.raises(ConfigError, match="no question"):
        scored([])


def test_an_answer_that_no_document_supports_does_not_count_as_one() -> None:
    asked = Asked("q1", "What is the fee for Gold?", "gold", "The fee is $3.")
    good, bad = answered(asked, "The fee is $3."), answered(asked, "The fee is $4.", "not in the document")
    assert (cascade_pair(good, bad, HEARD).text, cascade_pair(good, bad, HEARD).voice) == (True, False)
    assert cascade_pair(good, answered(asked), HEARD).voice is False
    assert cascade_pair(good, good, HEARD).kind == ANSWERED


def test_a_question_without_an_answer_is_dealt_with_by_none() -> None:
    asked = Asked("removed/q2", "What is the fee for Silver?", "")
    found = cascade_pair(answered(asked), answered(asked, "The fee is $3."), HEARD)
    assert (found.kind, found.text, found.voice) == (ABSTAIN, True, False)


def test_as_many_questions_as_wanted_are_chosen_by_chance() -> None:
    cases = [Labelled(f"c{n}", f"question {n}", "fees") for n in range(50)]
    found = some(cases, 4, 1)
    assert len({one.case for one in found}) == 4
    assert found == some(cases, 4, 1)
    assert found != some(cases, 4, 2)
    assert len(some(cases, 100, 1)) == 50


def test_the_interval_of_a_loss_is_narrower_when_both_ways_agree() -> None:
    low, high = paired_loss(5, 5, 100)
    assert low == -high
    assert paired_loss(0, 0, 100)[1] < high
    assert paired_loss(20, 0, 100)[0] > 0.1
    assert paired_loss(0, 0, 0) == (-1.0, 1.0)


def test_confidence_is_that_of_the_worst_turn_with_words() -> None:
    turns = [Transcript("what is", -0.1), Transcript("", rejected="noise"), Transcript("the fee", -0.7)]
    assert Heard(turns).confidence == pytest.approx(0.4966, abs=1e-3)
    assert Heard([]).confidence == 0.0


@pytest.mark.models
def test_a_spoken_question_comes_through_the_line_in_words(tmp_path: Path) -> None:
    heard = Telephone(Occasion(tmp_path, None, default_root(), tmp_path))("How much is a box of checks?")
    assert "box" in heard.text.lower()
    assert "check" in heard.text.lower()
    assert heard.confidence > 0.5


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Do you deliver at JINLING NOODLE BAR?", "Do you deliver at Jinling Noodle Bar?"),
        ("Is CITY INN NORTH B AND B open?", "Is City Inn North B And B open?"),
        ("Is there an ATM at COTTO, as at NASA?", "Is there an ATM at Cotto, as at NASA?"),
        ("What does I mean?", "What does I mean?"),
    ],
)
def test_names_in_capitals_are_said_as_names(written: str, said: str) -> None:
    assert as_said(written) == said


def test_steps_go_up_to_their_number_and_no_further(tmp_path: Path) -> None:
    file = tmp_path / "knowledge" / "banking" / "documents.json"
    file.parent.mkdir(parents=True)
    file.write_text("[]", "utf-8")
    told: list[tuple[int, int]] = []
    occasion = Occasion(tmp_path, None, tmp_path, tmp_path, limit=2, advance=lambda done, of: told.append((done, of)))
    steps = Steps(occasion)
    steps.take()
    steps.take(100)
    assert told == [(1, 12), (12, 12)]
