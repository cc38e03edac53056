"""The turn machine: from voiced and unvoiced frames to "the caller has finished". Pure; time is what it is told.

::

                  voiced ≥ min_speech                silence ≥ recognise_after (Recognise)
        IDLE ─────────(Onset)──────────► SPEAKING ───────────────────────────────► MAYBE_DONE
         ▲                                ▲  ▲  │ longer than a segment: Cut            │   │
         │ merge window over              │  │  └──────┐   voiced ≥ resume (GoesOn)     │   │ ask_at: Ask, verdicts
         │                                │  └─────────┴────────────────────────────────┘   │ words so far
        DONE ─────voiced ≥ min_speech─────┘                                                 │
         ▲        (Onset, continues)                                                        │
         └──────────(Ended)── silence ≥ what voice/patience.py wants, and the words are there (or late) ─┘

    one turn:   ▁▁▁█████▂█████▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
                   │          │  │  │     └ Ended (words and verdict in, silence long enough for them)
                   onset      │  │  └ Ask (0.12 s)
                              │  └ Recognise (0.06 s)
                              └ speech_ended: all silences count from here

The silence that ends a turn follows from the words so far, Smart Turn's verdict, the kind of answer expected and this
caller's own pauses: 0.3 s after a question that Smart Turn takes for finished, over a second after "my account and".
The words are waited for because no answer can be given without them, up to ``words_wait_s``: a recogniser may be busy.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from contracts.audio import FRAME_S
from voice.completeness import Completeness, Expectation, completeness
from voice.decisions import Ask, BargeIn, Claimed, Cut, Decision, Ended, GoesOn, Likely, LongSilence, Onset, Recognise
from voice.patience import silence_wanted_s
from voice.pauses import PauseMemory
from voice.settings import EndpointProfile, TurnSettings

_EPS = 1e-6


class Phase(StrEnum):
    """States of the machine."""

    IDLE = "idle"
    SPEAKING = "speaking"
    MAYBE_DONE = "maybe_done"
    DONE = "done"


@dataclass(slots=True)
class _Turn:
    """What is known of the turn being heard."""

    started: float
    segment: float
    during_speech: bool
    continues: bool
    last_voiced: float = 0.0
    voiced_s: float = 0.0
    overlap_s: float = 0.0
    barged: bool = False
    claimed: bool = False


class TurnMachine:
    """One call's turns. Every method returns the decisions that follow, in order; nothing is decided elsewhere."""

    def __init__(self, settings: TurnSettings) -> None:
        self._settings = settings
        self._pauses = PauseMemory()
        self._expectation = Expectation.OPEN
        self._digits = 0
        self.phase = Phase.IDLE
        self._turn: _Turn | None = None
        self._onset = 0.0
        self._onset_voiced = 0.0
        self._onset_overlap = 0.0
        self._onset_during = False
        self._gap = 0.0
        self._blip = 0.0
        self._blip_at = 0.0
        self._serial = 0
        self._asked = 0
        self._probability: float | None = None
        self._judge_failed = False
        self._worded = False
        self._completeness = Completeness.UNKNOWN
        self._ended: Ended | None = None
        self._mute_until = 0.0
        self._quiet_since: float | None = None
        self._silences = 0

    # ── what the outside tells ──────────────────────────────────────────────────────────────────────────────────

    def expect(self, kind: Expectation, digits: int = 0) -> None:
        """What kind of answer is awaited from now on; ``digits`` how many, if that is known."""
        self._expectation = kind
        self._digits = digits

    def dtmf(self, at: float) -> None:
        """A key was pressed: its tone is not speech, and the caller is not silent."""
        self._mute_until = at + self._settings.dtmf_mute_s
        self._forget_onset()
        self.restart_silence(at)

    def restart_silence(self, at: float) -> None:
        """Count mutual silence from here: words were said, a key was pressed, a hold is over."""
        self._quiet_since = at
        self._silences = 0

    def abandon(self) -> None:
        """Forget the turn being heard, as when the caller is put on hold."""
        self._turn = None
        self._forget_onset()
        self._serial += 1
        self._ended = None
        self.phase = Phase.IDLE

    def words(self, text: str, at: float) -> list[Decision]:
        """The words of the whole turn, from the pass begun in this pause; "" when it found none."""
        self._completeness = completeness(text, self._expectation, self._digits)
        self._worded = True
        return self._maybe_end(at)

    def verdict(self, serial: int, probability: float | None, at: float) -> list[Decision]:
        """Smart Turn's answer to Ask ``serial``; None when it failed. Late answers are ignored."""
        if serial != self._serial or self.phase is not Phase.MAYBE_DONE:
            return []
        self._judge_failed = probability is None
        if probability is None:
            return self._maybe_end(at)
        self._probability = probability
        decisions: list[Decision] = []
        if probability >= self._settings.likely_probability:
            decisions.append(Likely(probability, at))
        return decisions + self._maybe_end(at)

    def frame(self, voiced: bool, at: float, *, operator_speaking: bool) -> list[Decision]:
        """20 ms that ended at ``at``; ``operator_speaking``: our own speech is at the caller's ear."""
        if at < self._mute_until:
            voiced = False
        if operator_speaking or self._quiet_since is None:
            self.restart_silence(at)
        if self.phase is Phase.SPEAKING:
            return self._speaking(voiced, at, operator_speaking)
        if self.phase is Phase.MAYBE_DONE:
            return self._maybe_done(voiced, at, operator_speaking)
        return self._idle(voiced, at, operator_speaking)

    # ── states ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _idle(self, voiced: bool, at: float, operator: bool) -> list[Decision]:
        if self._ended is not None and at - self._ended.at > self._settings.merge_window_s + 1.0:
            self._ended = None
            self.phase = Phase.IDLE
        if not voiced:
            if self._onset_voiced:
                self._gap += FRAME_S
                if self._gap > self._settings.gap_s + _EPS:
                    self._forget_onset()
            return self._count_silence(at)
        if not self._onset_voiced:
            self._onset = at - FRAME_S
            self._onset_during = operator
        self._gap = 0.0
        self._onset_voiced += FRAME_S
        self._onset_overlap += FRAME_S if operator else 0.0
        if self._onset_voiced < self._settings.min_speech_s - _EPS:
            return []
        return self._begin(at)

    def _begin(self, at: float) -> list[Decision]:
        before = self._ended
        continues = before is not None and self._onset - before.at <= self._settings.merge_window_s + _EPS
        if before is not None and continues:
            self._pauses.went_on_after(self._onset - before.speech_ended)
        turn = _Turn(
            started=before.started if before is not None and continues else self._onset,
            segment=self._onset,
            during_speech=self._onset_during or (before is not None and continues and before.during_speech),
            continues=continues,
            last_voiced=at,
            voiced_s=self._onset_voiced,
            overlap_s=self._onset_overlap,
        )
        onset = self._onset
        self._forget_onset()
        self._ended = None
        self._turn = turn
        self.phase = Phase.SPEAKING
        self._gap = 0.0
        return [Onset(onset, turn.during_speech, continues), *self._overlap(turn, at)]

    def _speaking(self, voiced: bool, at: float, operator: bool) -> list[Decision]:
        turn = self._turn
        assert turn is not None
        if not voiced:
            self._gap += FRAME_S
            if self._gap < self._settings.recognise_after_s - _EPS:
                return []
            self.phase = Phase.MAYBE_DONE
            self._blip = 0.0
            self._asked = 0
            self._probability = None
            self._judge_failed = self._worded = False
            self._completeness = Completeness.UNKNOWN
            return [Recognise(turn.segment, at)]
        self._gap = 0.0
        self._hear(turn, at, FRAME_S, operator)
        decisions = self._overlap(turn, at)
        if at - turn.segment >= self._settings.segment_max_s - _EPS:
            decisions.append(Cut(turn.segment, at))
            turn.segment = at
        if at - turn.started >= self._settings.turn_max_s - _EPS:
            decisions += [Recognise(turn.segment, at), self._end(turn, at)]
            self._ended = None
        return decisions

    def _maybe_done(self, voiced: bool, at: float, operator: bool) -> list[Decision]:
        turn = self._turn
        assert turn is not None
        if not voiced:
            self._gap += FRAME_S
            if self._gap > 2 * FRAME_S - _EPS:
                self._blip = 0.0
            return self._ask(turn, at) + self._maybe_end(at)
        if not self._blip:
            self._blip_at = at - FRAME_S
        self._blip += FRAME_S
        self._gap = 0.0
        if self._blip < self._settings.resume_s - _EPS:
            return []
        return self._go_on(turn, at, operator)

    def _go_on(self, turn: _Turn, at: float, operator: bool) -> list[Decision]:
        self._pauses.went_on_after(self._blip_at - turn.last_voiced)
        self._serial += 1
        self.phase = Phase.SPEAKING
        decisions: list[Decision] = [GoesOn(at)]
        if turn.last_voiced - turn.segment >= self._settings.segment_min_s - _EPS:
            middle = (turn.last_voiced + self._blip_at) / 2
            decisions.append(Cut(turn.segment, middle))
            turn.segment = middle
        self._hear(turn, at, self._blip, operator)
        return decisions + self._overlap(turn, at)

    # ── rules ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _hear(self, turn: _Turn, at: float, voiced_s: float, operator: bool) -> None:
        turn.last_voiced = at
        turn.voiced_s += voiced_s
        turn.overlap_s += voiced_s if operator else 0.0

    def _overlap(self, turn: _Turn, at: float) -> list[Decision]:
        decisions: list[Decision] = []
        if not turn.barged and turn.overlap_s >= self._settings.barge_in_s - _EPS:
            turn.barged = turn.during_speech = True
            decisions.append(BargeIn(at))
        if turn.barged and not turn.claimed and turn.voiced_s >= self._settings.claim_s - _EPS:
            turn.claimed = True
            decisions.append(Claimed(at))
        return decisions

    def _ask(self, turn: _Turn, at: float) -> list[Decision]:
        silence = at - turn.last_voiced
        due = sum(silence >= mark - _EPS for mark in self._settings.ask_at_s)
        if due <= self._asked:
            return []
        self._asked = due
        self._serial += 1
        return [Ask(self._serial, at)]

    def _profile(self) -> EndpointProfile:
        settings = self._settings
        profiles = {
            Expectation.OPEN: settings.open,
            Expectation.YES_NO: settings.yes_no,
            Expectation.DIGITS: settings.digits,
            Expectation.NAME: settings.name,
        }
        return profiles[self._expectation]

    def silence_wanted_s(self) -> float:
        """The silence that ends the turn, as things stand: words, verdict, expectation and this caller's pauses."""
        patience = self._settings.patience
        pause_s = min(patience.pause_max_s, self._pauses.mean_s(patience.pause_s, patience.pause_weight))
        wanted = silence_wanted_s(patience, self._profile(), self._completeness, self._probability, pause_s)
        if self._judge_failed and self._completeness is not Completeness.COMPLETE:
            wanted = max(wanted, patience.blind_silence_s)
        return wanted if self._worded else max(wanted, patience.words_wait_s)

    def _maybe_end(self, at: float) -> list[Decision]:
        turn = self._turn
        if turn is None or self.phase is not Phase.MAYBE_DONE or self._blip:
            return []
        silence = at - turn.last_voiced + _EPS
        return [self._end(turn, at)] if silence >= self.silence_wanted_s() else []

    def _end(self, turn: _Turn, at: float) -> Ended:
        ended = Ended(
            started=turn.started,
            speech_ended=turn.last_voiced,
            at=at,
            probability=self._probability or 0.0,
            voiced_s=turn.voiced_s,
            during_speech=turn.during_speech,
            barged=turn.barged,
            continues=turn.continues,
        )
        self._turn = None
        self._serial += 1
        self._ended = ended
        self._forget_onset()
        self.phase = Phase.DONE
        return ended

    def _forget_onset(self) -> None:
        self._onset_voiced = self._onset_overlap = self._gap = 0.0

    def _count_silence(self, at: float) -> list[Decision]:
        marks = self._settings.silence_s
        assert self._quiet_since is not None
        if self._silences < len(marks) and at - self._quiet_since >= marks[self._silences] - _EPS:
            self._silences += 1
            return [LongSilence(at - self._quiet_since, at)]
        return []
