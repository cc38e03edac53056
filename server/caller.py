"""A robot caller on a real SIP user agent: `callwright call`, the demo and the benchmarks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contracts.audio import FRAME_BYTES
from contracts.clock import MonotonicClock
from contracts.errors import ConfigError
from telephony.lines import spoken_lines, wav_lines
from telephony.robot import CallerRobot, Line, Manners, Spoken
from telephony.sip.caller import CallerCall, CallerSettings, SipCaller

CODECS = ("pcmu", "pcma", "g722", "opus")


@dataclass(slots=True)
class CallResult:
    """What a robot's call was like; times are monotonic seconds."""

    answered_at: float
    spoken: list[Spoken] = field(default_factory=list)
    ended: str = ""
    codec: str = ""
    sip_call_id: str = ""
    sounds: list[tuple[float, float]] = field(default_factory=list)
    """When the operator was audible; see `CallerRobot.sounds`."""
    closed_at: float = 0.0
    transferred_to: str = ""


async def place_call(
    uri: str,
    *,
    say: Sequence[str] = (),
    wav: Sequence[Path] = (),
    record: Path | None = None,
    codec: str = "pcmu",
    dtmf: str = "",
    timeout_s: float = 180.0,
) -> CallResult:
    """One call with these lines. Raises DialFailed, LineError or ConfigError."""
    if codec not in CODECS:
        raise ConfigError(f"unknown codec {codec!r}; one of {', '.join(CODECS)}")
    lines = (
        [*await asyncio.to_thread(spoken_lines, say), *await asyncio.to_thread(wav_lines, wav)] if say or wav else []
    )
    transport = "tcp" if "transport=tcp" in uri else "udp"
    settings = CallerSettings.model_validate({"codecs": (codec,), "transport": transport})
    async with SipCaller(settings) as caller:
        return await converse(caller, uri, lines, record=record, dtmf=dtmf, timeout_s=timeout_s)


async def converse(
    caller: SipCaller,
    uri: str,
    lines: Sequence[Line],
    *,
    manners: Manners | None = None,
    record: Path | None = None,
    dtmf: str = "",
    timeout_s: float = 180.0,
    on_call: Callable[[CallerCall], None] | None = None,
    on_robot: Callable[[str, CallerRobot], None] | None = None,
) -> CallResult:
    """Dial, say the lines in turn, hang up when all is said and answered (or after ``timeout_s``).

    ``on_robot`` is given the Call-ID and the robot before it speaks: who listens to the operator can tell it things.
    """
    clock = MonotonicClock()
    call = await caller.dial(uri, record=record)
    if on_call is not None:
        on_call(call)
    robot = CallerRobot(list(lines), manners or Manners())
    result = CallResult(
        call.answered_at, robot.spoken, codec=call.codec, sip_call_id=call.sip_call_id, sounds=robot.sounds
    )
    if on_robot is not None:
        on_robot(call.sip_call_id, robot)
    hearing = Frames(robot)
    call.listen(hearing.hear)
    call.speak_from(robot.next_frame)
    until = clock.now() + timeout_s
    pressed = False
    try:
        while not call.closed and clock.now() < until:
            await asyncio.sleep(0.05)
            if robot.done and dtmf and not pressed:
                pressed = True
                await call.dtmf(dtmf)
                until = min(until, clock.now() + 20.0)
            elif robot.done and not dtmf:
                break
        result.ended = "by the operator" if call.closed else "by this caller"
        result.transferred_to = call.transferred_to
    finally:
        result.closed_at = clock.now()
        await call.hangup()
    return result


class Frames:
    """Cuts what arrives into 20 ms frames for the robot."""

    def __init__(self, robot: CallerRobot) -> None:
        self._robot = robot
        self._rest = b""

    def hear(self, pcm: bytes, at: float) -> None:
        """Internal PCM of any length, arrived ``at``."""
        self._rest += pcm
        while len(self._rest) >= FRAME_BYTES:
            frame, self._rest = self._rest[:FRAME_BYTES], self._rest[FRAME_BYTES:]
            self._robot.hear(frame, at - len(self._rest) / 32000)
