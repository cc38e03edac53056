"""The running operator: starts everything in order, answers until told to stop, stops everything in reverse.

::

    database ─► event log ─► workers (models) ─► documents ─► warm ─► media tick ─► SIP, WebSockets ─► console
                                                                                    │ SIGTERM: drain, then the reverse
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog
from pydantic import SecretStr

from console.start import ConsoleStart
from contracts.clock import MonotonicClock
from contracts.errors import CallwrightError
from contracts.events import Event, EventKind, Rung
from contracts.switch import Switch
from dialog.cascade import Cascade
from dialog.ports import HandoffStore
from escalation.addresses import know
from escalation.plan import addresses
from operations.callbacks import Callbacks
from operations.database import migrate, open_database
from operations.erasing import Eraser
from operations.eventlog import EventLog
from operations.logs import setup_logs
from operations.metrics import Fanout, Metrics
from operations.records import Records
from operations.switches import NO_CALL, read_switch
from operations.webhook import HandoffWebhook
from server.aftermath import Aftermath
from server.beat import go_first, spare_the_beat
from server.build import Engines, make_asking, make_dialog, make_engines, make_line, make_prompts, warm
from server.callbacktalk import CallbackStream
from server.callingback import CallingBack
from server.control import ControlServer, LiveEvents, Stream
from server.desk import Desk
from server.folder import add_documents
from server.keeping import Keeping
from server.knowledge_link import knowledge_operations
from server.phone import PhoneStream
from server.queuedesk import QueueDesk
from server.records_link import HandoffKeeper, TicketKeeper, folders_of
from server.rules_watch import make_rules_watch
from server.seats import SeatStream
from server.settings import OperatorSettings, project_path
from server.strained import StrainSink
from server.switch import KillSwitch
from server.switchboard import Switchboard
from server.wall import Wall
from server.warming import Warming, make_warming
from telephony.sip.server import SipServer
from telephony.strain import Strain
from telephony.ticker import MediaTicker
from telephony.websocket.server import WebSocketServer
from workers.pool import PoolEvent

log = structlog.get_logger()


def run(settings: OperatorSettings, config: Path | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    try:
        settings.home_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CallwrightError(f"{settings.home_dir}: cannot be made ({error.strerror}); set CALLWRIGHT_HOME") from error
    know({*addresses(settings.dialog.targets, settings.escalation.trunks), *settings.escalation.queue.phones})
    setup_logs(settings.operations.log, settings.home_dir, names=settings.escalation.redaction.names)
    return asyncio.run(Operator(settings, config).serve())


class Operator:
    """Everything that lives as long as the process."""

    def __init__(self, settings: OperatorSettings, config: Path | None = None) -> None:
        self._settings = settings
        self._config = config
        self._clock = MonotonicClock()
        self._live = LiveEvents(settings.escalation.redaction.names)
        self._wall = Wall()
        self._desk = Desk(self._wall)
        self._metrics = Metrics()
        self._stop = asyncio.Event()
        self._drained = False
        self._engines: Engines | None = None
        self._switchboard: Switchboard | None = None
        self._warming: Warming | None = None
        self._ticker = MediaTicker(self._clock, observe=self._metrics.observe_tick)
        self._sip = SipServer(settings.telephony.sip, self._ticker, self._clock)

    async def serve(self) -> int:
        """Start, wait, stop. Raises CallwrightError when something cannot be started."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        async with contextlib.AsyncExitStack() as stack:
            await self._start(stack)
            spare_the_beat()
            log.info("operator.realtime", granted=go_first())
            log.info("operator.ready", sip_port=self._settings.telephony.sip.port)
            await self._stop.wait()
            log.info("operator.draining")
            if self._switchboard is not None:
                await self._switchboard.drain(self._settings.telephony.drain_s)
        log.info("operator.stopped")
        return 0

    async def _start(self, stack: contextlib.AsyncExitStack) -> None:
        settings, clock = self._settings, self._clock
        database, events = await self._record(stack)
        strain = Strain(settings.telephony.admission.strain)
        sink = Fanout([events, self._metrics, self._live, self._wall, StrainSink(strain, clock)])
        self._sink = sink
        handoffs: HandoffStore = HandoffKeeper(events, await self._webhook(stack))
        queue = settings.escalation.queue
        aftermath = asyncio.create_task(
            Aftermath(database, events, handoffs, TicketKeeper(events), queue).run(), name="aftermath"
        )
        stack.callback(aftermath.cancel)
        prompts = make_prompts(settings)
        engines = make_engines(settings, prompts, clock, self._on_worker)
        switch = Switch(await asyncio.to_thread(read_switch, database))
        services = make_dialog(
            settings,
            engines,
            prompts,
            sink,
            handoffs,
            clock,
            switch,
            self._sip if settings.telephony.sip.enabled else None,
        )
        if services.counter is not None:
            stack.push_async_callback(services.counter.close)
        line = await make_line(settings, clock, sink, TicketKeeper(events))
        sink.add(line)
        stack.callback(line.close)
        self._queue_desk = QueueDesk(line)
        services = replace(services, queue=line)
        tickets = Callbacks(database)
        voice, seats = services.person_voice, settings.telephony.seats
        assert voice is not None
        self._calling_back = CallingBack(
            lambda ticket: asyncio.to_thread(tickets.get, ticket), services.dialler, voice, seats, settings.escalation,
            line, sink, services.lines,
        )  # fmt: skip
        stack.push_async_callback(self._calling_back.close)
        self._asking = make_asking(settings, engines, prompts, clock)
        self._engines = engines
        stack.push_async_callback(engines.pool.close)
        await engines.pool.start()
        await self._documents(engines)
        await warm(engines, services, prompts, clock)
        switchboard = Switchboard(settings, engines, services, clock, self._metrics.set_active, self._desk, strain)
        stack.callback(switchboard.recordings.close)
        self._rules = watch = make_rules_watch(settings, engines, services, switchboard.use, clock)
        self._kill_switch = KillSwitch(switch, lambda: watch.book, sink, events.flush, lambda: watch.trouble)
        watch.start()
        stack.push_async_callback(watch.close)
        await self._telephony(stack, switchboard)
        await self._beside(stack, engines, services.cascade, Records(database), switchboard)

    async def _beside(
        self,
        stack: contextlib.AsyncExitStack,
        engines: Engines,
        cascade: Cascade,
        records: Records,
        switchboard: Switchboard,
    ) -> None:
        """What goes on beside the calls: reading ahead, the control socket, the console."""
        settings = self._settings
        self._warming = warming = make_warming(
            engines, cascade, records, lambda: not switchboard.active, settings.dialog.read_ahead
        )
        warming.start()
        stack.push_async_callback(warming.close)
        lost_after_s = settings.telephony.seats.lost_after_s
        streams: dict[str, Stream] = {
            "seat": SeatStream(self._desk, lost_after_s),
            "phone": PhoneStream(switchboard, self._ticker, self._clock, lost_after_s),
            "callback_talk": CallbackStream(self._calling_back, self._ticker, self._clock, lost_after_s),
        }
        control = ControlServer(settings.control_socket, self._operations(), self._live, streams)
        await control.start()
        stack.push_async_callback(control.close)
        await self._console(stack)

    async def _record(self, stack: contextlib.AsyncExitStack) -> tuple[sa.Engine, EventLog]:
        """The database, its event log, and the erasing of what has been kept long enough."""
        settings, operations = self._settings, self._settings.operations
        database = open_database(operations.database_url, settings.home_dir, operations.events.busy_timeout_ms)
        stack.callback(database.dispose)
        await asyncio.to_thread(migrate, database)
        names = settings.escalation.redaction.names
        events = EventLog(
            database, settings.home_dir / operations.spool, operations.events, alarm=self._alarm, names=names
        )
        stack.callback(events.close)
        self._metrics.watch_events(lambda: events.depth, lambda: events.spooled, lambda: events.lost)
        eraser = Eraser(database, settings.home_dir / "recordings", settings.home_dir / "webhook")
        keeping = Keeping(eraser, operations, settings.escalation.queue.callback_kept_days)
        await keeping.start()
        stack.push_async_callback(keeping.close)
        return database, events

    async def _webhook(self, stack: contextlib.AsyncExitStack) -> HandoffWebhook | None:
        settings = self._settings.escalation.webhook
        if not settings.url:
            return None
        webhook = HandoffWebhook(settings, self._settings.home_dir / "webhook")
        await webhook.start()
        stack.push_async_callback(webhook.close)
        return webhook

    async def _documents(self, engines: Engines) -> None:
        folder = self._settings.documents
        if folder is None:
            return
        limit = self._settings.knowledge.limits.max_document_bytes
        obey = self._settings.documents_review == "obey"
        taken = await add_documents(project_path(folder), engines.knowledge, limit, obey=obey)
        log.info("documents.taken_in", count=taken.count, refused=len(taken.refused))
        for line in taken.refused:
            log.warning("documents.refused", why=line)
        for line in taken.overruled:
            log.warning("documents.review_overruled", objection=line, instead="documents_review: obey")
        if taken.waits:
            todo = "look at it in the console, or: callwright knowledge draft, releases; propose; publish RELEASE"
            log.warning("documents.not_published", why=taken.waits, what_to_do=todo)

    async def _telephony(self, stack: contextlib.AsyncExitStack, switchboard: Switchboard) -> None:
        self._switchboard = switchboard
        telephony = self._settings.telephony
        ticker = self._ticker
        ticker.start()
        stack.push_async_callback(ticker.close)
        if telephony.sip.enabled:
            await self._sip.start(switchboard)
            stack.push_async_callback(self._sip.close)
        if telephony.websocket.enabled:
            admission, clock = switchboard.admission, self._clock
            websocket = WebSocketServer(telephony.websocket, ticker, clock, lambda: admission.closed(clock.now()))
            await websocket.start(switchboard)
            stack.push_async_callback(websocket.close)

    async def _console(self, stack: contextlib.AsyncExitStack) -> None:
        """The HTTP side lives in a process of its own: if it dies, calls go on."""
        if not self._settings.console.enabled:
            return
        settings, folders = self._settings, folders_of(self._settings)
        start = ConsoleStart(
            home=settings.home_dir,
            database_url=SecretStr(settings.operations.database_url),
            settings=settings.console,
            spool=folders.spool,
            logs=folders.logs,
        )
        environment = {**os.environ, **start.environment()}
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "console", env=environment)

        async def end() -> None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(5.0):
                    await process.wait()
            except TimeoutError:
                process.kill()

        stack.push_async_callback(end)

    # ── what others are told ────────────────────────────────────────────────────────────────────────────────────

    def _on_worker(self, event: PoolEvent) -> None:
        if event.kind == "lost":
            self._sink.append(Event(EventKind.WORKER_LOST, NO_CALL, {"worker": event.worker, "why": event.why}))
            log.error("worker.lost", worker=event.worker, why=event.why)
        elif event.kind == "started":
            body = {"worker": event.worker, "load_s": round(event.load_s, 3)}
            self._sink.append(Event(EventKind.WORKER_STARTED, NO_CALL, body))
            log.info("worker.started", **body)
            if self._warming is not None and event.worker == str(Rung.SMALL):
                self._warming.again()

    def _alarm(self, what: str, detail: str) -> None:
        log.error("record.alarm", what=what, detail=detail)

    def _operations(self) -> dict[str, Any]:
        assert self._engines is not None
        return {
            "ready": self._ready,
            "workers": self._workers,
            "metrics": self._metrics_text,
            "drain": self._drain,
            **knowledge_operations(self._engines.knowledge),
            "ask": self._asking.ask,
            **self._desk.operations(),
            **self._kill_switch.operations(),
            **self._rules.operations(),
            **self._queue_desk.operations(),
            **self._calling_back.operations(),
        }

    async def _ready(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._engines is not None
        assert self._switchboard is not None
        capacity = self._settings.telephony.admission.max_calls
        active = self._switchboard.active
        room = self._switchboard.admission.ready(self._clock.now())
        ready = self._engines.pool.ready() and room and not self._stop.is_set()
        status = {"ready": ready, "active_calls": active, "capacity": capacity, "pid": os.getpid()}
        assert self._warming is not None
        tick, read = asdict(self._ticker.stats()), self._warming.status
        return {**status, **await self._workers(request), "tick": tick, "evidence_read": read}

    async def _workers(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._engines is not None
        return {
            "workers": [
                {
                    "name": one.name,
                    "state": one.state,
                    "pid": one.pid,
                    "restarts": one.restarts,
                    "rss_bytes": one.rss_bytes,
                    "pending": one.pending,
                }
                for one in self._engines.pool.status()
            ]
        }

    async def _metrics_text(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"text": self._metrics.render()}

    async def _drain(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._stop.set()
        return {"draining": True}
