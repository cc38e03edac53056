"""The robot caller on a Twilio-shaped WebSocket, with the same manners and the same clock as on SIP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from contracts.audio import FRAME_BYTES, FRAME_S
from contracts.clock import MonotonicClock
from server.caller import CallResult
from telephony.resample import resample
from telephony.robot import CallerRobot, Line, Manners
from telephony.websocket.client import TwilioClient
from telephony.websocket.g711 import ulaw_to_linear


async def converse_twilio(
    url: str,
    lines: Sequence[Line],
    manners: Manners,
    timeout_s: float,
    on_robot: Callable[[str, CallerRobot], None] | None = None,
) -> CallResult:
    """One call over the WebSocket; returns when all is said and answered. ``on_robot`` as in `server.caller`."""
    clock = MonotonicClock()
    robot = CallerRobot(list(lines), manners)
    async with TwilioClient(url) as call:
        result = CallResult(clock.now(), robot.spoken, codec="g711", sip_call_id=call.call_sid, sounds=robot.sounds)
        if on_robot is not None:
            on_robot(call.call_sid, robot)
        until = clock.now() + timeout_s
        heard = 0
        due = clock.now()
        while not call.closed.is_set() and not robot.done and clock.now() < until:
            for one in call.log.heard[heard:]:
                _hear(robot, one.ulaw, one.plays_at)
            heard = len(call.log.heard)
            frame = robot.next_frame(clock.now())
            if any(frame):
                call.say(frame)
            due = max(due + FRAME_S, clock.now())
            await asyncio.sleep(due - clock.now())
        result.ended = "by the operator" if call.closed.is_set() else "by this caller"
        result.closed_at = clock.now()
        if not call.closed.is_set():
            await call.hang_up()
    return result


def _hear(robot: CallerRobot, ulaw: bytes, at: float) -> None:
    pcm = resample(ulaw_to_linear(ulaw), 8000, 16000)
    for start in range(0, len(pcm), FRAME_BYTES):
        robot.hear(pcm[start : start + FRAME_BYTES], at + start / 32000)
