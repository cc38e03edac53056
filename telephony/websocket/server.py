"""Answers a provider's WebSockets: checks who knocks, waits for ``start``, hands each stream on as a leg.

::

    TCP ─► GuardedConnection ─► 404 / 401 / 403 / 503 / 429, or 101 ─► start within start_s ─► TwilioLeg ─► handler(leg)
    drain(): upgrades get 503, present calls end by themselves       close(): hang up what is left, stop listening
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from contracts.clock import Clock
from contracts.errors import ConfigError
from contracts.leg import HangupReason, LegHandler
from telephony.ticker import MediaTicker
from telephony.websocket.auth import TOKEN_PARAMETER, Gatekeeper
from telephony.websocket.connection import Door, GuardedConnection
from telephony.websocket.events import Started, Violation
from telephony.websocket.leg import TwilioLeg
from telephony.websocket.settings import WebSocketSettings
from telephony.websocket.twilio import TwilioProtocol

log = structlog.get_logger()

_QUEUED_MESSAGES = 64
"""Messages that websockets keeps before it stops reading: 1.3 s of sound."""
_BACKLOG = 1024
"""TCP connections that the kernel may hold for us."""


class WebSocketServer:
    """The provider WebSocket side of the media process.

    ``port`` is the real one once started; ``refused`` counts refusals by reason. ``full``: no call would be taken now.
    """

    def __init__(
        self,
        settings: WebSocketSettings,
        ticker: MediaTicker,
        clock: Clock,
        full: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings = settings
        self._ticker = ticker
        self._clock = clock
        self._gatekeeper = Gatekeeper(settings)
        self._door = Door(settings.limits, clock)
        self._server: Server | None = None
        self._handler: LegHandler | None = None
        self._legs: dict[TwilioLeg, asyncio.Task[None]] = {}
        self._draining = False
        self._full = full
        self.port = settings.port

    @property
    def active(self) -> int:
        """Calls that are not over, answered or not."""
        return len(self._legs)

    @property
    def refused(self) -> Counter[str]:
        """How often what was refused, by reason."""
        return self._door.refused

    @property
    def half_open(self) -> int:
        """TCP connections that have not been upgraded."""
        return self._door.half_open

    async def start(self, handler: LegHandler) -> None:
        """Listen; ``handler`` is called for each new leg. Raises ConfigError if the port or address cannot be used."""
        settings = self._settings
        self._handler = handler
        # Every scanner that hangs up in mid-handshake would write a traceback; ours is one line.
        logger = logging.getLogger("telephony.websocket.wire")
        logger.setLevel(logging.CRITICAL)
        try:
            self._server = await serve(
                self._serve,
                settings.host,
                settings.port,
                process_request=self._process_request,
                create_connection=type("ServersConnection", (GuardedConnection,), {"door": self._door}),
                compression=None,
                server_header=None,
                open_timeout=settings.limits.handshake_s,
                ping_interval=settings.ping_interval_s,
                ping_timeout=settings.ping_timeout_s,
                close_timeout=settings.close_timeout_s,
                max_size=settings.limits.message_bytes,
                max_queue=_QUEUED_MESSAGES,
                logger=logger,
                backlog=_BACKLOG,
            )
        except OSError as error:
            raise ConfigError(
                f"provider WebSockets cannot listen on {settings.host}:{settings.port}: {error.strerror or error}"
            ) from error
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        log.info("websocket.listening", host=settings.host, port=self.port, path=settings.path)

    async def drain(self) -> None:
        """Answer upgrades with 503 and wait until the present calls are over."""
        self._draining = True
        while self._legs:
            await asyncio.wait(list(self._legs.values()))

    async def close(self) -> None:
        """Hang up what is left, wait for its handlers, stop listening."""
        server, self._server = self._server, None
        if server is None:
            return
        self._draining = True
        await asyncio.gather(*(leg.hangup(HangupReason.DRAINED) for leg in list(self._legs)))
        if tasks := list(self._legs.values()):
            _, late = await asyncio.wait(tasks, timeout=5.0)
            for task in late:
                task.cancel()
        self._door.abort_half_open()
        server.close()
        await server.wait_closed()
        log.info("websocket.closed_down")

    # ------------------------------------------------------------------ the door

    def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        assert isinstance(connection, GuardedConnection)
        headers = _single_valued(request)
        verdict = self._gatekeeper.judge(request.path, headers, connection.address)
        if verdict.refused is not None:
            return self._refuse(connection, verdict.refused, verdict.reason)
        if self._draining:
            return self._refuse(connection, HTTPStatus.SERVICE_UNAVAILABLE, "draining")
        if self._full():
            return self._refuse(connection, HTTPStatus.SERVICE_UNAVAILABLE, "no line is free")
        if full := self._door.room_for(connection.address):
            status = HTTPStatus.TOO_MANY_REQUESTS if "address" in full else HTTPStatus.SERVICE_UNAVAILABLE
            return self._refuse(connection, status, full)
        connection.token_due = verdict.token_due
        self._door.upgraded(connection, connection.address)
        return None

    def _refuse(self, connection: GuardedConnection, status: HTTPStatus, reason: str) -> Response:
        self._door.refused[reason.replace(" ", "_")] += 1
        log.warning("websocket.refused", status=int(status), reason=reason, address=connection.address)
        response = connection.respond(status, f"{reason}\n")
        if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
            response.headers["Retry-After"] = str(self._settings.retry_after_s)  # RFC 9110, 10.2.3
        return response

    # ------------------------------------------------------------------ one stream

    async def _serve(self, connection: ServerConnection) -> None:
        assert isinstance(connection, GuardedConnection)
        protocol = TwilioProtocol(self._settings.limits.violations)
        try:
            started = await self._await_start(connection, protocol)
        except ConnectionClosed:
            return
        if started is None:
            return
        if connection.token_due and not self._gatekeeper.token_matches(started.parameters.get(TOKEN_PARAMETER, "")):
            self._refuse_stream(connection, CloseCode.POLICY_VIOLATION, "bad token")
            return
        leg = TwilioLeg(connection, protocol, started, self._settings, self._ticker, self._clock)
        task = asyncio.get_running_loop().create_task(self._handle(leg), name=f"call-{leg.info.call_id}")
        self._legs[leg] = task
        task.add_done_callback(lambda done: self._handled(leg, done))
        impatience = asyncio.get_running_loop().call_later(self._settings.answer_timeout_s, self._unanswered, leg)
        try:
            async for message in connection:
                leg.receive(message)
                if leg.closed:
                    break
        except ConnectionClosed as error:
            leg.lost(HangupReason.CALLER, f"connection lost: {error.rcvd.code if error.rcvd else 'no close'}")
        finally:
            impatience.cancel()
            leg.lost(HangupReason.CALLER, "connection closed")

    async def _await_start(self, connection: GuardedConnection, protocol: TwilioProtocol) -> Started | None:
        try:
            async with asyncio.timeout(self._settings.limits.start_s):
                while True:
                    event = protocol.receive(await connection.recv())
                    if isinstance(event, Started):
                        return event
                    if isinstance(event, Violation):
                        log.warning("twilio.violation", reason=event.reason, address=connection.address)
                        if event.fatal:
                            self._refuse_stream(connection, CloseCode.POLICY_VIOLATION, event.reason)
                            return None
        except TimeoutError:
            self._refuse_stream(connection, CloseCode.POLICY_VIOLATION, "no start")
            return None

    def _refuse_stream(self, connection: GuardedConnection, code: CloseCode, reason: str) -> None:
        log.warning("websocket.stream_refused", reason=reason, address=connection.address)
        connection.fail(code, reason)

    def _unanswered(self, leg: TwilioLeg) -> None:
        if not leg.answered and not leg.closed:
            self._legs[leg].cancel()

    async def _handle(self, leg: TwilioLeg) -> None:
        assert self._handler is not None
        try:
            await self._handler(leg)
        finally:
            # Whatever the handler did, no call is left hanging.
            if not leg.closed:
                if leg.answered:
                    await leg.hangup(HangupReason.OPERATOR, "nobody served it")
                else:
                    await leg.reject(HangupReason.REFUSED)

    def _handled(self, leg: TwilioLeg, task: asyncio.Task[None]) -> None:
        self._legs.pop(leg, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("websocket.handler_failed", call_id=leg.info.call_id, exc_info=error)


def _single_valued(request: Request) -> dict[str, str]:
    """Headers by lower-case name; one that is given twice is there, but empty, as it would be ambiguous."""
    found: Counter[str] = Counter(name.lower() for name, _ in request.headers.raw_items())
    return {name.lower(): value if found[name.lower()] == 1 else "" for name, value in request.headers.raw_items()}
