"""A tiny real engine that batches, for the host's and the pool's tests; runs in a real subprocess."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any, Literal

from contracts.errors import EngineFailed, WorkerError
from contracts.worker import BatchJob, Done, Reply


class BatchTestEngine:
    """``count``: one number a step to each request, with how many shared the step."""

    concurrent: Literal[True] = True

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._live: list[tuple[str, dict[str, Any], BatchJob, Done]] = []
        self._interrupts = 0

    def load(self) -> None:
        """Nothing to load."""

    def admit(self, method: str, params: Mapping[str, Any], blob: bytes, job: BatchJob, done: Done) -> None:
        """``count`` to a number, ``boom`` in the next step."""
        if method not in ("count", "boom"):
            raise EngineFailed(f"no method {method}")
        self._live.append((method, {"left": params.get("to", 10**9), "seen": 0}, job, done))

    def step(self) -> bool:
        """A number for everybody who may run."""
        ready = []
        for entry in tuple(self._live):
            try:
                if entry[2].poll():
                    ready.append(entry)
            except WorkerError as error:
                self._live.remove(entry)
                entry[3](error)
        if ready:
            time.sleep(0.002)  # a step takes its time: an asker that does not read is not to be flooded
        for entry in ready:
            method, state, job, done = entry
            if method == "boom":
                raise RuntimeError("the engine's own words")
            about = {"together": len(ready), "priority": int(job.priority), "interrupts": self._interrupts}
            job.emit({"n": state["seen"], "pid": os.getpid(), **about})
            state["seen"] += 1
            if state["seen"] >= state["left"]:
                self._live.remove(entry)
                done(Reply({"done": True}))
        return bool(ready)

    def interrupt(self) -> None:
        """Counted."""
        self._interrupts += 1

    def abandon(self) -> None:
        """Forget everybody."""
        self._live.clear()
