"""Whole conversations on virtual time: what a caller says, what a caller hears, what the record keeps."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from contracts.engines import Passage, Word
from contracts.events import DtmfReceived, EventKind, SilenceElapsed
from contracts.handoff import Reason
from contracts.leg import HangupReason
from tests.dialog.kit import Finds, Says, Talk
from voice.completeness import Expectation


def test_the_first_words_say_that_this_is_a_machine(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        return None

    said = talk(scenario).record.bodies(EventKind.TURN_OPERATOR)
    assert "automated assistant" in said[0]["heard"]
    assert "agent" in said[1]["heard"]


def test_a_question_is_answered_from_the_passage_and_measured(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        assert "9 a.m. to 5 p.m." in await call.ask("When are your branches open?")

    call = talk(scenario)
    measured = call.record.bodies(EventKind.TURN_MEASURED)[0]
    assert measured["rung"] == "extractive"
    assert 0.3 < measured["response_latency_s"] < 1.0
    assert list(measured["stages"])[:2] == ["endpoint", "recognised"]
    answer = call.record.bodies(EventKind.TURN_OPERATOR)[-1]
    assert (answer["passage_ids"], answer["task"]) == (["p1"], "Branch hours")


def test_what_no_document_says_is_not_answered_and_a_person_is_offered(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        assert "person" in await call.ask("What is your mortgage rate?")
        await call.ask("Yes please.")

    call = talk(scenario)
    assert call.leg.transfers[0][0] == "sip:person@example.org"
    assert call.record.handoffs[-1].reason is Reason.OFFER_ACCEPTED


def test_a_yes_or_no_is_awaited_after_an_offer_and_only_then(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        awaited = []
        for said in ("What is your mortgage rate?", "No, not now."):
            await call.ask(said)
            awaited.append(call.front.ear.expected)
        assert awaited == [Expectation.YES_NO, Expectation.OPEN]

    talk(scenario)


def test_a_declined_offer_goes_on(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await call.ask("What is your mortgage rate?")
        assert "No problem" in await call.ask("No, not now.")
        assert "9 a.m." in await call.ask("When are your branches open?")

    assert talk(scenario).leg.transfers == []


def test_a_model_sentence_that_the_passage_does_not_hold_is_never_heard(talk: Any) -> None:

    async def scenario(call: Any) -> None:
        heard = await call.ask("Why is my available balance different from my current balance?")
        assert "fifty" not in heard
        assert "person" in heard

    call = talk(scenario, small=Says("small", "The difference is fifty dollars."), large=Says("large"))
    assert call.record.bodies(EventKind.GATE_REJECTED)[0]["unsupported"] == ["money:50"]


def test_the_small_model_answers_what_no_single_sentence_says(talk: Any) -> None:

    words = "The current balance is all the money, pending payments included."

    async def scenario(call: Any) -> None:
        assert "pending payments" in await call.ask("Why is my available balance different from my current balance?")

    call = talk(scenario, small=Says("small", words))
    assert call.record.bodies(EventKind.TURN_MEASURED)[0]["rung"] == "small"
    assert call.large.asked == []


def test_a_slow_answer_is_covered_by_a_filler_and_never_by_silence(talk: Any) -> None:
    words = "The current balance is all the money, pending payments included."

    async def scenario(call: Any) -> None:
        ended = call.say("Why is my available balance different from my current balance?")
        await asyncio.sleep(0.2)
        await call.quiet(3.0)
        first = next(at for at, voiced in call.voiced if voiced and at > ended)
        assert first - ended < 1.9

    call = talk(scenario, small=Says("small", words, token_s=0.3))
    measured = call.record.bodies(EventKind.TURN_MEASURED)[0]
    assert measured["filler_latency_s"] == pytest.approx(1.75, abs=0.15)
    assert measured["response_latency_s"] > measured["filler_latency_s"]


def test_after_the_deadline_a_person_is_offered_instead_of_more_waiting(talk: Any) -> None:

    async def scenario(call: Any) -> None:
        call.say("Why is my available balance different from my current balance?")
        await asyncio.sleep(9.5)
        await call.quiet(1.0)

    call = talk(scenario, small=Says("small", "word " * 50, token_s=1.0))
    assert "too long" in call.record.bodies(EventKind.TURN_OPERATOR)[-1]["heard"]


def test_silence_is_asked_about_twice_and_then_ended_politely(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        for _ in range(3):
            call.front._queue.put(SilenceElapsed(6.0, call.clock.now()))
            await asyncio.sleep(0.2)
            await call.quiet()

    call = talk(scenario)
    said = [body["heard"] for body in call.record.bodies(EventKind.TURN_OPERATOR)][2:]
    assert len(said) == 3
    assert "Goodbye" in said[2]
    assert call.leg.ended[0][0] is HangupReason.NO_INPUT


def test_hi_heard_as_bye_does_not_end_a_call_that_has_just_begun(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        assert "help" in await call.ask("Bye.")
        assert "9 a.m." in await call.ask("When are your branches open?")

    assert talk(scenario).leg.ended == [(HangupReason.CALLER, "")]


def test_whoever_goes_on_talking_over_the_goodbye_is_listened_to(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await call.ask("When are your branches open?")
        call.say("No, thank you.")
        await asyncio.sleep(0.5)
        assert "closed on Sunday" in await call.ask("Are your branches open on Sunday?")

    assert talk(scenario).leg.ended == [(HangupReason.CALLER, "")]


def test_a_goodbye_ends_the_call_after_the_last_word(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await call.ask("When are your branches open?")
        await call.ask("That's all, thank you. Bye.")

    call = talk(scenario)
    assert call.leg.ended == [(HangupReason.OPERATOR, "goodbye")]
    assert "Goodbye" in call.record.bodies(EventKind.TURN_OPERATOR)[-1]["heard"]


def test_say_that_again_repeats_the_answer(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        first = await call.ask("When are your branches open?")
        assert await call.ask("Can you say that again please?") == first

    talk(scenario)


def test_what_an_interruption_cut_off_is_not_remembered_as_heard(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.say("When are your branches open?")
        await asyncio.sleep(1.5)
        call.front.mouth.interrupt()
        await call.quiet()

    answer = talk(scenario).record.bodies(EventKind.TURN_OPERATOR)[-1]
    assert answer["interrupted"]
    assert 0 < len(answer["heard"]) < len(answer["text"])


def test_a_continued_turn_replaces_the_one_before(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.say("When are your branches")
        await asyncio.sleep(0.3)
        call.say("When are your branches open?", continues=True)
        await asyncio.sleep(0.2)
        await call.quiet()

    call = talk(scenario)
    texts = [body["text"] for body in call.record.bodies(EventKind.TURN_CALLER)]
    assert texts[-1] == "When are your branches open?"
    assert "9 a.m." in call.record.bodies(EventKind.TURN_OPERATOR)[-1]["heard"]


def test_words_that_follow_a_wordless_beginning_are_a_turn_of_their_own(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await call.ask("When are your branches open?")
        call.say("")
        await asyncio.sleep(0.3)
        await call.ask("Are you closed on Sunday?", continues=True)

    events = talk(scenario).record.events
    turns = [(event.turn, event.body["text"]) for event in events if event.kind is EventKind.TURN_CALLER]
    assert turns[-1] == (2, "Are you closed on Sunday?")


def test_words_that_were_not_understood_are_asked_for_again(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        assert "didn't catch" in await call.ask("")
        assert "9 a.m." in await call.ask("When are your branches open?")

    talk(scenario)


def test_a_follow_up_is_understood_with_the_question_before(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await call.ask("When are your branches open?")
        assert "closed on Sunday" in await call.ask("and on Sunday?")

    talk(scenario)


def test_what_was_heard_of_a_withdrawn_answer_is_kept(talk: Any) -> None:
    call = talk(Talk.zero_in_mid_answer)
    answer = next(one for one in call.record.bodies(EventKind.TURN_OPERATOR) if one["rung"] == "extractive")
    assert answer["interrupted"]
    assert 0 < len(answer["heard"]) < len(answer["text"])
    assert any(line.text == answer["heard"] for line in call.record.handoffs[-1].transcript)


def test_what_was_heard_before_the_caller_hung_up_is_kept(talk: Any) -> None:
    words = "The current balance is all the money, pending payments included. " + "It is all the money. " * 20

    async def scenario(call: Any) -> None:
        call.say("Why is my available balance different from my current balance?")
        await asyncio.sleep(4.0)

    call = talk(scenario, small=Says("small", words, token_s=0.1))
    answer = call.record.bodies(EventKind.TURN_OPERATOR)[-1]
    assert (answer["rung"], answer["interrupted"]) == ("small", True)
    assert answer["heard"].startswith("The current balance")
    assert call.record.events[-1].kind is EventKind.CALL_ENDED


def test_a_new_subject_is_not_answered_with_the_one_before(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await call.ask("When are your branches open?")
        assert "person" in await call.ask("What about mortgages?")
        assert "person" in await call.ask("What's the weather like?")

    talk(scenario)


def test_other_keys_are_recorded_and_change_nothing(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.front._queue.put(DtmfReceived("5", call.clock.now()))
        await asyncio.sleep(0.5)

    assert talk(scenario).leg.transfers == []


def test_an_empty_knowledge_base_answers_everything_with_the_offer_of_a_person(talk: Any) -> None:

    async def scenario(call: Any) -> None:
        assert "person" in await call.ask("When are your branches open?")

    empty: list[Passage] = []
    talk(scenario, search=Finds(empty))


def test_the_search_is_for_the_conversation_and_for_what_else_may_have_been_said(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await call.ask("When are your branches open?")
        assert call.search.readings == ()
        await call.ask("Are you closed on Sunday?", readings=("Are you close on Sunday?",))

    call = talk(scenario)
    assert call.search.readings == ("Are you close on Sunday?",)
    assert call.search.talk[0] == "When are your branches open?"
    assert any("9 a.m." in line for line in call.search.talk), "what the operator said, too"
    assert "Are you closed on Sunday?" not in call.search.talk


def test_a_name_that_the_recogniser_doubts_is_asked_for_as_the_documents_write_it(talk: Any) -> None:
    words = tuple(Word(word, 0.4 if word == "brunches" else 0.99) for word in "When are your brunches open".split())

    async def scenario(call: Any) -> None:
        assert "9 a.m." in await call.ask("When are your brunches open?", words=words)

    asked = talk(scenario).record.bodies(EventKind.CASCADE_DECIDED)[0]["asked"]
    assert asked == "When are your branches open?"
