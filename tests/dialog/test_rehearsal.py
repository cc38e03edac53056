"""What a release would have the operator say, by the shipped thresholds; pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from contracts.engines import Evidence, Passage
from dialog.rehearsal import rehearsal
from knowledge.golden import Search, Spoken

REHEARSAL = rehearsal(str(Path(__file__).parents[2] / "configs" / "cascade.yaml"))
TEXT = "A wire transfer inside the country costs 25 dollars. It leaves before 4 p.m. the same day."


def search(score: float, lexical: float) -> Search:
    def found(said: str, _context: Sequence[str]) -> Evidence:
        one = Passage("p1", "d1", "Wire transfers", "", TEXT, score, source="wires.md", lexical=lexical)
        return Evidence(said, (one,), margin=score)

    return found


def test_a_sentence_that_answers_is_what_would_be_said_and_the_gate_lets_it_through() -> None:
    reply = REHEARSAL.reply("how much does a wire transfer inside the country cost", (), search(0.9, 0.9))
    assert reply.spoken is Spoken.SENTENCE
    assert "25 dollars" in reply.text
    assert reply.ungrounded == ()
    assert reply.passage is not None


def test_weak_evidence_says_nothing() -> None:
    reply = REHEARSAL.reply("what is your mortgage rate", (), search(0.1, 0.0))
    assert (reply.spoken, reply.text, reply.passage) == (Spoken.NOTHING, "", None)


def test_a_reason_is_for_a_model_to_word() -> None:
    reply = REHEARSAL.reply("why does a wire transfer leave the same day", (), search(0.9, 0.9))
    assert reply.spoken is Spoken.MODEL
