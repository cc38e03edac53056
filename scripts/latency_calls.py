"""Many robot callers at once, each told by the operator's events when its question has been answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil

from contracts.audio import FRAME_S
from contracts.configfile import load_yaml
from contracts.errors import DialFailed
from dialog.lines import LineFile
from scripts.latency_questions import Group, offsets, shuffled
from scripts.latency_turns import AnswerWatch, Turn, count_calls_up, turns_of
from scripts.operator_process import OperatorProcess
from scripts.twilio_robot import converse_twilio
from scripts.usage import Usage, spent, usage
from server.caller import CallResult, converse
from server.settings import project_path
from telephony.robot import CallerRobot, Line, Manners
from telephony.sip.caller import CallerSettings, SipCaller

MANNERS = Manners(told=True, gap_s=1.0, patience_s=12.0, settle_s=0.5)
TIMEOUT_S = 600.0

OnRobot = Callable[[str, CallerRobot], None]
Place = Callable[[Sequence[Line], OnRobot], Awaitable[CallResult]]


@dataclass(slots=True)
class Run:
    """What one run of the benchmark saw."""

    turns: list[Turn] = field(default_factory=list)
    calls: int = 0
    wall_s: float = 0.0
    call_minutes: float = 0.0
    load_before: float = 0.0
    others_cpu_s: float = 0.0
    """Of everything else on the machine at normal priority: if it is not small, the figures are not the operator's."""
    background_cpu_s: float = 0.0
    """At lowered priority."""
    caller_cpu_s: float = 0.0
    caller_late_s: list[float] = field(default_factory=list)
    """How late this process's 20 ms beat came, each time: late frames sound like pauses to the operator."""
    operator_cpu_s: dict[str, float] = field(default_factory=dict)
    """By process."""
    operator_pss_mb: dict[str, float] = field(default_factory=dict)
    """By process, as the last call had ended."""


@dataclass(slots=True, frozen=True)
class Plan:
    """``at_once`` callers dial within ``spread_s`` and call ``repeat`` times each.

    ``lines_each``: most lines of a call, 0: all; ``seed``: of the order of questions and of when callers dial.
    """

    at_once: int = 1
    repeat: int = 1
    lines_each: int = 0
    spread_s: float = 8.0
    seed: int = 1

    def lines(self, groups: Sequence[Group], caller: int, call: int) -> list[str]:
        """What that caller says in its so-many-th call."""
        return shuffled(groups, self.seed * 10_000 + caller * 100 + call, self.lines_each)

    def total(self, groups: Sequence[Group]) -> int:
        """Lines of all calls."""
        return sum(len(self.lines(groups, one, call)) for one in range(self.at_once) for call in range(self.repeat))


class Switch:
    """Hands the operator's events to the call that each belongs to."""

    def __init__(self, fillers: frozenset[str], on_answer: Callable[[], None]) -> None:
        self._fillers = fillers
        self._on_answer = on_answer
        self._external: dict[str, str] = {}
        self._robots: dict[str, tuple[CallerRobot, AnswerWatch]] = {}

    def add(self, external_id: str, robot: CallerRobot) -> None:
        """A call was answered."""
        self._robots[external_id] = (robot, AnswerWatch(self._fillers))

    def take(self, event: dict[str, Any]) -> None:
        """An event of any call."""
        if event["kind"] == "call.started":
            self._external[event["call_id"]] = event["body"]["external_id"]
        robot, watch = self._robots.get(self._external.get(event["call_id"], ""), (None, None))
        if robot is not None and watch is not None and watch.over(event) and robot.answered():
            self._on_answer()


@asynccontextmanager
async def placing(operator: OperatorProcess, transport: str) -> AsyncIterator[Place]:
    """How a call is placed by ``sip`` or ``twilio``."""
    if transport == "twilio":
        websocket = operator.settings.telephony.websocket
        url = f"ws://{websocket.host}:{websocket.port}{websocket.path}"
        yield lambda lines, on_robot: converse_twilio(url, lines, MANNERS, TIMEOUT_S, on_robot)
        return
    async with SipCaller(CallerSettings()) as caller:
        yield lambda lines, on_robot: converse(
            caller, operator.sip_uri, lines, manners=MANNERS, timeout_s=TIMEOUT_S, on_robot=on_robot
        )


async def run_calls(
    operator: OperatorProcess,
    place: Place,
    spoken: Mapping[str, Line],
    groups: Sequence[Group],
    plan: Plan,
    on_answer: Callable[[], None] = lambda: None,
) -> Run:
    """Callers as planned, each of whom says the lines of ``groups`` in an order of its own.

    ``spoken``: the sound of every line by its text, made beforehand: no synthesis runs beside the measurement. A call
    that the operator refuses is in the run too, with all its lines unsaid.
    """
    switch = Switch(filler_texts(operator), on_answer)
    operator.watch_with(switch.take)
    run = Run(load_before=round(psutil.getloadavg()[0], 2))
    results: list[tuple[list[str], CallResult]] = []

    async def caller(number: int, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        for call in range(plan.repeat):
            labels = plan.lines(groups, number, call)
            try:
                results.append((labels, await place([spoken[label] for label in labels], switch.add)))
            except DialFailed as error:
                run.turns += [Turn(label, f"not said: {error}") for label in labels]

    before = await look(operator)
    busy, nice = busy_s()
    own, begun = time.process_time(), time.monotonic()
    beat = asyncio.create_task(keep_beat(run.caller_late_s))
    async with asyncio.TaskGroup() as tasks:
        for number, wait_s in enumerate(offsets(plan.at_once, plan.spread_s, plan.seed)):
            tasks.create_task(caller(number, wait_s))
    beat.cancel()
    run.wall_s, run.caller_cpu_s = round(time.monotonic() - begun, 1), round(time.process_time() - own, 2)
    busy, run.background_cpu_s = (round(now - then, 1) for now, then in zip(busy_s(), (busy, nice), strict=True))
    after = await look(operator)
    run.operator_cpu_s, run.operator_pss_mb = spent(before, after), after.pss_mb
    run.others_cpu_s = round(max(0.0, busy - run.caller_cpu_s - sum(run.operator_cpu_s.values())), 1)
    for labels, result in results:
        run.turns += turns_of(labels, result, await operator.events_of(result.sip_call_id), wall_offset())
    spans = [(result.answered_at, result.closed_at) for _, result in results]
    count_calls_up(run.turns, spans)
    run.calls = len(results)
    run.call_minutes = round(sum(end - begin for begin, end in spans) / 60, 2)
    return run


async def look(operator: OperatorProcess) -> Usage:
    """CPU time and memory of the operator's processes now."""
    return usage(operator.pid, (await operator.status())["workers"])


async def keep_beat(late_s: list[float]) -> None:
    """Adds how late each 20 ms came, until cancelled."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        due = max(due, loop.time()) + FRAME_S
        await asyncio.sleep(due - loop.time())
        late_s.append(max(0.0, loop.time() - due))


def busy_s() -> tuple[float, float]:
    """CPU seconds of the whole machine since it began: at normal priority, and at lowered."""
    times = psutil.cpu_times()
    return float(times.user + times.system + times.irq + times.softirq + times.steal), float(times.nice)


def wall_offset() -> float:
    """What to take from the wall clock to have monotonic seconds."""
    return time.time() - time.monotonic()


def filler_texts(operator: OperatorProcess) -> frozenset[str]:
    """The sentences that the operator says while it is still looking."""
    settings = operator.settings
    lines = load_yaml(project_path(settings.dialog.lines), LineFile)
    said = [*lines.filler, lines.filler_again]
    return frozenset(one.replace("{name}", settings.name) for one in said)
