"""A call's switch: people beside caller and operator, who hears whom, and the sum of what they say.

::

                      ┌──────────────── Patchbay ────────────────┐
    leg ──on_frame──► │ caller ─────────────────────► AudioFront │ ──► ear
    leg ◄─next_frame─ │ Σ of whom the caller hears ◄─ AudioFront │ ◄── mouth        next_frame is the beat: each source
                      │      ▲            │                      │                  gives its frame once, and every
    seat ───say─────► │ JitterRing        └► Σ per seat          │ ──► on_heard     listener gets a sum of its own
                      └──────────────────────────────────────────┘

Pure: no I/O and no clock but the leg's beat. Without seats it only passes frames on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from pydantic import Field

from contracts.audio import FRAME_BYTES, SILENCE, AudioFrame
from contracts.errors import CallTaken, LegClosed, LegError
from contracts.leg import HangupReason, LegPort
from contracts.seats import HEARD_BY, OnHeard, Role
from contracts.seats import Seat as SeatShape
from contracts.settings import Settings

_LOOK = 50
"""Beats (one second) after which a ring that was never down to its depth gives up one frame of its delay."""
_TALKING = frozenset({Role.PERSON, Role.BARGE})
_AFTER = 150
"""Beats (three seconds) of silence for ``on_people`` when the last one has left: what they were saying ends."""


class PatchbaySettings(Settings):
    """People beside caller and operator."""

    seats: int = Field(default=8, ge=1, le=64, description="People in one call at once, listeners included.")
    depth_frames: int = Field(
        default=2, ge=1, le=25, description="20 ms frames gathered before somebody is heard: against network jitter."
    )
    lost_after_s: float = Field(
        default=2.0, ge=0.5, le=30, description="Nothing heard of a browser for so long: its person is gone."
    )
    capacity_frames: int = Field(
        default=12, ge=2, le=100, description="Frames that may wait at most; then the oldest is dropped."
    )


class Tap(Protocol):
    """Somebody who listens to both sides, 640 bytes each every 20 ms: the recorder."""

    def caller(self, pcm: bytes) -> None:
        """What the caller said."""
        ...

    def operator(self, pcm: bytes) -> None:
        """What left for the caller, whoever said it, silence included."""
        ...


class JitterRing:
    """Frames on their way to the beat. Pure.

    ::

        put  ·· 1 2 3 ···· 4 5 6 7 ·        dry: the next `depth` frames (or beats) are waited for
        take ·····  1 2 3 – ·· 4 5 6        longer than `depth` for a whole second: one frame is left out
    """

    __slots__ = ("_capacity", "_depth", "_frames", "_least", "_looked", "_running", "_waited", "dropped", "missed")

    def __init__(self, depth: int, capacity: int) -> None:
        self._depth = depth
        self._capacity = max(depth, capacity)
        self._frames: deque[bytes] = deque()
        self._running = False
        self._waited = 0
        self._least = self._looked = 0
        self.dropped = 0
        """Frames that came too many, or were left out to be on time again."""
        self.missed = 0
        """How often it ran dry."""

    def put(self, frame: bytes) -> None:
        """Add a frame; full: the oldest goes."""
        self._frames.append(frame)
        if len(self._frames) > self._capacity:
            self._frames.popleft()
            self.dropped += 1

    def take(self) -> bytes | None:
        """The next frame, or None: silence."""
        if not self._frames:
            self.missed += self._running
            self._running, self._waited = False, 0
            return None
        if not self._running:
            self._waited += 1
            if len(self._frames) < self._depth and self._waited < self._depth:
                return None
            self._running, self._looked, self._least = True, 0, self._capacity
        frame = self._frames.popleft()
        self._catch_up()
        return frame

    def clear(self) -> None:
        """Forget what waits."""
        self._frames.clear()
        self._running, self._waited = False, 0

    def _catch_up(self) -> None:
        self._least = min(self._least, len(self._frames))
        self._looked += 1
        if self._looked >= _LOOK:
            if self._least >= self._depth:
                self._frames.popleft()
                self.dropped += 1
            self._looked, self._least = 0, self._capacity


class Seat:
    """contracts.seats.Seat; made by ``Patchbay.join``. ``refused`` counts frames of a wrong size."""

    def __init__(
        self,
        bay: Patchbay,
        name: str,
        role: Role,
        settings: PatchbaySettings,
        on_heard: OnHeard | None,
        on_over: Callable[[], None] | None,
    ) -> None:
        self._bay = bay
        self.name = name
        self.role = role
        self.refused = 0
        self.said = JitterRing(settings.depth_frames, settings.capacity_frames)
        self._ears = JitterRing(1, settings.capacity_frames)
        self.on_heard = on_heard or self._ears.put
        self.on_over = on_over

    def say(self, pcm: bytes) -> None:
        """20 ms from this person."""
        if len(pcm) != FRAME_BYTES:
            self.refused += 1
        elif self.role is not Role.LISTEN:
            self.said.put(pcm)

    def heard(self) -> bytes | None:
        """The next 20 ms for this person."""
        return self._ears.take()

    def become(self, role: Role) -> None:
        """Another role from the next beat on. Raises CallTaken."""
        self._bay.change(self, role)

    def leave(self) -> None:
        """Gone."""
        self._bay.remove(self)


class Patchbay:
    """contracts.leg.LegPort between a leg and the operator's port; contracts.seats.Bay for everybody else."""

    def __init__(self, operator_port: LegPort, settings: PatchbaySettings, tap: Tap | None = None) -> None:
        self._front = operator_port
        self._settings = settings
        self._tap = tap
        self._seats: list[Seat] = []
        self._caller = JitterRing(1, settings.capacity_frames)
        self._on = True
        self._listening = False
        self._caller_holds = False
        self._front_held = False
        self._closed = False
        self._private = False
        self._tail: bytes | None = None
        """The operator's last frame, fading, when it was switched off."""
        self.on_empty: Callable[[SeatShape], None] | None = None
        self.on_people: OnHeard | None = None
        self._after = 0
        """Beats of silence that are still to be told."""

    # ── contracts.seats.Bay ─────────────────────────────────────────────────────────────────────────────────────

    @property
    def seats(self) -> Sequence[Seat]:
        """Who is here, in the order of coming."""
        return tuple(self._seats)

    @property
    def holder(self) -> Seat | None:
        """The person who talks with the caller in the operator's place."""
        return next((seat for seat in self._seats if seat.role is Role.PERSON), None)

    @property
    def talking(self) -> Sequence[str]:
        """Names of whoever talks to the caller beside the operator, or in its place."""
        return tuple(seat.name for seat in self._seats if seat.role in _TALKING)

    @property
    def operator_on(self) -> bool:
        """The operator may speak and answers."""
        return self._on

    def join(
        self, name: str, role: Role, on_heard: OnHeard | None = None, on_over: Callable[[], None] | None = None
    ) -> Seat:
        """Take a seat; without ``on_heard`` it is asked by ``heard``. Raises CallTaken, LegError, LegClosed."""
        if self._closed:
            raise LegClosed("this call is over")
        if len(self._seats) >= self._settings.seats:
            raise LegError(f"{len(self._seats)} people are in this call already: no more than that")
        self._check(None, role)
        seat = Seat(self, name, role, self._settings, on_heard, on_over)
        self._seats.append(seat)
        return seat

    def operator(self, on: bool, *, listening: bool = False) -> None:
        """Let it speak and answer, or not; off, it may go on ``listening``. Withdraw what it was saying before."""
        if self._on and not on and not self._caller_holds:
            self._tail = self._front.next_frame()
        self._on, self._listening = on, listening
        self._hold_front()

    def private(self, on: bool) -> None:
        """See contracts.seats.Bay."""
        self._private = on
        self._caller.clear()

    def change(self, seat: Seat, role: Role) -> None:
        """See Seat.become."""
        if seat not in self._seats or role is seat.role:
            return
        self._check(seat, role)
        seat.role = role
        seat.said.clear()
        self._see_to_caller(seat)

    def remove(self, seat: Seat) -> None:
        """See Seat.leave."""
        if seat in self._seats:
            self._seats.remove(seat)
            self._see_to_caller(seat)

    def _check(self, seat: Seat | None, role: Role) -> None:
        if role in (Role.CALLER, Role.OPERATOR):
            raise ValueError(f"nobody else can be the {role}")
        holder = self.holder
        if role is Role.PERSON and holder is not None and holder is not seat:
            raise CallTaken(f"{holder.name} is talking with this caller")

    def _see_to_caller(self, last: Seat) -> None:
        """Whoever leaves, somebody goes on to talk with the caller."""
        if self._on or self._closed or any(seat.role in _TALKING for seat in self._seats):
            return
        self.operator(True)
        if self.on_empty is not None:
            self.on_empty(last)

    # ── contracts.leg.LegPort ───────────────────────────────────────────────────────────────────────────────────

    def on_frame(self, frame: AudioFrame) -> None:
        """20 ms from the caller."""
        if len(frame.pcm) == FRAME_BYTES and not self._closed:
            if self._tap is not None:
                self._tap.caller(SILENCE if self._private else frame.pcm)
            if self._seats and not self._private:
                self._caller.put(frame.pcm)
        if (self._on or self._listening) and not self._private:
            self._front.on_frame(frame)

    def next_frame(self) -> bytes | None:
        """20 ms for the caller: the beat of all."""
        frame = self._beat() if (self._seats or self._after) and not self._closed else self._operator_frame()
        if self._tap is not None and not self._closed:
            self._tap.operator(SILENCE if frame is None or self._private else frame)
        return frame

    def on_dtmf(self, digit: str) -> None:
        """A key."""
        self._front.on_dtmf(digit)

    def on_hold(self, held: bool) -> None:
        """On hold the caller hears nobody and what they send is music; what people say meanwhile is not for later."""
        self._caller_holds = held
        for seat in self._seats:
            seat.said.clear()
        self._caller.clear()
        self._hold_front()

    def on_closed(self, reason: HangupReason, detail: str) -> None:
        """The call is over, for everybody."""
        if self._closed:
            return
        self._closed = True
        self._front.on_closed(reason, detail)
        seats, self._seats = self._seats, []
        for seat in seats:
            if seat.on_over is not None:
                seat.on_over()

    # ── the beat ────────────────────────────────────────────────────────────────────────────────────────────────

    def _beat(self) -> bytes | None:
        said: list[tuple[object, Role, bytes]] = []
        if (frame := self._caller.take()) is not None:
            said.append((None, Role.CALLER, frame))
        if (frame := self._operator_frame()) is not None:
            said.append((None, Role.OPERATOR, frame))
        for seat in self._seats:
            if (frame := seat.said.take()) is not None and not self._caller_holds:
                said.append((seat, seat.role, frame))
        self._tell_of_people([frame for _, role, frame in said if role in _TALKING])
        for seat in list(self._seats):
            heard = [frame for who, role, frame in said if seat.role in HEARD_BY[role] and who is not seat]
            seat.on_heard(mixed(heard) or SILENCE)
        frame = mixed([frame for _, role, frame in said if Role.CALLER in HEARD_BY[role]])
        if frame is None and any(seat.role in _TALKING for seat in self._seats) and not self._caller_holds:
            return SILENCE  # a leg's send buffer keeps its length, so that no word comes later than another
        return frame

    def _tell_of_people(self, said: Sequence[bytes]) -> None:
        if self.on_people is None:
            return
        if self.talking:
            self._after = _AFTER
        elif self._after:
            self._after -= 1
        else:
            return
        self.on_people((not self._private and mixed(said)) or SILENCE)

    def _operator_frame(self) -> bytes | None:
        tail, self._tail = self._tail, None
        if tail is not None or not self._on:
            return tail
        return self._front.next_frame()

    def _hold_front(self) -> None:
        held = self._caller_holds or not (self._on or self._listening)
        if held != self._front_held:
            self._front_held = held
            self._front.on_hold(held)


def mixed(frames: Sequence[bytes]) -> bytes | None:
    """Their sum, limited to what 16 bits hold; None for none. Each 640 bytes."""
    if len(frames) < 2:
        return frames[0] if frames else None
    total = np.frombuffer(frames[0], dtype="<i2").astype(np.int32)
    for frame in frames[1:]:
        total += np.frombuffer(frame, dtype="<i2")
    return np.clip(total, -32768, 32767).astype("<i2").tobytes()
