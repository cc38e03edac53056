"""One trial: callers talk, a worker gets a signal while it works for one of them, and all is written down."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from contracts.configfile import load_yaml
from contracts.errors import CallwrightError
from dialog.lines import LineFile
from scripts.fault_judge import BACK_S, SETTLED_S, SOUND_S, Kinds, OpenTurn, Outage, monotonic, open_turns
from scripts.latency_calls import Switch, filler_texts, wall_offset
from scripts.operator_process import OperatorProcess
from scripts.rtp_callers import Callers, RtpCall
from scripts.rtp_voices import MISSED_SLOT_S, RobotVoice
from server.settings import project_path
from telephony.robot import CallerRobot, Line, Manners

SIGNALS = {"KILL": signal.SIGKILL, "STOP": signal.SIGSTOP}
MANNERS = Manners(told=True, gap_s=1.0, patience_s=12.0)
SPREAD_S = 4.0
"""The callers dial within so long, each at a time of its own."""
WARM_S = 60.0
"""Patience until every caller has been answered once."""
ARM_S = 60.0
"""Patience until the worker is seen at work for a caller who waits."""
POLL_S = 0.01
DUE_S = {"speech": 0.15, "knowledge": 0.1, "voice": 0.4}
"""When a worker is due to have a request: so long after a true end of speech. Models are always seen at work."""
TIMED = ("knowledge",)
"""A search takes 5 ms and is never seen at work."""
AT_WORK_S = 20.0
"""Patience to see a worker at work; later the fault comes when it is due."""
OBSERVE_S = 14.0
"""After the fault: the worker's 10 s, and a turn that began in them."""


class TrialFailed(CallwrightError):
    """The situation that the trial needs did not arise."""


@dataclass(slots=True)
class Trial:
    """What was seen. Seconds from the fault unless said otherwise."""

    worker: str
    signal: str
    caught: str
    """``at work``: the worker had a request pending; ``at true end``: it was due to get one."""
    lost_s: float | None = None
    back_s: float | None = None
    turns: list[OpenTurn] = field(default_factory=list)
    gap_max_s: float = 0.0
    """Longest time between two packets at any caller's socket, from the fault until the worker was back."""
    slots_missed: int = 0
    """Packets more than 60 ms late, of all calls."""
    tick_late_max_s: float = 0.0
    calls_lost: int = 0
    own_late_max_ms: float = 0.0

    @property
    def affected(self) -> list[OpenTurn]:
        """Turns that needed the worker while it was away."""
        return [turn for turn in self.turns if turn.affected]

    @property
    def passed(self) -> bool:
        """All that issue 3 asks for."""
        back = self.back_s is not None and self.back_s <= BACK_S
        return back and not self.slots_missed and not self.calls_lost and all(turn.passed for turn in self.affected)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "passed": self.passed, "affected": len(self.affected)}


class Talkers:
    """The callers of one trial: they ask on and on, each in an order of its own."""

    def __init__(self, operator: OperatorProcess, callers: Callers, lines: Sequence[Line], count: int, seed: int):
        self._operator = operator
        self._callers = callers
        self._switch = Switch(filler_texts(operator), lambda: None)
        self._chance = random.Random(seed)
        self.voices = [RobotVoice(CallerRobot(self._order(lines), MANNERS)) for _ in range(count)]
        self.calls: list[RtpCall] = []
        operator.watch_with(self._switch.take)

    def _order(self, lines: Sequence[Line]) -> list[Line]:
        return [line for _ in range(20) for line in self._chance.sample(list(lines), len(lines))]

    async def dial(self) -> None:
        """All of them, and wait until each has been answered once. Raises TrialFailed."""

        async def one(voice: RobotVoice, wait_s: float) -> None:
            await asyncio.sleep(wait_s)
            call = await self._callers.dial(self._operator.sip_uri, voice)
            self._switch.add(call.call_id, voice.robot)
            self.calls.append(call)

        async with asyncio.TaskGroup() as group:
            for voice in self.voices:
                group.create_task(one(voice, self._chance.uniform(0.0, SPREAD_S)))
        try:
            async with asyncio.timeout(WARM_S):
                while not all(len(voice.robot.spoken) >= 2 for voice in self.voices):  # noqa: ASYNC110 - pure robots
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise TrialFailed(f"not every caller was answered within {WARM_S:g} s") from None

    def waiting(self, since_s: float = 0.0) -> bool:
        """A caller's last line ended at least so long ago, and nothing was heard since."""
        now = time.monotonic()
        last = [voice.robot.spoken[-1] for voice in self.voices if voice.robot.spoken]
        return any(line.true_end_at and not line.reply_at and now - line.true_end_at >= since_s for line in last)

    async def hang_up(self) -> None:
        """All of them."""
        await asyncio.gather(*(self._callers.hangup(call) for call in self.calls))


async def trial(
    operator: OperatorProcess, lines: Sequence[Line], worker: str, signal_name: str, *, calls: int, seed: int
) -> Trial:
    """The signal is sent while ``worker`` has a request and a caller waits. Raises TrialFailed."""
    first = len(operator.events)
    async with Callers() as callers:
        talkers = Talkers(operator, callers, lines, calls, seed)
        await talkers.dial()
        callers.restart_load()
        pid, caught = await _caught(operator, talkers, worker)
        found = Trial(worker, signal_name, caught)
        fault = time.monotonic()
        os.kill(pid, SIGNALS[signal_name])
        await asyncio.sleep(OBSERVE_S)
        until = time.monotonic()
        found.tick_late_max_s = round((await operator.status())["tick"]["late_max_s"], 4)
        found.calls_lost = sum(not call.up and not call.referred_at for call in talkers.calls)
        found.own_late_max_ms = callers.load.report()["late_max_ms"]
        await talkers.hang_up()
    await operator.idle()
    _judge(found, operator, operator.events[first:], talkers, fault, until)
    return found


async def _caught(operator: OperatorProcess, talkers: Talkers, worker: str) -> tuple[int, str]:
    """Wait for the moment: the worker's process id, and how it was caught."""
    until = time.monotonic() + (0.0 if worker in TIMED else AT_WORK_S)
    reader, writer = await asyncio.open_unix_connection(str(operator.settings.control_socket))
    try:
        async with asyncio.timeout(ARM_S):
            while True:
                timed = time.monotonic() > until and worker in DUE_S
                if talkers.waiting(DUE_S[worker] if timed else 0.0):
                    writer.write(b'{"op": "workers"}\n')
                    workers = json.loads(await reader.readline())["workers"]
                    one = next(one for one in workers if one["name"] == worker)
                    if timed or one["pending"]:
                        return one["pid"], "at true end" if timed else "at work"
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise TrialFailed(f"worker {worker!r} had nothing to do for {ARM_S:g} s; nothing to kill it at") from None
    finally:
        writer.close()


def _judge(
    found: Trial, operator: OperatorProcess, events: Sequence[Mapping[str, Any]], talkers: Talkers, fault: float,
    until: float,
) -> None:  # fmt: skip
    offset = wall_offset()
    timed = [monotonic(event, offset) for event in events]
    outage = outage_of(found.worker, timed, fault)
    found.lost_s = round(outage.lost - fault, 3) if outage.lost < float("inf") else None
    found.back_s = round(outage.back - fault, 3) if outage.back < float("inf") else None
    lines = load_yaml(project_path(operator.settings.dialog.lines), LineFile)
    own = {event["body"]["external_id"]: event["call_id"] for event in timed if event["kind"] == "call.started"}
    for call in talkers.calls:
        voice = call.voice
        assert isinstance(voice, RobotVoice)
        mine = [event for event in timed if event["call_id"] == own.get(call.call_id)]
        found.turns += open_turns(voice.robot.spoken, mine, voice.first_sound_after, outage, Kinds.of(lines), until)
        longest, missed = voice.late(fault - MISSED_SLOT_S, min(outage.back + 1.0, call.closed_at or until, until))
        found.gap_max_s = round(max(found.gap_max_s, longest), 4)
        found.slots_missed += missed


def outage_of(worker: str, events: Sequence[Mapping[str, Any]], fault: float) -> Outage:
    """When its loss was noticed and when a replacement was loaded."""

    def first(kind: str, after: float) -> float:
        return next(
            (e["mono"] for e in events if e["kind"] == kind and e["body"]["worker"] == worker and e["mono"] >= after),
            float("inf"),
        )

    lost = first("worker.lost", fault)
    return Outage(worker, fault, lost, first("worker.started", lost))


__all__ = ["BACK_S", "SETTLED_S", "SIGNALS", "SOUND_S", "Trial", "outage_of", "trial"]
