"""Silences the recording where a card number or its like is spoken, by the caller or by us.

::

    heard     "it's │four one one one …            │ thanks"      words with times, from the recogniser
    secret          └──────── redacted ────────────┘
    muted         margin├──────────────────────────┤margin        both channels: a speakerphone carries our words back

Without times of words, or without words, the whole turn goes. What is muted is later than what was said: the recording
waits in memory for so long (telephony.recording.hold_s).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contracts.engines import Transcript, Word
from contracts.events import Backchannel, CallClosed, EarEvent, SpeechStarted, TurnEnded
from contracts.recording import CallRecording
from dialog.services import DialogServices
from dialog.speaking import Speaking
from escalation.redact import CARD, Secret, digit_edges, digit_runs, digit_share, digit_spread, secrets_in
from escalation.running import Running

_EDGE_S = 0.5
"""Before the first and after the last voiced frame of a turn that goes whole."""
_LIST, _LIST_SHARE = 4, 0.3
"""A turn of so many digits, which are so much of its words, is a number read out.
Where they are fewer than a card's, the rest of it may have been misheard."""
_BROKEN_OFF_S = 1.0
"""Speech of this length that the call's end cuts off may hold a number nobody recognised."""

Span = tuple[float, float]


class Hushing:
    """Of one call; give it every ear event. Without a recording it does nothing."""

    def __init__(
        self, recording: CallRecording | None, services: DialogServices, speaking: Speaking | None = None
    ) -> None:
        """``speaking``: whose words are watched, too; None: of one who has no operator, such as a person."""
        self.recording = recording
        self._settings = services.escalation.redaction
        self._clock = services.clock
        if speaking is not None:
            speaking.hush = self.operator
        self._running = Running(self._settings.names)
        self._since: float | None = None
        """The caller has been speaking since then, and nobody knows what yet."""
        self._began = 0.0
        """When the turn began whose words were last known."""
        self._tail: list[Span] = []
        """Where the digits were spoken that the last turns ended in."""

    def take(self, event: EarEvent) -> None:
        """What the ear says."""
        if self.recording is None:
            return
        match event:
            case SpeechStarted(at, _):
                self._since = at if self._since is None else self._since
            case TurnEnded():
                self._since = None
                self._turn(event)
            case Backchannel():
                self._since = None
            case CallClosed() if self._since is not None:
                now = self._clock.now()
                if now - self._since >= _BROKEN_OFF_S or self._tail:
                    self._mute(self._since, now, _EDGE_S)

    def veiled(self, event: TurnEnded, text: str) -> str:
        """``text``, as which the turn is remembered: if that is not what was said, it identified the caller, and the
        turn goes whole."""
        if text != event.transcript.text.strip():
            self._whole(event)
        return text

    def operator(self, text: str, start: float, end: float) -> None:
        """We have said ``text`` between two monotonic times (0.0: not at all)."""
        if self.recording is not None and start and secrets_in(text, self._settings.names):
            self._mute(start, end, self._settings.mute_margin_s)

    def _turn(self, event: TurnEnded) -> None:
        timings, transcript = event.timings, event.transcript
        if not event.continues:
            self._began = timings.speech_started
        if not transcript.text.strip():
            if timings.speech_ended - timings.speech_started >= self._settings.mute_unheard_s:
                self._whole(event)
            return
        secrets = self._running.secrets(transcript.text, continues=event.continues)
        secrets += [
            Secret(start, end, "number")
            for start, end in digit_runs(transcript.text, self._settings.mute_digits)
            if not any(one.start < end and start < one.end for one in secrets)
        ]
        # A number in the midst of which digits were misheard ("I'm six, time four") is no run any more.
        count, first, last = digit_spread(transcript.text)
        pieces, share = digit_share(transcript.text)
        if count < CARD.start and pieces >= _LIST and share >= _LIST_SHARE:
            self._whole(event)
        if count >= self._settings.mute_digits and not any(one.start <= first and last <= one.end for one in secrets):
            secrets.append(Secret(first, last, "number"))
        places = placed(transcript)
        if self._running.joined:
            for start, end in self._tail:
                self._mute(start, end, self._settings.mute_margin_s)
        for secret in secrets:
            span = spoken(places, secret.start, secret.end)
            if span is None:
                self._whole(event)
                break
            self._mute(*span, self._settings.mute_margin_s)
        self._remember(event, places)

    def _remember(self, event: TurnEnded, places: Sequence[tuple[int, int, Word]]) -> None:
        edges = digit_edges(event.transcript.text)
        if not edges.pure:
            self._tail = []
        if edges.tail:
            span = spoken(places, edges.tail_at, len(event.transcript.text))
            self._tail.append(span or (self._began, event.timings.speech_ended))

    def _whole(self, event: TurnEnded) -> None:
        began = min(self._began or event.timings.speech_started, event.timings.speech_started)
        self._mute(began, event.timings.speech_ended, _EDGE_S)

    def _mute(self, start: float, end: float, margin: float) -> None:
        if self.recording is not None:
            self.recording.mute(start - margin, end + margin)


def placed(transcript: Transcript) -> list[tuple[int, int, Word]]:
    """Where each word stands in the text; empty if the two do not belong together."""
    return list(_placed(transcript)) if transcript.words and all(word.end for word in transcript.words) else []


def _placed(transcript: Transcript) -> Iterator[tuple[int, int, Word]]:
    at = 0
    for word in transcript.words:
        text = word.text.strip()
        found = transcript.text.find(text, at) if text else at
        if found < 0:
            return
        at = found + len(text)
        yield found, at, word


def spoken(places: Sequence[tuple[int, int, Word]], start: int, end: int) -> Span | None:
    """When the text from ``start`` to ``end`` was spoken; None: not known, for a part of it at least."""
    if not places or places[-1][1] < end:
        return None
    words = [word for first, last, word in places if first < end and start < last]
    return (min(word.start for word in words), max(word.end for word in words)) if words else None
