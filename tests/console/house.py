"""A console with everything behind it but a telephone: record, accounts, documents, cascade, control socket, and calls
whose words a test puts in."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import sqlalchemy as sa

from console.__main__ import make_server
from console.api import make_api
from contracts.audio import SILENCE
from contracts.clock import MonotonicClock
from contracts.configfile import load_yaml
from contracts.dialling import Dialler
from contracts.events import Event, EventKind
from contracts.leg import LegInfo
from contracts.switch import Switch
from contracts.worker import Priority, Reply
from dialog.lines import Lines
from dialog.prompts import Prompts
from dialog.services import DialogServices
from dialog.settings import CascadeFile, DialogSettings
from dialog.waitingline import WaitingLine
from escalation.queuesettings import QueueSettings
from escalation.rules import RuleBook
from escalation.settings import EscalationSettings
from knowledge.client import KnowledgeClient
from knowledge.database import open_engine
from knowledge.engine import KnowledgeEngine
from knowledge.settings import KnowledgeSettings
from operations.callbacks import Callbacks
from operations.eventlog import EventLog
from operations.metrics import Fanout
from operations.settings import EventLogSettings
from operations.tables import events
from server.asking import Asking
from server.callbacktalk import CallbackStream
from server.callingback import CallingBack
from server.control import ControlServer, LiveEvents, Stream
from server.desk import Desk
from server.knowledge_link import knowledge_operations
from server.queuedesk import QueueDesk
from server.records_link import HandoffKeeper, TicketKeeper
from server.seats import SeatStream
from server.switch import KillSwitch
from server.wall import Wall
from telephony.patchbay import PatchbaySettings
from telephony.ticker import MediaTicker
from tests.console.conftest import PASSWORD, SETTINGS, csrf_of
from tests.console.oidc_provider import serving
from tests.dialog.kit import ROOT, Says, SteadyVoice, Talk
from tests.knowledge.conftest import model_folder
from tests.operations.kit import keep
from voice.mouth import Mouth
from voice.settings import VoiceSettings

ResultT = TypeVar("ResultT")
DOCUMENTS = {
    "hours.md": "---\nowner: Maria Berg\ntags: [branches]\n---\n# Branch hours\n\nAll branches are open from 9 a.m. to "
    "5 p.m. on weekdays. On Saturday they are open from 10 a.m. to 1 p.m. All branches are closed on Sunday.\n",
    "wires.md": "---\nowner: Omar Haddad\nvalid_to: 2031-12-31\n---\n# Wire transfers\n\nA domestic wire costs "
    "25 dollars. Wires ordered before 3 p.m. are sent the same day.\n",
    "cards.md": "# Lost cards\n\nA lost debit card is blocked at once. A new one arrives within five days.\n",
}
GOLDEN = """
- {ask: how much is a domestic wire, document: wires.md, says: ["25 dollars"]}
- {ask: are you open on saturday, document: hours.md}
"""
GAPS = (
    "Do you exchange foreign currency?",
    "Can I exchange foreign currency at a branch",
    "exchanging foreign currency, is that possible",
    "Do you rent safe deposit boxes?",
)


def until(what: Callable[[], bool], patience_s: float = 60.0) -> None:
    """Wait for something that other processes bring about."""
    end = time.monotonic() + patience_s
    while not what():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


class NoQuestions:
    """Only for the type of a job that is never paused."""

    deadline = 0.0

    def checkpoint(self) -> None:
        return None

    def emit(self, body: Mapping[str, Any], blob: bytes = b"") -> None:
        return None


class Inline:
    """contracts.worker.WorkerClient over an engine in this process."""

    def __init__(self, engine: KnowledgeEngine) -> None:
        self._engine = engine

    async def request(
        self,
        engine: str,
        method: str,
        params: Mapping[str, Any],
        *,
        blob: bytes = b"",
        deadline: float,
        priority: Priority = Priority.BACKGROUND,
    ) -> Reply:
        return await asyncio.to_thread(self._engine.run, method, params, blob, NoQuestions())


class House:
    """Runs in a thread of its own, so that a test may block."""

    def __init__(self, home: Path, record: sa.Engine) -> None:
        self._home = home
        self.record = record
        self.port = 0
        self.small = Says("small", "A domestic wire costs 25 dollars.")
        (home / "golden.yaml").write_text(GOLDEN)
        options = {
            "home": str(home),
            "model_dir": str(model_folder()),
            "settings": {"releases": {"questions": "golden.yaml", "suites": {"gate": "off"}}},
            "suites": "evaluation.releasechild",
            "suites_given": {
                "embedder": str(model_folder()),
                "cascade": str(ROOT / "configs" / "cascade.yaml"),
                "language_models": {},
                "name": "Test Bank",
            },
        }
        self.engine = KnowledgeEngine(options)
        self._up, self._down = threading.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wall = Wall()
        self.line: WaitingLine
        self.waiting = QueueSettings()
        self.phones: Dialler | None = None
        self.queued = False
        """Callers wait for people at the desk; else there is no queue."""
        self.desk = Desk(self._wall)
        self.switch = Switch()
        self.streams: dict[str, Stream] = {"seat": SeatStream(self.desk, PatchbaySettings().lost_after_s)}
        """Of the control socket; to be added to before it starts."""
        self._events: EventLog | None = None
        self._calls: list[Talk] = []
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def start(self) -> None:
        self.engine.load()
        self._thread.start()
        assert self._up.wait(30)

    def stop(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._down.set)
        self._thread.join(30)
        self.engine.close()

    @contextmanager
    def engine_store(self) -> Iterator[sa.Connection]:
        """A transaction on the knowledge base's database, to break what a crash breaks."""
        store = open_engine(KnowledgeSettings().database, self._home)
        with store.begin() as connection:
            yield connection
        store.dispose()

    def newest(self) -> str:
        """The release that was proposed last."""
        assert self.engine.base is not None
        return self.engine.base.releases()[0].release

    def evaluated(self) -> None:
        """Until no suites are being asked."""
        assert self.engine.base is not None
        assert self.engine.base.wait_evaluated(120)

    def do(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Run it where the calls are."""
        assert self._loop is not None
        done = asyncio.run_coroutine_threadsafe(work, self._loop).result(60)
        if self._events is not None:
            assert self._events.flush(30)  # what was told is in the record
        return done

    def ring(self, call_id: str = "call-live", caller: str = "sip:+15550142@example.org", **parts: Any) -> Talk:
        """A call comes in; returns when the operator listens."""
        return self.do(self._ring(call_id, caller, parts))

    async def _ring(self, call_id: str, caller: str, parts: dict[str, Any]) -> Talk:
        talk = Talk(MonotonicClock(), **parts)
        talk.voice.per_letter = 80
        talk.leg.info = LegInfo(call_id, f"ext-{call_id}", "sip", caller, "sip:bank@example.org")
        talk.services = self.services_of(talk)
        self._calls.append(talk)
        served = ExitStack()
        await talk.begin(lambda session: served.enter_context(self.desk.serving(call_id, session)))
        talk.over.add_done_callback(lambda _: served.close())
        return talk

    def services_of(self, talk: Talk) -> DialogServices:
        """What its session needs, with what happens told to this house."""
        sink = Fanout([self._log(), self._wall, talk.record, self.line])
        queue = self.line if self.queued else None
        handoffs = HandoffKeeper(self._log())
        return replace(talk.services, sink=sink, handoffs=handoffs, switch=self.switch, queue=queue)

    def _log(self) -> EventLog:
        if self._events is None:
            self._events = EventLog(self.record, self._home / "spool", EventLogSettings(group_commit_ms=1))
        return self._events

    def append(self, event: Event) -> None:
        """As an event sink: into the record."""
        self._log().append(event)

    @property
    def home(self) -> Path:
        """Where the control socket is."""
        return self._home

    def moves(self) -> list[tuple[str, str]]:
        """What happened in the queue, as the record has it: step, by whom."""
        assert self.flush(30)
        query = sa.select(events.c.body).where(events.c.kind == str(EventKind.QUEUE_MOVED)).order_by(events.c.seq)
        with self.record.connect() as connection:
            return [(body["step"], body["by"]) for body in connection.scalars(query)]

    def flush(self, timeout: float) -> bool:
        """Until it is there."""
        return self._log().flush(timeout)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        client = KnowledgeClient(Inline(self.engine))  # type: ignore[arg-type]
        settings, clock = DialogSettings(), MonotonicClock()
        thresholds = load_yaml(ROOT / "configs" / "cascade.yaml", CascadeFile)
        prompts = Prompts(ROOT / "configs" / "prompts", "Test Bank", settings)
        asking = Asking(settings, thresholds, prompts, client, self.small, None, clock)
        rules = RuleBook.load(ROOT / "configs" / "rules.yaml")
        kill = KillSwitch(self.switch, lambda: rules, self, self.flush)
        self.line = WaitingLine(self.waiting, clock, self, TicketKeeper(self._log()), SILENCE)
        tickets, voice = Callbacks(self.record), SteadyVoice()
        calling = CallingBack(
            lambda ticket: asyncio.to_thread(tickets.get, ticket), self.phones,
            lambda: Mouth(VoiceSettings(), voice, clock), PatchbaySettings(), EscalationSettings(queue=self.waiting),
            self.line, self, Lines.load(ROOT / "configs" / "prompts" / "lines.yaml", "Test Bank"),
        )  # fmt: skip
        ticker = MediaTicker(clock)
        ticker.start()
        self.streams["callback_talk"] = CallbackStream(calling, ticker, clock, PatchbaySettings().lost_after_s)
        control = ControlServer(
            self._home / "control.sock",
            {
                **knowledge_operations(client),
                "ask": asking.ask,
                **self.desk.operations(),
                **kill.operations(),
                **QueueDesk(self.line).operations(),
                **calling.operations(),
            },
            LiveEvents(),
            self.streams,
        )
        await control.start()
        server = make_server(SETTINGS, make_api(SETTINGS, self.record, self._home / "control.sock"))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = int(listener.getsockname()[1])
            async with serving(server, listener):
                self._up.set()
                await self._down.wait()
        for talk in self._calls:
            await talk.end()
        await calling.close()
        await ticker.close()
        if self._events is not None:
            await asyncio.to_thread(self._events.close)
        await control.close()

    @contextmanager
    def browser(self, name: str) -> Iterator[Person]:
        """Somebody who is signed in, without a window."""
        headers = {"accept": "text/html"}
        with httpx.Client(base_url=self.url, headers=headers, follow_redirects=True, timeout=60) as http:
            token = re.search(r'name="token" value="([^"]+)"', http.get("/sign-in").text)
            assert token is not None
            given = {"name": name, "password": PASSWORD, "token": token[1]}
            assert http.post("/sign-in", data=given).url.path != "/sign-in"
            yield Person(http)

    def fill(self) -> None:
        """The documents, published; and calls that asked for what they do not say."""
        with self.browser("maria") as maria:
            maria.upload(**DOCUMENTS)
            maria.post("/draft/propose", note="the first")
            maria.post("/releases/publish", release="r0001")
        at = datetime.now(UTC)
        told: list[Event] = []
        for number, text in enumerate(GAPS):
            call = f"call-{number}"
            decided = {"turn": 1, "rung": "unknown", "why": "best passage is not about the question"}
            told += [
                Event(EventKind.CALL_STARTED, call, {"caller": "+15550100"}, 0, at),
                Event(EventKind.TURN_CALLER, call, {"turn": 1, "text": text, "confidence": 0.9}, 1, at),
                Event(EventKind.CASCADE_DECIDED, call, decided, 1, at),
            ]
        keep(self.record, self._home / "spool", told)


class Person:
    """A browser without a window: forms with their token."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def get(self, path: str, **params: str) -> str:
        return self.http.get(path, params=params).text

    def post(self, path: str, **fields: str) -> httpx.Response:
        return self.http.post(path, data={**fields, "csrf": self.csrf()})

    def upload(self, **files: str | bytes) -> str:
        given = [("files", (name, data)) for name, data in files.items()]
        return self.http.post("/knowledge/upload", data={"csrf": self.csrf()}, files=given).text

    def csrf(self) -> str:
        return csrf_of(self.get("/account"))
