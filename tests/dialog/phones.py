"""Telephones in memory, for hand-overs on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from contracts.audio import FRAME_S, SILENCE, AudioFrame
from contracts.dialling import DialEnd, Dialled, Introduction
from contracts.errors import LegClosed
from contracts.leg import HangupReason, LegCapabilities, LegInfo, LegPort

PERSON, CALLER = b"\x11\x01" * 320, b"\x02\x00" * 320
"""The caller is too soft for the VAD, which these tests have none of."""


class Phone:
    """contracts.dialling.OutgoingLeg in memory: talks all the time, keeps what it hears; hangs up after ``for_s``."""

    def __init__(self, target: str, for_s: float) -> None:
        self.info = LegInfo("p", "ext-p", "sip", "", target)
        self.capabilities = LegCapabilities("us", True, False, True, 8000, "g711")
        self.heard: list[bytes] = []
        self.ended: list[HangupReason] = []
        self.keys = ""
        self._for_s = for_s
        self._port: LegPort | None = None
        self._task: asyncio.Task[None] | None = None

    async def attach(self, port: LegPort) -> None:
        if self.ended:
            raise LegClosed("gone")
        self._port = port
        self._task = asyncio.create_task(self._talk(port))

    async def _talk(self, port: LegPort) -> None:
        for _ in range(round(self._for_s / FRAME_S)):
            await asyncio.sleep(FRAME_S)
            self.heard.append(port.next_frame() or SILENCE)
            port.on_frame(AudioFrame(PERSON, 0.0))
            for key in self.keys:
                port.on_dtmf(key)
            self.keys = ""
        self._over(HangupReason.CALLER)

    async def hangup(self, reason: HangupReason, detail: str = "") -> None:
        if self._task is not None:
            self._task.cancel()
        self._over(reason)

    def _over(self, reason: HangupReason) -> None:
        if not self.ended:
            self.ended.append(reason)
            if self._port is not None:
                self._port.on_closed(reason, "")


class Exchange:
    """contracts.dialling.Dialler: who answers at which target, how long they stay; others say why not."""

    def __init__(self, *, stay_s: float = 1e4, ring_s: float = 1.0, **ends: DialEnd) -> None:
        self.ends = ends
        self.stay_s = stay_s
        self.ring_s = ring_s
        self.dialled: list[tuple[str, Introduction]] = []
        self.taken_back = 0
        self.phones: list[Phone] = []
        self.keys = ""
        self.keys_of: dict[str, str] = {}
        """By name: what is pressed as soon as they have answered; others press ``keys``."""

    async def dial(
        self, target: str, who: Introduction, *, ring_s: float, on_ringing: Callable[[], None] | None = None
    ) -> Dialled:
        self.dialled.append((target, who))
        name = target.removeprefix("sip:").partition("@")[0]
        try:
            if on_ringing is not None:
                on_ringing()
            await asyncio.sleep(self.ring_s if name not in self.ends else 0.1)
        except asyncio.CancelledError:
            self.taken_back += 1
            raise
        if name in self.ends:
            return Dialled(self.ends[name], "486 Busy Here")
        phone = Phone(target, 1.0 if name == "hasty" else self.stay_s)
        phone.keys = self.keys_of.get(name, self.keys)
        self.phones.append(phone)
        return Dialled(DialEnd.ANSWERED, "200", phone)
