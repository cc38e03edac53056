"""What was said last is said again, and more slowly, for whoever asks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.dialog.kit import SteadyVoice


def test_whoever_asks_for_it_hears_the_last_words_again_and_everything_more_slowly(talk: Any) -> None:
    class Slow(SteadyVoice):
        per_letter = 1300

    async def scenario(call: Any) -> None:
        call.services = replace(call.services, slow_voice=Slow())
        call.session._services = call.session._speaking._services = call.services
        question = "When are your branches open?"
        begun = call.clock.now()
        answer = await call.ask(question)
        usual = call.clock.now() - begun
        begun = call.clock.now()
        assert await call.ask("Slower, please.") == answer
        assert call.clock.now() - begun > 1.2 * usual
        assert await call.ask("Say that again?") == answer

    talk(scenario)


def test_what_was_said_last_is_repeated_even_if_it_was_no_answer(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await call.ask("When are your branches open?")
        unknown = await call.ask("What is your mortgage rate?")
        assert unknown.endswith(await call.ask("What did you say?"))  # without the filler

    talk(scenario)


def test_an_offer_that_is_repeated_still_stands(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await call.ask("What is your mortgage rate?")
        assert "person" in await call.ask("Sorry, what was that?")
        await call.ask("Yes please.")

    assert talk(scenario).leg.transfers
