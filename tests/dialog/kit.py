"""A conversation without a phone: a leg in memory, a real audio front, models that say what a test needs."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from contracts.audio import FRAME_S, SILENCE
from contracts.clock import Clock, utc_now
from contracts.configfile import load_yaml
from contracts.engines import (
    Evidence,
    Generation,
    GenerationRequest,
    Passage,
    SpeechChunk,
    Synthesiser,
    Token,
    Transcript,
)
from contracts.errors import RecordError, WorkerError
from contracts.events import DtmfReceived, Event, EventKind, EventSink, Partial, TurnEnded, TurnTimings
from contracts.handoff import CallbackTicket, HandoffRecord
from contracts.leg import HangupReason, LegCapabilities, LegInfo, LegPort, TransferResult
from contracts.worker import Absence, Priority, Urgency
from dialog.cascade import Cascade
from dialog.gate import GroundingGate
from dialog.lines import Lines
from dialog.prompts import Prompts
from dialog.router import Router
from dialog.services import DialogServices
from dialog.session import Session
from dialog.settings import CascadeFile, DialogSettings
from dialog.waitingline import WaitingLine
from escalation.plan import Plans
from escalation.queuesettings import QueueSettings
from escalation.rules import RuleBook
from escalation.settings import EscalationSettings
from telephony.patchbay import Patchbay, PatchbaySettings
from telephony.recording import Recorder
from voice.clauses import split
from voice.front import AudioFront
from voice.mouth import Mouth
from voice.phrases import Phrase, PhraseCache
from voice.settings import PhraseSettings, VoiceSettings

ROOT = Path(__file__).resolve().parents[2]


class MemoryLeg:
    """contracts.leg.CallLeg without a wire. ``answers``: what transfers end in."""

    def __init__(self, answers: Sequence[TransferResult] = (TransferResult(True, "200"),)) -> None:
        self.info = LegInfo("call-1", "ext-1", "sip", "sip:alice@example.org", "sip:bank@example.org")
        self.capabilities = LegCapabilities("us", True, True, True, 16000, "g711")
        self.answers = list(answers)
        self.transfers: list[tuple[str, dict[str, str]]] = []
        self.ended: list[tuple[HangupReason, str]] = []
        self.port: LegPort | None = None

    async def answer(self, port: LegPort) -> None:
        self.port = port

    async def reject(self, reason: HangupReason) -> None:
        await self.hangup(reason)

    async def hangup(self, reason: HangupReason, detail: str = "") -> None:
        if not self.ended:
            self.ended.append((reason, detail))
            assert self.port is not None
            self.port.on_closed(reason, detail)

    async def transfer(self, target: str, context: Mapping[str, str]) -> TransferResult:
        self.transfers.append((target, dict(context)))
        return self.answers.pop(0)

    def flush(self) -> None:
        return None


class SteadyVoice:
    """contracts.engines.Synthesiser: 60 ms of sound for each letter, at once. ``broken`` raises instead."""

    per_letter = 960
    """Samples."""

    broken: WorkerError | None = None

    async def synthesise(
        self, text: str, *, deadline: float, first: bool, urgency: Urgency | None = None
    ) -> AsyncIterator[SpeechChunk]:
        if self.broken is not None:
            raise self.broken
        yield SpeechChunk(b"\x10\x10" * (self.per_letter * len(text)), len(text))


class NoEars:
    """Recogniser and judge that are never asked: turns are put into the queue by the test."""

    async def transcribe(self, pcm: bytes, *, deadline: float, final: bool, digits: int = 0) -> Transcript:
        raise AssertionError("no sound was fed")

    async def probability(self, pcm: bytes, *, deadline: float) -> float:
        raise AssertionError("no sound was fed")


@dataclass
class Says:
    """contracts.engines.LanguageModel that says these words, one ``token_s`` apart; errors are raised in turn first."""

    name: str
    words: str = "NOT IN DOCUMENT"
    token_s: float = 0.0
    errors: list[WorkerError] = field(default_factory=list)
    asked: list[GenerationRequest] = field(default_factory=list)
    priorities: list[Priority] = field(default_factory=list)
    """How urgent each request was when it was made."""
    read: list[str] = field(default_factory=list)
    """Prompts that were prefilled."""
    finished: int = 0

    async def generate(self, request: GenerationRequest, *, deadline: float) -> AsyncIterator[Token | Generation]:
        self.asked.append(request)
        self.priorities.append(request.urgency.priority if request.urgency is not None else Priority.ANSWER)
        if self.errors:
            raise self.errors.pop(0)
        for word in self.words.split(" "):
            await asyncio.sleep(self.token_s)
            yield Token(word + " ", -0.1)
        self.finished += 1
        yield Generation(10, 0, len(self.words.split()), self.token_s, self.token_s, "eos")

    async def prefill(self, prompt: str, *, deadline: float) -> None:
        self.read.append(prompt)


@dataclass
class Finds:
    """contracts.engines.Retriever over a few passages: most words shared with the question first, after ``delay_s``."""

    passages: list[Passage]
    delay_s: float = 0.0
    errors: list[WorkerError] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    talk: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    """As last asked."""

    async def search(
        self,
        query: str,
        *,
        limit: int,
        deadline: float,
        release: str = "",
        talk: Sequence[str] = (),
        readings: Sequence[str] = (),
    ) -> Evidence:
        self.talk, self.readings = tuple(talk), tuple(readings)
        self.asked.append(query)
        if self.errors:
            raise self.errors.pop(0)
        await asyncio.sleep(self.delay_s)
        words = {word.strip("?.,!").lower() for word in query.split()}
        hits = [(len(words & set(p.text.lower().replace(".", "").split())), p) for p in self.passages]
        found = [p for count, p in sorted(hits, key=lambda hit: -hit[0]) if count > 1]
        return Evidence(query, tuple(found), 0.3)


@dataclass
class Away:
    """contracts.worker.Presence: who is lost, and until which monotonic second."""

    until: dict[str, float]
    since: dict[str, float] = field(default_factory=dict)
    watchers: list[Callable[[str], None]] = field(default_factory=list)

    def absence(self, worker: str) -> Absence | None:
        return Absence(self.since.get(worker, 0.0), self.until[worker]) if worker in self.until else None

    def watch(self, on_loss: Callable[[str], None]) -> Callable[[], None]:
        self.watchers.append(on_loss)
        return lambda: self.watchers.remove(on_loss)

    def lose(self, worker: str, until: float) -> None:
        """It is lost now."""
        self.since[worker], self.until[worker] = asyncio.get_running_loop().time(), until
        for watcher in list(self.watchers):
            watcher(worker)


@dataclass
class Record:
    """contracts.events.EventSink and dialog.ports.HandoffStore in memory."""

    events: list[Event] = field(default_factory=list)
    handoffs: list[HandoffRecord] = field(default_factory=list)
    tickets: list[CallbackTicket] = field(default_factory=list)
    also: list[EventSink] = field(default_factory=list)
    disk_full: bool = False
    locked: bool = False
    """No hand-over can be saved."""
    slow_s: float = 0.0
    """A hand-over is on the disk so long after it was given."""

    def append(self, event: Event) -> None:
        self.events.append(event)
        for one in self.also:
            one.append(event)

    async def keep(self, ticket: CallbackTicket) -> None:
        if self.disk_full:
            raise RecordError("no space left")
        self.tickets.append(ticket)

    async def save(self, record: HandoffRecord) -> None:
        if self.locked:
            raise RecordError("database is locked")
        self.handoffs.append(record)
        await asyncio.sleep(self.slow_s)

    def bodies(self, kind: EventKind) -> list[dict[str, Any]]:
        return [event.body for event in self.events if event.kind is kind]


HOURS = Passage(
    "p1", "d1", "Branch hours", "", "All branches are open from 9 a.m. to 5 p.m. All branches are closed on Sunday.",
    0.6, 1.0,
)  # fmt: skip
BALANCE = Passage(
    "p2", "d2", "Your balance", "",
    "The available balance is what you can spend. The current balance is all the money in the account, pending "
    "payments included.", 0.6, 0.9,
)  # fmt: skip


class Talk:
    """One running session on virtual time, and the means to play the caller."""

    def __init__(self, clock: Clock, **parts: Any) -> None:
        self.clock = clock
        self.leg = parts.get("leg", MemoryLeg)(parts.get("transfers", (TransferResult(True, "200"),)))
        self.leg.info = replace(self.leg.info, caller=parts.get("caller", self.leg.info.caller))
        self.record = Record(also=list(parts.get("also", ())))
        hours = parts.get("escalation", EscalationSettings()).hours
        wall = parts.get("wall", lambda clock: utc_now)(clock)
        queue: QueueSettings | None = parts.get("queue")
        self.line: WaitingLine | None = None
        if queue is not None:
            self.line = WaitingLine(queue, clock, self.record, self.record, SILENCE, hours, wall)
            self.record.also.append(self.line)
        self.voice = SteadyVoice()
        self.small = parts.get("small", Says("small"))
        self.large = parts.get("large", Says("large"))
        self.search = parts.get("search", Finds([HOURS, BALANCE]))
        self.away = Away({})
        wished = {"person": parts.get("target", "sip:person@example.org")}
        given = {"targets": wished, "recording_consent": parts.get("consent", "off"), **parts.get("dialog", {})}
        settings = DialogSettings.model_validate(given)
        self._overloaded = bool(parts.get("overloaded"))
        self._begun_s: float | None = parts.get("begun_s")
        """The test goes on so soon after the answer, not once the opening has been said."""
        make = parts.get("recording")
        self.recording: Recorder | None = make(clock) if make is not None else None
        thresholds = load_yaml(ROOT / "configs" / "cascade.yaml", CascadeFile)
        gate = GroundingGate(thresholds)
        prompts = Prompts(ROOT / "configs" / "prompts", "Test Bank", settings)
        cascade = Cascade(settings, Router(thresholds, gate), gate, prompts, self.search, self.small, self.large, clock,
                          presence=self.away)  # fmt: skip
        self.services = DialogServices(
            settings, parts.get("escalation", EscalationSettings()), cascade,
            RuleBook.load(ROOT / "configs" / "rules.yaml"),
            Lines.load(ROOT / "configs" / "prompts" / "lines.yaml", "Test Bank"), self.record,
            parts.get("handoffs", self.record), clock, plans=Plans(settings.targets, (), hours), wall=wall,
            counter=parts.get("counter"), dialler=parts.get("dialler"),
            person_voice=lambda: Mouth(VoiceSettings(), self.voice, clock), queue=parts.get("lineup", self.line),
            person_ear=parts.get("person_ear"),
        )  # fmt: skip
        ears = NoEars()
        self.front = AudioFront(
            VoiceSettings(), vad=None, recogniser=ears, judge=ears, synthesiser=self.voice, clock=clock,  # type: ignore[arg-type]
        )  # fmt: skip
        self.bay = Patchbay(
            self.front, PatchbaySettings(depth_frames=1), parts["tap"](self) if "tap" in parts else None
        )
        self.voiced: list[tuple[float, bool]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.session: Session

    async def begin(self, serve: Callable[[Session], object] = lambda session: None) -> None:
        """Answer, and wait until the opening has been said; ``serve`` is given the session before it runs."""
        await self.leg.answer(self.bay)
        at_once = self.services.overloaded() if self._overloaded else None
        self.session = Session(self.leg, self.front, self.services, self.bay, self.recording, at_once)
        serve(self.session)
        self._tasks = [
            asyncio.ensure_future(self.session.run()),
            asyncio.ensure_future(self._beat()),
        ]
        await (self.quiet() if self._begun_s is None else asyncio.sleep(self._begun_s))

    def prepare(self) -> None:
        """Every prepared sentence as a second of sound, as an operator has them (server.build.warm)."""
        cache, rules = PhraseCache(PhraseSettings(), "test"), self.services.rules.rules
        said = [text for rule in rules for text in (rule.say, rule.alone) if text]
        firsts = [split(text, self.services.clauses)[0] for text in said]
        for text in (*self.services.lines.every(), *said, *firsts):
            cache.put(text, Phrase(b"\x10\x10" * 16000, 20))
        self.front.mouth._cache = cache

    def speak_with(self, voice: Synthesiser) -> None:
        """The voice of everything that was not prepared."""
        self.front.mouth._synthesiser = voice
        self.front.mouth._rehearsal._synthesiser = voice

    @property
    def over(self) -> asyncio.Task[None]:
        """Done when the call is."""
        return self._tasks[0]

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(FRAME_S)
            frame = self.bay.next_frame()
            self.voiced.append((self.clock.now(), frame is not None and frame != SILENCE))

    async def settled(self) -> float:
        """Until nothing is under way for the caller; the time."""
        await asyncio.sleep(FRAME_S)
        while not self.session._work.idle:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(FRAME_S)
        return self.clock.now()

    def longest_silence(self, start: float, end: float) -> float:
        """Seconds without sound of the operator's, between two times."""
        times = [start, *(at for at, voiced in self.voiced if voiced and start < at <= end), end]
        return max(after - before for before, after in pairwise(times))

    async def quiet(self, seconds: float = 0.5) -> None:
        """Until the operator has been silent for so long."""
        run = 0.0
        while run < seconds:
            before = len(self.voiced)
            await asyncio.sleep(0.1)
            run = 0.0 if any(voiced for _, voiced in self.voiced[before:]) else run + 0.1

    def say(
        self, text: str, *, confidence: float = 0.95, rejected: str = "", continues: bool = False, ended: float = 0.0,
        **heard: Any,
    ) -> float:  # fmt: skip
        """The caller's turn has just been recognised; returns the true end of its speech (0.4 s ago if not ``ended``).

        ``heard``: of Transcript.
        """
        now = self.clock.now()
        transcript = Transcript(text, avg_logprob=math.log(confidence), rejected=rejected, **heard)
        ended = ended or now - 0.4
        timings = TurnTimings(ended - 1.6, ended, max(ended, now - 0.05), now, 0.9)
        self.front._queue.put(TurnEnded(transcript, timings, continues=continues))
        return ended

    def press(self, keys: str) -> None:
        """Keys, one after the other."""
        for key in keys:
            self.front._queue.put(DtmfReceived(key, self.clock.now()))

    def words(self, text: str, *, settled: bool = False, confidence: float = 0.95, **heard: Any) -> None:
        """What the recogniser has so far of a turn that is not over. ``heard``: of Partial."""
        self.front._queue.put(Partial(text, text, self.clock.now(), settled, confidence, **heard))

    async def ask(self, text: str, **more: Any) -> str:
        """Say it and return what the caller heard in reply, once it is quiet."""
        before = len(self.record.bodies(EventKind.TURN_OPERATOR))
        self.say(text, **more)
        await asyncio.sleep(0.2)
        await self.quiet()
        return " ".join(body["heard"] for body in self.record.bodies(EventKind.TURN_OPERATOR)[before:])

    async def zero_in_mid_answer(self) -> None:
        """The caller presses zero while the operator answers."""
        self.say("When are your branches open?")
        await asyncio.sleep(1.5)
        self.front.on_dtmf("0")
        await self.quiet(0.7)

    async def finish(self) -> None:
        """Until the call is over by itself."""
        await asyncio.wait({self.over})

    async def end(self) -> None:
        """The caller hangs up."""
        await self.leg.hangup(HangupReason.CALLER)
        await asyncio.wait({self._tasks[0]})
        self._tasks[1].cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
