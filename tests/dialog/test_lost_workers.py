"""What a caller hears when a worker is lost in mid-turn: a filler at once, then the answer from whoever has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from contracts.engines import Evidence, Generation, SpeechChunk, Token
from contracts.errors import DeadlineExceeded, EngineFailed, WorkerDied
from contracts.events import EventKind
from contracts.handoff import Reason
from contracts.leg import HangupReason
from contracts.worker import Urgency
from tests.dialog.kit import BALANCE, HOURS, Finds, Says, SteadyVoice

PENDING = "The current balance is all the money, pending payments included."
HOURS_QUESTION = "When are your branches open?"
WHY = "Why is my available balance different from my current balance?"
GROUNDED = "The current balance is all the money in the account, pending payments included."
FILLERS = ("One moment, I'll check that.", "Let me look that up.")


class FindsAgain(Finds):
    """The base is lost at the first search; the next one waits two seconds for its replacement."""

    async def search(self, query: str, *, deadline: float, **more: Any) -> Evidence:
        if not self.asked:
            self.asked.append(query)
            raise WorkerDied("gone")
        self.patience_s = deadline - asyncio.get_running_loop().time()
        await asyncio.sleep(2.0)
        return await super().search(query, deadline=deadline, **more)


class Mute(SteadyVoice):
    """The synthesiser is being replaced: nothing for ``back_s``, or never if that is negative."""

    back_s = 0.0

    async def synthesise(
        self, text: str, *, deadline: float, first: bool, urgency: Urgency | None = None
    ) -> AsyncIterator[SpeechChunk]:
        if self.back_s < 0:
            raise EngineFailed("no sound")
        await asyncio.sleep(self.back_s)
        async for chunk in super().synthesise(text, deadline=deadline, first=first):
            yield chunk


def mute(call: Any, back_s: float) -> None:
    voice = Mute()
    voice.back_s = back_s
    call.speak_with(voice)


def first_sound(call: Any, after: float) -> float:
    """Seconds."""
    return float(next(at for at, voiced in call.voiced if voiced and at > after) - after)


def test_a_lost_knowledge_base_is_bridged_at_once_and_waited_for(talk: Any) -> None:
    search = FindsAgain([HOURS, BALANCE])

    async def scenario(call: Any) -> None:
        now = call.clock.now()
        heard = await call.ask(HOURS_QUESTION)
        assert heard.startswith(FILLERS)
        assert "open from 9 a.m." in heard
        assert first_sound(call, now) < 0.2

    call = talk(scenario, search=search)
    assert search.patience_s > call.services.settings.budget.retrieval_s


def test_a_lost_large_model_leaves_the_answer_to_the_small_one(talk: Any) -> None:
    small, large = Says("small", GROUNDED), Says("large", GROUNDED, errors=[WorkerDied("gone")])

    async def scenario(call: Any) -> None:
        assert GROUNDED in await call.ask(WHY, confidence=0.4)

    call = talk(scenario, small=small, large=large)
    assert (len(large.asked), len(small.asked)) == (1, 1)
    (measured,) = call.record.bodies(EventKind.TURN_MEASURED)
    assert measured["rung"] == "small"


def choices(call: Any) -> list[tuple[str, str]]:
    return [(body["step"], body["why"]) for body in call.record.bodies(EventKind.BUDGET_CHOSE)]


def test_a_large_model_that_is_known_to_be_lost_is_not_asked_and_the_reason_is_recorded(talk: Any) -> None:
    small, large = Says("small", GROUNDED), Says("large", GROUNDED)

    async def scenario(call: Any) -> None:
        call.away.lose("large", call.clock.now() + 2.0)
        now = call.clock.now()
        assert GROUNDED in await call.ask(WHY, confidence=0.4)
        assert first_sound(call, now) < 0.3

    call = talk(scenario, small=small, large=large)
    assert (len(large.asked), len(small.asked)) == (0, 1)
    assert any(step == "instead" and "large is lost" in why for step, why in choices(call))


def test_one_that_answers_in_the_place_of_a_lost_model_and_is_late_itself_is_bridged_within_a_second(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.prepare()
        call.away.lose("large", call.clock.now() + 9.0)
        ended = call.say(WHY, confidence=0.4)
        await call.quiet(2.5)
        assert first_sound(call, ended) < 0.9
        assert GROUNDED in call.record.bodies(EventKind.TURN_OPERATOR)[-1]["heard"]

    talk(scenario, small=Says("small", GROUNDED, token_s=0.1))


def test_what_was_looked_up_a_moment_ago_is_answered_while_the_base_is_lost(talk: Any) -> None:
    search = Finds([HOURS, BALANCE])

    async def scenario(call: Any) -> None:
        await call.ask(HOURS_QUESTION)
        search.errors = [WorkerDied("gone")] * 9
        call.away.lose("knowledge", call.clock.now() + 2.0)
        heard = await call.ask(HOURS_QUESTION)
        assert heard.startswith("All branches are open from 9 a.m.")

    call = talk(scenario, search=search)
    assert any(step == "instead" and "knowledge is lost" in why for step, why in choices(call))


def test_a_base_that_is_not_back_in_time_brings_a_person(talk: Any) -> None:
    search = Finds([HOURS, BALANCE], delay_s=9.0)

    async def scenario(call: Any) -> None:
        call.away.lose("knowledge", call.clock.now() + 9.0)
        now = call.clock.now()
        call.say(HOURS_QUESTION)
        await asyncio.sleep(4.0)
        assert call.record.bodies(EventKind.ESCALATION_RAISED)
        assert first_sound(call, now) < 0.3
        await call.quiet()

    assert talk(scenario, search=search).record.handoffs[-1].reason is Reason.WORKER_DOWN


def test_an_answer_whose_sound_is_late_while_another_worker_loads_is_bridged_within_a_second(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.prepare()
        call.away.lose("small", call.clock.now() + 9.0)
        mute(call, 1.5)
        ended = call.say(HOURS_QUESTION)
        await call.settled()
        assert first_sound(call, ended) < 0.8

    assert talk(scenario).record.bodies(EventKind.TURN_MEASURED)[-1]["rung"] == "extractive"


def test_who_is_owed_a_person_does_not_wait_for_the_end_of_a_filler(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.prepare()
        call.away.lose("small", float("inf"))
        now = call.clock.now()
        call.say(WHY)
        await call.settled()
        said = call.record.bodies(EventKind.TURN_OPERATOR)[-2:]
        assert said[0]["interrupted"]
        assert call.session._began + said[1]["from_s"] - now < 3.5

    call = talk(scenario, large=Says("large", GROUNDED, token_s=9.0))
    assert call.record.handoffs[-1].reason is Reason.WORKER_DOWN


def test_where_no_model_will_be_back_in_time_a_person_is_called_at_once(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        for model in ("small", "large"):
            call.away.lose(model, float("inf"))
        await call.ask(WHY)

    call = talk(scenario)
    assert call.record.handoffs[-1].reason is Reason.WORKER_DOWN
    assert not call.small.asked
    assert not call.large.asked


def test_a_voice_lost_before_the_answer_has_sound_is_bridged_at_once(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.prepare()
        mute(call, 2.0)
        now = call.clock.now()
        call.say(HOURS_QUESTION)
        await asyncio.sleep(0.1)
        call.away.lose("voice", call.clock.now() + 1.7)
        await call.quiet(2.5)
        heard = [body["heard"] for body in call.record.bodies(EventKind.TURN_OPERATOR)[-2:]]
        assert heard[0].startswith(FILLERS)
        assert heard[1].endswith("closed on Sunday.")
        assert first_sound(call, now) < 0.2
        assert not call.away.watchers

    talk(scenario)


def test_a_voice_that_does_not_come_back_brings_a_person_in_prepared_words(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.prepare()
        mute(call, 9.0)
        call.away.lose("voice", call.clock.now() + 9.0)
        call.say(HOURS_QUESTION)
        await asyncio.sleep(4.0)
        assert call.record.bodies(EventKind.ESCALATION_RAISED)
        mute(call, 0.0)
        await call.quiet()

    assert talk(scenario).record.handoffs[-1].reason is Reason.WORKER_DOWN


def test_an_answer_whose_sound_is_late_is_preceded_by_a_prepared_filler(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.prepare()
        mute(call, 2.0)
        now = call.clock.now()
        call.say(HOURS_QUESTION)
        await asyncio.sleep(1.0)
        await call.quiet(2.5)
        heard = [body["heard"] for body in call.record.bodies(EventKind.TURN_OPERATOR)[-2:]]
        assert heard[0].startswith(FILLERS)
        assert heard[1].endswith("closed on Sunday.")
        assert first_sound(call, now) < 1.0

    call = talk(scenario)
    assert call.record.bodies(EventKind.TURN_MEASURED)[0]["filler_latency_s"] < 1.5


def test_an_answer_of_which_no_sound_can_be_made_ends_in_a_prepared_apology(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.prepare()
        mute(call, -1.0)
        assert "something went wrong on my side" in await call.ask(HOURS_QUESTION)

    talk(scenario)


def test_an_answer_that_is_heard_in_time_has_no_filler(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.prepare()
        mute(call, 0.15)
        assert not (await call.ask(HOURS_QUESTION)).startswith(FILLERS)

    talk(scenario)


def test_where_one_model_dies_the_other_answers(talk: Any) -> None:
    small = Says("small", PENDING)
    small.errors = [WorkerDied("gone"), WorkerDied("not back in time")]

    async def scenario(call: Any) -> None:
        assert "pending" in await call.ask("Why is my available balance different from my current balance?")

    call = talk(scenario, small=small, large=Says("large", PENDING))
    assert (len(call.small.asked), len(call.large.asked)) == (2, 1)


@pytest.mark.parametrize("large", [None, Says("large", PENDING)])
def test_the_small_model_is_asked_once_more_when_it_dies(talk: Any, large: Says | None) -> None:
    small = Says("small", PENDING)
    small.errors = [WorkerDied("gone")]

    async def scenario(call: Any) -> None:
        assert "pending" in await call.ask("Why is my available balance different from my current balance?")

    assert len(talk(scenario, small=small, large=large).small.asked) == 2
    assert large is None or not large.asked


def test_no_call_ends_because_a_model_died(talk: Any) -> None:

    search = Finds([HOURS, BALANCE])
    search.errors = [WorkerDied("gone"), DeadlineExceeded("late")]

    async def scenario(call: Any) -> None:
        assert "went wrong" in await call.ask("When are your branches open?")
        assert "9 a.m." in await call.ask("When are your branches open?")

    assert talk(scenario, search=search, small=Says("small")).leg.ended == [(HangupReason.CALLER, "")]


def test_a_model_that_stays_away_twice_brings_a_person(talk: Any) -> None:
    search = Finds([HOURS])
    search.errors = [WorkerDied("gone")] * 4

    async def scenario(call: Any) -> None:
        await call.ask("When are your branches open?")
        await call.ask("When are your branches open?")

    assert talk(scenario, search=search).record.handoffs[-1].reason is Reason.WORKER_DOWN


def test_a_worker_that_dies_in_mid_answer_does_not_make_the_operator_say_it_twice(talk: Any) -> None:
    words = "The current balance is all the money. Pending payments are included."

    class DiesOnce(Says):
        async def generate(self, request: Any, *, deadline: float) -> Any:
            self.asked.append(request)
            for count, word in enumerate(words.split(" ")):
                if len(self.asked) == 1 and count == 9:
                    raise WorkerDied("gone")
                yield Token(word + " ", -0.1)
            yield Generation(10, 0, 11, 0.1, 0.2, "eos")

    async def scenario(call: Any) -> None:
        heard = await call.ask("Why is my available balance different from my current balance?")
        assert heard == words

    talk(scenario, small=DiesOnce("small"))
