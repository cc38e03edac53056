"""Settings of the model processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator, model_validator

from contracts.settings import Settings


class EngineSettings(Settings):
    """One engine inside a worker."""

    name: str
    """How requests name it; unique among all workers."""
    engine: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    """``package.module:Class`` of a contracts.worker.Engine."""
    options: Mapping[str, Any] = Field(default_factory=dict)
    """Given to the class's constructor; JSON values. ``threads`` is filled in from the worker if absent."""
    arbitrated: bool = True
    """False: runs without asking for the cores. Only for what takes a few milliseconds."""
    pausable: bool = True
    """May be paused at a checkpoint for something more urgent."""
    awaited: bool = True
    """A request waits for its worker's replacement. False: it fails at once, because late it is of no use."""


class WorkerSettings(Settings):
    """One process. Its engines share one thread: one request at a time, the most urgent first, or one batch of them."""

    name: str
    engines: tuple[EngineSettings, ...] = Field(min_length=1)
    threads: int = Field(default=2, ge=1, le=256)
    """Compute threads of each engine."""
    env: Mapping[str, str] = Field(default_factory=dict)
    """More environment variables for the process."""
    nice: int = Field(default=0, ge=0, le=19)
    """Scheduling niceness: for background workers, so that they never take the media process's core."""


class WorkersSettings(Settings):
    """All model processes of this machine."""

    workers: tuple[WorkerSettings, ...] = ()
    start_timeout_s: float = Field(default=120.0, gt=0)
    """From the start of a process until its engines are loaded."""
    heartbeat_s: float = Field(default=0.1, gt=0)
    """How often a worker is asked whether it is there. One that the kernel holds stopped is replaced after two."""
    hang_timeout_s: float = Field(default=1.5, gt=0)
    """A worker from which nothing is heard for so long, not even an answer to a ping, is killed."""
    overrun_s: float = Field(default=5.0, gt=0)
    """A worker whose engine still computes so long after a request's deadline is killed."""
    queue_bound: int = Field(default=16, ge=1)
    """Unfinished requests per worker; one more gets WorkerBusy."""
    stream_bound: int = Field(default=1024, ge=1)
    """Partial results that wait for a slow reader; one more ends the stream with WorkerBusy."""
    restart_backoff_s: float = Field(default=0.02, ge=0)
    """Pause before the first restart; doubles with each further death, up to the next field."""
    restart_backoff_max_s: float = Field(default=10.0, ge=0)
    restart_reset_s: float = Field(default=60.0, ge=0)
    """A worker that lived so long starts again at the shortest pause."""
    slice_s: float = Field(default=0.25, gt=0)
    """A worker that has had the cores for so long gives way to one that is as urgent."""
    bursts: int = Field(default=1, ge=1)
    """Bursts that may hold the cores at once: 1 on two cores; on larger machines cores divided by ``threads``."""

    @field_validator("workers")
    @classmethod
    def _names_are_unique(cls, workers: tuple[WorkerSettings, ...]) -> tuple[WorkerSettings, ...]:
        for kind, names in (
            ("worker", [w.name for w in workers]),
            ("engine", [e.name for w in workers for e in w.engines]),
        ):
            twice = sorted({n for n in names if names.count(n) > 1})
            if twice:
                raise ValueError(f"{kind} name used twice: {', '.join(twice)}")
        return workers

    @model_validator(mode="after")
    def _pauses_are_ordered(self) -> WorkersSettings:
        if self.restart_backoff_max_s < self.restart_backoff_s:
            raise ValueError("restart_backoff_max_s is shorter than restart_backoff_s")
        return self
