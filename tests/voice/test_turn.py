"""Timing rules of the turn machine, frame by frame on a clock of its own."""

from __future__ import annotations

from typing import Any

import pytest

from voice.completeness import Expectation
from voice.decisions import Ask, BargeIn, Claimed, Cut, Decision, Ended, GoesOn, Likely, LongSilence, Onset, Recognise
from voice.settings import PatienceSettings, TurnSettings
from voice.turn import Phase, TurnMachine


class Line:
    """Feeds a machine frames and answers its questions with a fixed probability."""

    def __init__(self, probability: float | None = 0.0, *, words: str | None = "", **settings: Any) -> None:
        # The times below follow from this risk, whatever is shipped.
        settings.setdefault("patience", PatienceSettings(risk=0.05))
        self.machine = TurnMachine(TurnSettings(**settings))
        self.probability = probability
        self.answer = True
        self.words = words
        self.at = 100.0
        self.decisions: list[Decision] = []

    def feed(self, voiced: bool, seconds: float, *, operator: bool = False) -> None:
        for _ in range(round(seconds / 0.02)):
            self.at = round(self.at + 0.02, 6)
            self._note(self.machine.frame(voiced, self.at, operator_speaking=operator))

    def _note(self, decisions: list[Decision]) -> None:
        self.decisions += decisions
        for decision in decisions:
            if isinstance(decision, Ask) and self.answer:
                self._note(self.machine.verdict(decision.serial, self.probability, self.at))
            if isinstance(decision, Recognise) and self.words is not None:
                self._note(self.machine.words(self.words, self.at))

    def speak(self, seconds: float, *, operator: bool = False) -> None:
        self.feed(True, seconds, operator=operator)

    def pause(self, seconds: float, *, operator: bool = False) -> None:
        self.feed(False, seconds, operator=operator)

    def say_words(self, text: str) -> None:
        self._note(self.machine.words(text, self.at))

    def of(self, kind: type[Any]) -> list[Any]:
        return [decision for decision in self.decisions if isinstance(decision, kind)]

    def silence_at_end(self) -> float:
        (ended,) = self.of(Ended)
        silence: float = round(ended.at - ended.speech_ended, 2)
        return silence


def test_a_sure_verdict_ends_the_turn_soon_and_a_sure_denial_late() -> None:
    for probability, silence in ((0.97, 0.22), (0.5, 0.52), (0.03, 0.82)):
        line = Line(probability)
        line.speak(1.0)
        line.pause(2.0)
        assert line.silence_at_end() == silence


def test_smart_turn_is_asked_once_more_and_a_later_yes_counts() -> None:
    line = Line(0.05)
    line.speak(1.0)
    line.pause(0.3)
    line.probability = 0.97
    line.pause(1.0)
    assert len(line.of(Ask)) == 2
    assert len(line.of(Likely)) == 1
    assert line.silence_at_end() == 0.32


def test_no_turn_is_ended_before_its_words_are_there() -> None:
    line = Line(0.97, words=None)
    line.speak(1.0)
    line.pause(0.36)
    assert line.of(Ended) == []
    line.say_words("What are your hours?")
    assert line.silence_at_end() == 0.36


def test_words_that_are_late_are_not_waited_for_longer_than_set() -> None:
    line = Line(0.97, words=None)
    line.speak(1.0)
    line.pause(1.0)
    assert line.silence_at_end() == 0.46


def test_words_of_one_pause_say_nothing_about_the_next() -> None:
    line = Line(0.97, words="I want to go to")
    line.speak(1.0)
    line.pause(0.5)
    assert line.of(Ended) == []
    line.words = "I want to go to my branch."
    line.speak(0.5)
    line.pause(1.0)
    assert line.silence_at_end() == 0.2


def test_recognition_starts_at_the_first_silence_that_is_long_enough() -> None:
    line = Line(0.0, recognise_after_s=0.08)
    line.speak(1.0)
    line.pause(0.06)
    assert line.of(Recognise) == []
    line.pause(0.02)
    (recognise,) = line.of(Recognise)
    assert recognise.start == pytest.approx(100.0)
    assert recognise.until == pytest.approx(101.08)


def test_going_on_withdraws_the_pass_and_outdated_verdicts_are_ignored() -> None:
    line = Line()
    line.answer = False
    line.speak(1.0)
    line.pause(0.2)
    (ask,) = line.of(Ask)
    line.speak(0.5)
    assert len(line.of(GoesOn)) == 1
    assert line.machine.verdict(ask.serial, 1.0, line.at) == []
    assert line.machine.phase is Phase.SPEAKING


def test_a_click_in_the_pause_does_not_move_the_end_of_speech() -> None:
    line = Line(0.1)
    line.speak(1.0)
    line.pause(0.5)
    line.speak(0.04)
    line.pause(1.0)
    assert line.silence_at_end() == 0.7
    assert line.of(GoesOn) == []


def test_sound_shorter_than_speech_is_nothing() -> None:
    line = Line(0.9)
    for _ in range(5):
        line.speak(0.06)
        line.pause(0.3)
    assert line.decisions == []


@pytest.mark.parametrize(
    ("words", "kind", "silence"),
    [
        ("my account number is", Expectation.OPEN, 1.3),
        ("Hi, my name is Maria.", Expectation.OPEN, 1.18),
        ("I lost my card.", Expectation.OPEN, 1.18),
        ("Yes.", Expectation.OPEN, 1.18),
        ("savings account", Expectation.OPEN, 0.52),
        ("I want to check my balance.", Expectation.OPEN, 0.38),
        ("four two seven", Expectation.DIGITS, 1.04),
        ("It's Maria", Expectation.NAME, 0.76),
        ("Yes.", Expectation.YES_NO, 0.38),
        ("hmm maybe", Expectation.YES_NO, 0.34),
    ],
)
def test_words_and_expectation_set_the_silence(words: str, kind: Expectation, silence: float) -> None:
    line = Line(0.5, words=words)
    line.machine.expect(kind)
    line.speak(1.0)
    line.pause(3.0)
    assert line.silence_at_end() == silence


def test_no_silence_is_longer_than_the_longest() -> None:
    line = Line(0.0, words="my account number is")
    line.speak(1.0)
    line.pause(3.0)
    assert line.silence_at_end() == 1.6


def test_a_lower_risk_waits_longer_whatever_the_words() -> None:
    for words in ("", "I want to", "What are your hours?"):
        ends = []
        for risk in (0.02, 0.05, 0.15):
            line = Line(0.5, words=words, patience=PatienceSettings(risk=risk))
            line.speak(1.0)
            line.pause(3.0)
            ends.append(line.silence_at_end())
        assert ends == sorted(ends, reverse=True)
        assert ends[0] > ends[-1]


def test_all_digits_that_were_asked_for_end_the_turn_soon() -> None:
    line = Line(0.7, words="four two zero seven")
    line.machine.expect(Expectation.DIGITS, 4)
    line.speak(1.0)
    line.pause(1.0)
    assert line.silence_at_end() == 0.3


def test_with_smart_turn_out_of_order_silence_and_words_decide() -> None:
    for words, silence in (("", 0.7), ("What are your hours?", 0.38)):
        line = Line(None, words=words)
        line.speak(1.0)
        line.pause(2.0)
        assert line.silence_at_end() == silence


def test_a_caller_who_pauses_long_is_waited_for_longer_and_a_quick_one_shorter() -> None:
    ends = []
    for pause in (0.7, 0.16):
        line = Line(0.0, words="I want to")
        for _ in range(6):
            line.speak(0.5)
            line.pause(pause)
        line.words, line.probability = "", 0.5
        line.speak(0.5)
        line.pause(2.0)
        ends.append(line.silence_at_end())
    assert ends[0] > 0.6
    assert ends[1] < 0.4


def test_going_on_soon_after_the_end_continues_the_turn_and_late_does_not() -> None:
    line = Line(0.95)
    line.speak(1.0)
    line.pause(0.6)
    line.speak(0.6)
    line.pause(0.6)
    line.pause(1.0)
    line.speak(0.5)
    assert [onset.continues for onset in line.of(Onset)] == [False, True, False]
    first, second = line.of(Ended)
    assert second.continues
    assert second.started == first.started


def test_talking_over_the_operator_interrupts_after_the_configured_voice_and_is_claimed_later() -> None:
    line = Line(0.1)
    line.pause(1.0, operator=True)
    start = line.at
    line.speak(2.0, operator=True)
    (onset,), (barge,), (claimed,) = line.of(Onset), line.of(BargeIn), line.of(Claimed)
    assert onset.during_speech
    assert barge.at - start == pytest.approx(0.2)
    assert claimed.at - start == pytest.approx(1.2)


def test_a_short_sound_over_the_operator_does_not_interrupt() -> None:
    line = Line(0.9)
    line.speak(0.16, operator=True)
    line.pause(1.0, operator=True)
    assert line.of(BargeIn) == []
    assert line.of(Ended)[0].during_speech


def test_a_long_turn_is_cut_at_a_pause_and_in_need_anywhere() -> None:
    line = Line(0.1)
    line.speak(13.0)
    line.pause(0.4)
    line.speak(29.0)
    cuts = line.of(Cut)
    assert [round(cut.until - cut.start, 1) for cut in cuts] == [13.2, 28.0]
    assert cuts[0].until == cuts[1].start


def test_a_turn_without_end_is_ended() -> None:
    line = Line(0.0, turn_max_s=60.0)
    line.speak(61.0)
    assert len(line.of(Ended)) == 1


def test_silence_is_reported_at_its_marks_from_the_operators_last_word() -> None:
    line = Line()
    line.pause(3.0, operator=True)
    line.pause(30.0)
    assert [round(item.seconds, 1) for item in line.of(LongSilence)] == [6.0, 14.0]
    line.pause(1.0, operator=True)
    line.pause(7.0)
    assert len(line.of(LongSilence)) == 3


def test_a_key_starts_the_silence_anew_and_its_tone_is_not_speech() -> None:
    line = Line()
    line.pause(5.0)
    line.machine.dtmf(line.at)
    line.speak(0.18)
    line.pause(5.0)
    assert line.of(Onset) == []
    assert line.of(LongSilence) == []
    line.pause(1.1)
    assert len(line.of(LongSilence)) == 1
