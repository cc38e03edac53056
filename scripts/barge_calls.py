"""Callers who talk over the operator: by SIP and over a Twilio-shaped WebSocket, round after round in each call.

A round: the caller asks, the operator answers, and when it has spoken for ``after_s`` the caller says something: a real
interruption, a backchannel or a cough. All times are the machine's monotonic clock at the caller's socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from contracts.audio import FRAME_S, RATE
from contracts.clock import MonotonicClock
from scripts.barge_hearing import JOINED_S, Hearing, first_sound, last_sound
from scripts.operator_process import OperatorProcess
from telephony.lines import Speaker
from telephony.resample import StreamResampler
from telephony.robot import Line
from telephony.sip.caller import CallerCall, CallerSettings, SipCaller
from telephony.websocket.client import TwilioClient
from telephony.websocket.g711 import ulaw_to_linear

QUESTIONS = (
    "How do I reset my password?",
    "How can I transfer money to another bank?",
    "How do I order checks?",
    "What happens when my account is overdrawn?",
    "I lost my debit card, what should I do?",
    "How do I open a new account?",
    "What interest do you pay on savings?",
    "How do I send a wire transfer?",
)
"""Their answers last long enough to be talked over."""
INTERRUPTIONS = (
    "No wait, I meant the savings account.",
    "Sorry, what about the weekend?",
    "Actually, how much does it cost?",
    "Hold on, I have another question.",
    "Wait, how long does that take?",
    "No, that is not what I asked.",
    "Excuse me, is there a fee for that?",
    "Stop, I only want to know the limit.",
    "But what if I am abroad?",
    "Can you tell me the opening hours instead?",
    "So how long is that in all?",
    "She needs it sooner than that.",
    "First tell me the price.",
    "Speak up, please, I cannot hear you.",
)
"""Six of them begin without voice."""
BACKCHANNELS = ("Mm-hm.", "Okay.", "Right.", "Uh-huh.", "Yeah.")
INTERRUPTION, BACKCHANNEL, COUGH = KINDS = ("interruption", "backchannel", "cough")
AFTER_S = (0.5, 2.2)
"""How long the operator has spoken when the caller begins: uniform between these, by seed."""
QUIET_S = 1.2
"""Quiet after which the operator has finished; longer than a hold."""
ANSWER_S = 10.0


@dataclass(slots=True)
class Round:
    """What was said and what became of it. ``onset``, ``ended``: first and last voiced 10 ms of the caller's line."""

    kind: str
    line: str
    question: str
    after_s: float
    onset: float = 0.0
    ended: float = 0.0
    asked: float = 0.0
    """When the question had been asked."""
    began: float = 0.0
    """When the operator's speech that was talked over began."""
    until: float = 0.0
    """When the round was over."""
    operator: list[dict[str, Any]] = field(default_factory=list)
    """What the operator recorded of its utterances (turn.operator) from the question on: filler, answer and so on."""

    @property
    def talked_over(self) -> bool:
        """The operator spoke long enough for the caller to talk over it."""
        return self.onset > 0.0


class Said(Protocol):
    """Something that the caller has said."""

    def sent_at(self, sample: int) -> float | None:
        """When that sample was handed to the wire."""
        ...


class Phone(Protocol):
    """A caller's end of a call. ``external_id`` is what the operator's events know it by."""

    hearing: Hearing
    external_id: str

    @property
    def closed(self) -> bool:
        """The call is over."""
        ...

    async def say(self, pcm: bytes) -> Said:
        """Say it; returns when its last sample has left."""
        ...


class SipPhone:
    """telephony.sip.caller, listening."""

    def __init__(self, call: CallerCall) -> None:
        self._call = call
        self.external_id = call.sip_call_id
        self.hearing = Hearing()
        call.listen(self.hearing.arrived)

    @property
    def closed(self) -> bool:
        """The call is over."""
        return self._call.closed

    async def say(self, pcm: bytes) -> Said:
        """See Phone."""
        said = self._call.send(pcm)
        await self._call.said(said)
        return said


@dataclass(slots=True, frozen=True)
class _SaidAt:
    started: float

    def sent_at(self, sample: int) -> float | None:
        """Frames leave every 20 ms from ``started`` on."""
        return self.started + sample / RATE


class TwilioPhone:
    """telephony.websocket.client, listening. What `clear` cut off was not heard."""

    def __init__(self, client: TwilioClient, clock: MonotonicClock) -> None:
        self._client = client
        self._clock = clock
        self._played = 0
        self._up = StreamResampler(8000, RATE)
        self.external_id = client.call_sid
        self.hearing = Hearing()

    @property
    def closed(self) -> bool:
        """The call is over."""
        return self._client.closed.is_set()

    async def say(self, pcm: bytes) -> Said:
        """See Phone."""
        return _SaidAt((await self._client.say(pcm)).started)

    async def listen(self) -> None:
        """Take what has been played to its end: a clear cannot take it back any more."""
        while True:
            heard = self._client.log.heard
            while self._played < len(heard) and heard[self._played].plays_at + FRAME_S < self._clock.now():
                one = heard[self._played]
                self._played += 1
                if one.ulaw:
                    self.hearing.played(self._up.process(ulaw_to_linear(one.ulaw)), one.plays_at)
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def sip_phone(operator: OperatorProcess, caller: SipCaller) -> AsyncIterator[SipPhone]:
    """A call by SIP."""
    call = await caller.dial(operator.sip_uri)
    try:
        yield SipPhone(call)
    finally:
        await call.hangup()


@contextlib.asynccontextmanager
async def twilio_phone(operator: OperatorProcess) -> AsyncIterator[TwilioPhone]:
    """A call over the WebSocket."""
    websocket = operator.settings.telephony.websocket
    async with TwilioClient(f"ws://{websocket.host}:{websocket.port}{websocket.path}") as client:
        phone = TwilioPhone(client, MonotonicClock())
        listening = asyncio.create_task(phone.listen())
        try:
            yield phone
        finally:
            listening.cancel()


def rounds_of(kinds: Sequence[str], count: int, seed: int) -> list[Round]:
    """``count`` rounds of each kind in a seeded order, each with its line, question and moment."""
    chance = random.Random(seed)
    lines = {INTERRUPTION: INTERRUPTIONS, BACKCHANNEL: BACKCHANNELS, COUGH: ("(cough)",)}
    rounds = [
        Round(kind, lines[kind][index % len(lines[kind])], "", round(chance.uniform(*AFTER_S), 2))
        for kind in kinds
        for index in range(count)
    ]
    chance.shuffle(rounds)
    for index, one in enumerate(rounds):
        one.question = QUESTIONS[index % len(QUESTIONS)]
    return rounds


def spoken(rounds: Sequence[Round]) -> dict[str, Line]:
    """All questions and lines as sound, by text; the caller's voice is hibari-tts, the cough is noise."""
    speaker = Speaker()
    texts = {one.question for one in rounds} | {one.line for one in rounds}
    return {text: Line(text, cough() if text == "(cough)" else speaker.say(text)) for text in sorted(texts)}


def cough(seed: int = 5) -> bytes:
    """Two bursts of noise from 400 to 2500 Hz, 0.16 s and 0.12 s, 0.1 s apart, each falling off, peak -10 dBFS."""
    random_ = np.random.default_rng(seed)
    pieces = []
    for length_s, peak in ((0.16, 0.32), (0.12, 0.22)):
        noise = random_.standard_normal(round(length_s * RATE))
        spectrum = np.fft.rfft(noise)
        frequencies = np.fft.rfftfreq(len(noise), 1.0 / RATE)
        spectrum[(frequencies < 400.0) | (frequencies > 2500.0)] = 0.0
        burst = np.fft.irfft(spectrum, len(noise)) * np.exp(-np.arange(len(noise)) / (0.05 * RATE))
        pieces += [burst / np.abs(burst).max() * peak, np.zeros(round(0.1 * RATE))]
    sound: bytes = (np.concatenate(pieces) * 32767.0).astype("<i2").tobytes()
    return sound


Done = Callable[[Round, Hearing], None]
"""Told of a round when it is over, with the sound of its call so far."""


async def hold_rounds(
    operator: OperatorProcess,
    rounds: Sequence[Round],
    lines: dict[str, Line],
    *,
    transport: str,
    per_call: int,
    at_once: int,
    done: Done,
) -> None:
    """All rounds, ``per_call`` in each call, ``at_once`` calls side by side; the next one begins when one has ended."""
    gate = asyncio.Semaphore(at_once)

    async def hold(some: Sequence[Round]) -> None:
        async with gate:
            async with sip_phone(operator, caller) if transport == "sip" else twilio_phone(operator) as phone:
                for one in some:
                    if not phone.closed:
                        await hold_round(operator, phone, one, lines)
                    done(one, phone.hearing)
            if at_once == 1:
                await operator.idle()

    async with SipCaller(CallerSettings()) as caller, asyncio.TaskGroup() as calls:
        for start in range(0, len(rounds), per_call):
            calls.create_task(hold(rounds[start : start + per_call]))


async def hold_round(operator: OperatorProcess, phone: Phone, one: Round, lines: dict[str, Line]) -> None:
    """Ask, wait until the operator has spoken for ``after_s``, talk over it, wait until it has finished."""
    await _quiet(phone, QUIET_S, 15.0)
    mark = len(operator.events_so_far(phone.external_id))
    await phone.say(lines[one.question].pcm)
    one.asked = MonotonicClock().now()
    if not await _talking(phone, one.after_s):
        return
    one.began = phone.hearing.run_began
    pcm = lines[one.line].pcm
    said = await phone.say(pcm)
    one.onset, one.ended = said.sent_at(first_sound(pcm)) or 0.0, said.sent_at(last_sound(pcm) - 1) or 0.0
    if one.kind == INTERRUPTION:
        await _talking(phone, 0.3)
    await _quiet(phone, QUIET_S + JOINED_S, 20.0)
    await asyncio.sleep(0.2)  # the operator's last event is on its way
    one.until = MonotonicClock().now()
    own = operator.events_so_far(phone.external_id)[mark:]
    one.operator = [event["body"] for event in own if event["kind"] == "turn.operator"]


async def _quiet(phone: Phone, seconds: float, patience_s: float) -> None:
    """Until nothing was heard for so long."""
    clock = MonotonicClock()
    begun = clock.now()
    while not phone.closed and clock.now() - begun < patience_s:
        now = clock.now()
        if phone.hearing.last_sound and now - max(begun, phone.hearing.last_sound) >= seconds:
            return
        await asyncio.sleep(0.01)


async def _talking(phone: Phone, seconds: float) -> bool:
    """Until the operator has spoken for so long and still does; False if it never does."""
    clock = MonotonicClock()
    begun = clock.now()
    while not phone.closed and clock.now() - begun < ANSWER_S:
        hearing, now = phone.hearing, clock.now()
        if hearing.run_began > begun and now - hearing.last_sound < 0.06 and now - hearing.run_began >= seconds:
            return True
        await asyncio.sleep(0.005)
    return False
