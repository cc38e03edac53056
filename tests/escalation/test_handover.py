"""The briefing holds what was said, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from contracts.events import Rung
from contracts.handoff import HandoffStatus, Reason, TranscriptLine
from contracts.leg import LegInfo, TransferResult
from escalation.handover import Attempt, CallSoFar, build, quote, settled
from escalation.rules import Action, Firing
from escalation.settings import EscalationSettings

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
INFO = LegInfo("c1", "sip-1", "sip", "+15550100", "bank")
FIRING = Firing(
    "asks-for-a-person", Reason.PERSON_REQUESTED, "talk to a human", "Of course.", "person", Action.TRANSFER
)


def call() -> CallSoFar:
    return CallSoFar(
        info=INFO,
        started_at=START,
        transcript=[
            TranscriptLine(speaker="operator", text="Hello, I am an automated assistant."),
            TranscriptLine(speaker="caller", text="My card is 4111 1111 1111 1111. What is the overdraft fee?", turn=1),
            TranscriptLine(speaker="operator", text="The overdraft fee is thirty dollars.", turn=1),
            TranscriptLine(speaker="caller", text="Let me talk to a human.", turn=2),
        ],
        attempts=[
            Attempt(1, "What is the overdraft fee?", Rung.SMALL, "The overdraft fee is thirty dollars.", ("Fees",))
        ],
    )


def test_the_summary_is_three_sentences_with_quotes() -> None:
    record = build(call(), FIRING, START + timedelta(seconds=40), EscalationSettings())
    assert record.summary == (
        "+15550100 has been on the line for 40 seconds and first said “My card is [card]. What is the overdraft fee?”. "
        "The operator gave one answer, most recently “The overdraft fee is thirty dollars” from “Fees”. "
        "The caller asked for a person: “Let me talk to a human”."
    )
    assert record.reason is Reason.PERSON_REQUESTED
    assert record.tried == [
        "Turn 1, small (Fees): “What is the overdraft fee?” → “The overdraft fee is thirty dollars”"
    ]


def test_no_card_number_is_anywhere_in_the_record() -> None:
    record = build(call(), FIRING, START, EscalationSettings())
    assert "4111" not in record.model_dump_json()


def test_a_count_is_named_instead_of_quoted() -> None:
    firing = Firing("x", Reason.NO_MATCH, "no_match=3", "Sorry.", "person", Action.TRANSFER)
    record = build(CallSoFar(INFO, START), firing, START, EscalationSettings())
    assert "said nothing that was understood" in record.summary
    assert record.summary.endswith("The caller could not be understood (no_match=3).")


def test_the_far_ends_word_settles_the_record() -> None:
    record = build(call(), FIRING, START, EscalationSettings())
    done = settled(record, TransferResult(True, "200 OK"), START + timedelta(seconds=2.5))
    assert (done.status, done.detail, done.wait_s) == (HandoffStatus.CONNECTED, "200 OK", 2.5)
    assert settled(record, TransferResult(False, "486"), START).status is HandoffStatus.FAILED


def test_a_long_quote_is_cut_at_a_word() -> None:
    assert quote("one fine day the caller went on and on.", 20) == "one fine day the…"
