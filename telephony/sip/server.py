"""Answers SIP: one library runtime, one user agent per transport, one task per call.

::

    SipServer.start(handler)          INVITE ──► SipLeg ──► task: handler(leg)   (before any answer; many at once)
    dial(target)                      INVITE ──► SipLeg, answered, or why not    (from the same runtime)
    drain(): no new calls, wait       close(): hang up what is left, stop the stack
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import structlog
from baresip import BaresipError, Call, Runtime, UserAgent

from contracts.clock import Clock
from contracts.dialling import DialEnd, Dialled, Introduction
from contracts.errors import ConfigError
from contracts.leg import HangupReason, LegHandler
from telephony.sip.dialling import answered, introduction
from telephony.sip.digits import without_keys
from telephony.sip.leg import SipLeg
from telephony.sip.settings import SipSettings, Transport
from telephony.sip.stack import account, coarse_timers, placed, server_config, usable_port
from telephony.ticker import MediaTicker

log = structlog.get_logger()


class SipServer:
    """The SIP side of the media process; only one may live in a process.

    ``died`` is set when the library's thread ended by itself: calls are gone and the process must be replaced.
    """

    def __init__(self, settings: SipSettings, ticker: MediaTicker, clock: Clock) -> None:
        self._settings = settings
        self._ticker = ticker
        self._clock = clock
        self._runtime: Runtime | None = None
        self._agents: dict[Transport, UserAgent] = {}
        self._handler: LegHandler | None = None
        self._legs: dict[SipLeg, asyncio.Task[None]] = {}
        self._dialled: set[SipLeg] = set()
        """Calls that we made; whoever dialled serves them."""
        self._watches: set[asyncio.Task[None]] = set()
        self.port = settings.port
        self.died = asyncio.Event()

    @property
    def active(self) -> int:
        """Calls that are not over, answered or not."""
        return len(self._legs)

    async def start(self, handler: LegHandler) -> None:
        """Listen; ``handler`` is called for each new leg. Raises ConfigError if the port or address cannot be used."""
        settings = self._settings
        self._handler = handler
        self.port = usable_port(settings.host, settings.port)
        runtime = Runtime()
        runtime.on_dead = self._on_dead
        try:
            with coarse_timers(settings.timer_slack_ms):
                await runtime.start(server_config(settings, self.port))
        except BaresipError as error:
            raise ConfigError(f"SIP did not start on {settings.host}:{self.port}: {error}") from error
        self._runtime = runtime
        for transport in settings.transports:
            domain = f"{settings.host}:{self.port}"
            agent = await UserAgent.create(
                runtime,
                account(
                    settings.user, domain, transport, settings.codecs, catchall=True,
                    secret=settings.dial_password.get_secret_value(), login=settings.dial_login,
                ),
            )  # fmt: skip
            agent.on_incoming(self._on_incoming)
            self._agents[transport] = agent
        for name in ("baresip.native", "baresip.native.sip"):
            logging.getLogger(name).addFilter(without_keys)
        # Its per-call reports name the caller's address at info level; ours say the same with the call's id.
        logging.getLogger("baresip.call").setLevel(logging.WARNING)
        log.info("sip.listening", host=settings.host, port=self.port, transports=list(settings.transports))

    async def drain(self) -> None:
        """Refuse new calls (486) and wait until the present ones are over."""
        if self._runtime is None:
            return
        try:
            await self._runtime.drain()
        except BaresipError as error:
            log.warning("sip.drain_failed", error=str(error))
        await self._wait_for_handlers()

    async def close(self) -> None:
        """Hang up what is left, wait for its handlers, stop the stack."""
        runtime, self._runtime = self._runtime, None
        if runtime is None:
            return
        await asyncio.gather(*(leg.hangup(HangupReason.DRAINED) for leg in [*self._legs, *self._dialled]))
        await self._wait_for_handlers(timeout_s=5.0)
        try:
            await runtime.close()
        except BaresipError as error:
            log.error("sip.close_failed", error=str(error))
        self._agents.clear()
        log.info("sip.closed_down")

    async def _wait_for_handlers(self, timeout_s: float | None = None) -> None:
        tasks = list(self._legs.values())
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=timeout_s)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=timeout_s)

    # ------------------------------------------------------------------ calls

    async def dial(
        self, target: str, who: Introduction, *, ring_s: float, on_ringing: Callable[[], None] | None = None
    ) -> Dialled:
        """contracts.dialling.Dialler: call ``target`` by the transport that it names (``;transport=``)."""
        if self._runtime is None or not self._agents:
            return Dialled(DialEnd.FAILED, "SIP is not running")
        settings = self._settings
        wished: Transport = "tcp" if ";transport=tcp" in target.lower() else "udp"
        agent = self._agents.get(wished) or next(iter(self._agents.values()))
        headers = introduction(who, f"{settings.host}:{self.port}", caller=settings.assert_caller)
        try:
            call = await placed(self._runtime, agent.dial(target, headers))
        except (BaresipError, ValueError) as error:
            return Dialled(DialEnd.UNREACHABLE, str(error))
        connect_s = settings.connect_timeout_s
        failed = await answered(call, ring_s=ring_s, connect_s=connect_s, on_ringing=on_ringing)
        log.info("sip.dialled", ok=failed is None, status=failed.status if failed is not None else "200")
        if failed is not None:
            return failed
        leg = SipLeg(call, settings, self._ticker, self._clock, called=target)
        self._dialled.add(leg)
        task = asyncio.get_running_loop().create_task(leg.wait_closed(), name=f"dialled-{leg.info.call_id}")
        self._watches.add(task)
        task.add_done_callback(self._watches.discard)
        task.add_done_callback(lambda _: self._dialled.discard(leg))
        return Dialled(DialEnd.ANSWERED, "200", leg)

    def _on_incoming(self, call: Call) -> None:
        leg = SipLeg(call, self._settings, self._ticker, self._clock)
        task = asyncio.get_running_loop().create_task(self._serve(leg), name=f"call-{leg.info.call_id}")
        self._legs[leg] = task
        task.add_done_callback(lambda done: self._served(leg, done))

    async def _serve(self, leg: SipLeg) -> None:
        assert self._handler is not None
        try:
            await self._handler(leg)
        finally:
            # Whatever the handler did, no call is left hanging.
            if not leg.closed:
                await leg.hangup(HangupReason.OPERATOR if leg.answered else HangupReason.ERROR, "nobody served it")

    def _served(self, leg: SipLeg, task: asyncio.Task[None]) -> None:
        self._legs.pop(leg, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("sip.handler_failed", call_id=leg.info.call_id, exc_info=error)

    def _on_dead(self) -> None:
        log.critical("sip.stack_died", calls=len(self._legs))
        for leg in [*self._legs, *self._dialled]:
            leg.stack_died()
        self.died.set()
