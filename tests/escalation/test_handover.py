"""The briefing holds what was said, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from contracts.events import Rung
from contracts.handoff import HandoffStatus, Reason, TranscriptLine
from contracts.leg import LegInfo, TransferResult
from escalation.handover import Attempt, CallSoFar, briefing, build, quote, settled
from escalation.rules import Action, Firing
from escalation.settings import EscalationSettings, HandoverSettings

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
        "The caller has been on the line for 40 seconds "
        "and first said “My card is [card]. What is the overdraft fee?”. "
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


def test_a_person_is_told_whole_sentences_that_fit_and_no_card_number() -> None:
    told = briefing(call(), FIRING, START, START + timedelta(seconds=40), HandoverSettings())
    assert told.startswith("A caller asked for a person. Their words: Let me talk to a human. They first said: My card")
    assert "They were told: The overdraft fee is thirty dollars." in told
    assert told.endswith("Press 1 to take the call at once.")
    assert "4111" not in told


def test_a_shorter_briefing_drops_what_weighs_least_and_keeps_the_reason() -> None:
    short = HandoverSettings(briefing_s=5.0, skip_key="#")
    told = briefing(call(), FIRING, START, START, short)
    assert told == "A caller asked for a person. Press hash to take the call at once."


def test_a_wait_worth_telling_is_told() -> None:
    quiet = CallSoFar(INFO, START)
    told = briefing(quiet, FIRING, START + timedelta(seconds=60), START + timedelta(seconds=200), HandoverSettings())
    assert "on the line for 60 seconds and waited 2 minutes for a person" in told


def test_what_was_confirmed_about_the_caller_is_told_in_every_way() -> None:
    known = replace(call(), factors_verified=2)
    record = build(known, FIRING, START, EscalationSettings())
    assert record.verified == ["Identity confirmed by 2 factors"]
    assert "from “Fees”, and the caller's identity is confirmed." in record.summary
    assert "Their identity is confirmed." in briefing(known, FIRING, START, START, HandoverSettings())
