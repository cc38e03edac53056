"""Clauses, normalisation, completeness and small word rules: text in, text out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.engines import Transcript
from voice.clauses import ClauseSplitter, split
from voice.completeness import Completeness, Expectation, completeness, digit_count
from voice.normalise import normalise, strip_markup
from voice.settings import ClauseSettings, EarSettings
from voice.words import guarded, is_backchannel, is_hum, join, stable_prefix

SETTINGS = ClauseSettings()


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Your balance is $1,250.50.", "Your balance is one thousand two hundred fifty dollars and fifty cents."),
        ("It costs $0.50, or $1.", "It costs fifty cents, or one dollar."),
        ("$1.5 million", "one point five million dollars"),
        ("$25/month", "twenty-five dollars per month"),
        ("from $5-$10", "from five to ten dollars"),
        ("-$5", "minus five dollars"),
        ("9:30 a.m.", "nine thirty A M."),
        ("9:30 a.m. to 5 p.m.", "nine thirty A M to five P M."),
        ("9:05am", "nine oh five A M"),
        ("open 9–5", "open nine to five"),
        ("9:00 a.m.–5:00 p.m. daily", "nine A M to five P M daily"),
        ("on March 5, 2025.", "on March fifth, twenty twenty-five."),
        ("2024-12-01", "December first, twenty twenty-four"),
        ("3/5/2025", "March fifth, twenty twenty-five"),
        ("in 2019", "in twenty nineteen"),
        ("4.75% APR", "four point seven five percent A P R"),
        ("3–5%", "three to five percent"),
        ("Call 1-800-555-0123", "Call one, eight zero zero, five five five, zero one two three"),
        ("(555) 123-4567", "five five five, one two three, four five six seven"),
        ("card ending in 4207.", "card ending in four two zero seven."),
        ("account 12345678", "account one two three four five six seven eight"),
        ("****1234", "one two three four"),
        ("the 23rd", "the twenty-third"),
        ("www.example.com/help", "example dot com slash help"),
        ("mail help@example.com.", "mail help at example dot com."),
        ("**Bold** and `code`", "Bold and code"),
        ("e.g., two", "for example, two"),
        ("12500 dollars", "twelve thousand five hundred dollars"),
        ("1,000,000", "one million"),
        ("24/7", "twenty four seven"),
        ("No. Yes.", "No. Yes."),
        ("call 911", "call nine one one"),
        ("May I help?", "May I help?"),
    ],
)
def test_figures_are_spoken_as_a_person_would(written: str, spoken: str) -> None:
    assert normalise(written).text == spoken


def test_markdown_is_not_read_aloud() -> None:
    text = "# Fees\n\n- **Wire**: [see](http://x.y/z)\n- `ACH` is _free_"
    assert strip_markup(text) == "Fees Wire: see ACH is free"


@given(st.text(max_size=80))
def test_any_text_can_be_normalised_and_keeps_its_written_words(text: str) -> None:
    assert "".join(normalise(text).written.split()) == "".join(strip_markup(text).split())


@pytest.mark.parametrize("name", ["first", "second"])
@given(data=st.data())
def test_splitting_loses_nothing_and_does_not_depend_on_how_the_text_arrives(name: str, data: st.DataObject) -> None:
    words = st.sampled_from(
        ["hello,", "p.m.", "$3.50.", "we", "are", "open", "e.g.", "now.", "Really?", "—", "March 5, 2025"]
    )
    text = " ".join(data.draw(st.lists(words, max_size=40)))
    splitter, position, clauses = ClauseSplitter(SETTINGS), 0, []
    while position < len(text):
        step = data.draw(st.integers(1, 12))
        clauses += splitter.feed(text[position : position + step])
        position += step
    clauses += splitter.end()
    whole = split(text, SETTINGS)
    if any(char.isalnum() for char in text):
        assert " ".join(clauses).replace("— ", "").replace(" —", "") == text.strip("— ").replace("— ", "").replace(
            " —", ""
        )
        assert " ".join(whole).replace(" —", "").replace("— ", "") == text.strip("— ").replace("— ", "").replace(
            " —", ""
        )


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Yes, of course.", ["Yes, of course."]),
        ("Your balance is $3.50. Anything else?", ["Your balance is $3.50.", "Anything else?"]),
        ("We open at 9 a.m. on Monday. Please come.", ["We open at 9 a.m. on Monday.", "Please come."]),
        ("We close at 5 p.m. Please come.", ["We close at 5 p.m.", "Please come."]),
        ("Ask Dr. Smith, e.g. today. Thanks a lot.", ["Ask Dr. Smith,", "e.g. today.", "Thanks a lot."]),
    ],
)
def test_cuts_fall_at_sentences_and_never_inside_figures(text: str, clauses: list[str]) -> None:
    assert " ".join(split(text, SETTINGS)) == text
    if len(clauses) == 2:
        assert split(text, SETTINGS) == clauses


def test_the_first_clause_is_short_even_without_punctuation() -> None:
    text = "You can replace a lost card in the app or at any branch and the new one arrives within five days by mail"
    clauses = split(text, SETTINGS)
    assert len(clauses[0]) <= SETTINGS.first_max
    assert " ".join(clauses) == text


def test_a_streamed_sentence_is_given_out_as_soon_as_the_next_begins() -> None:
    splitter = ClauseSplitter(SETTINGS)
    assert splitter.feed("Your rate is 4.75 percent.") == []
    assert splitter.feed(" It") == ["Your rate is 4.75 percent."]


@pytest.mark.parametrize(
    ("text", "kind", "digits", "verdict"),
    [
        ("I want to check my", Expectation.OPEN, 0, Completeness.INCOMPLETE),
        ("I'd like to pay um", Expectation.OPEN, 0, Completeness.INCOMPLETE),
        ("my account number is four two", Expectation.OPEN, 0, Completeness.INCOMPLETE),
        ("Sorry.", Expectation.OPEN, 0, Completeness.INCOMPLETE),
        ("What are your hours?", Expectation.OPEN, 0, Completeness.COMPLETE),
        ("yes", Expectation.YES_NO, 0, Completeness.COMPLETE),
        ("No, thank you.", Expectation.OPEN, 0, Completeness.COMPLETE),
        ("four two", Expectation.DIGITS, 4, Completeness.INCOMPLETE),
        ("42 double seven", Expectation.DIGITS, 4, Completeness.COMPLETE),
        ("check balance", Expectation.OPEN, 0, Completeness.UNKNOWN),
        ("", Expectation.OPEN, 0, Completeness.UNKNOWN),
    ],
)
def test_words_tell_whether_more_will_come(text: str, kind: Expectation, digits: int, verdict: Completeness) -> None:
    assert completeness(text, kind, digits) is verdict


def test_digits_are_counted_however_they_are_said() -> None:
    assert digit_count("four two double seven, 90") == 6


@pytest.mark.parametrize("text", ["Mm-hm.", "Uh-huh", "Okay, right.", "I see.", "Yeah, okay."])
def test_nods_are_backchannels(text: str) -> None:
    assert is_backchannel(text)


@pytest.mark.parametrize("text", ["Okay, stop please.", "No.", "I want a person.", ""])
def test_what_says_something_is_no_backchannel(text: str) -> None:
    assert not is_backchannel(text)


def test_a_short_sound_whose_words_are_hardly_believed_is_a_hum_but_an_urgent_word_never_is() -> None:
    settings = EarSettings()
    assert is_hum(Transcript("No, no.", -0.94), 0.38, settings)
    assert is_hum(Transcript("Mama", -0.2), 0.34, settings)
    assert not is_hum(Transcript("No, no.", -0.94), 0.9, settings)
    assert not is_hum(Transcript("No.", -0.26), 0.32, settings)
    assert not is_hum(Transcript("Stop!", -1.2), 0.32, settings)
    assert not is_hum(Transcript("What does it cost?", -1.2), 0.4, settings)
    assert not is_hum(Transcript("", rejected="silence"), 0.3, settings)


def test_the_stable_part_is_what_two_passes_agree_on() -> None:
    assert stable_prefix("I want to speak to her", "I want to speak, to a person") == "I want to speak, to"
    assert stable_prefix("", "Hello") == ""


def test_joined_transcripts_keep_their_words_and_weigh_their_certainty() -> None:
    joined = join([Transcript("one two three", -0.1), Transcript("", rejected="loop"), Transcript("four", -0.5)])
    assert joined.text == "one two three four"
    assert joined.avg_logprob == pytest.approx(-0.2)
    assert joined.rejected == ""
    assert join([Transcript("", rejected="worker"), Transcript("", rejected="loop")]).rejected == "worker"


def test_phantom_words_of_silence_are_voided_and_real_ones_kept() -> None:
    settings = EarSettings()
    assert guarded(Transcript("Thank you.", -0.3, no_speech=0.7), settings).rejected == "silence"
    assert guarded(Transcript("Thank you.", -0.2, no_speech=0.05), settings).text == "Thank you."
