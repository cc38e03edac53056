"""A request as the asking side keeps it, and the errors by which a worker answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from contracts import errors
from contracts.errors import EngineFailed, ModelFileError, WorkerError
from contracts.worker import Reply, Urgency


@dataclass(slots=True, eq=False)
class Asked:
    """One request until the worker's last word on it, even if the asker has left."""

    id: int
    urgency: Urgency
    deadline: float
    replies: asyncio.Queue[tuple[Reply, bool] | WorkerError]
    burst: int | None = None
    sent: bool = False
    left: bool = False


def load_error(name: str, text: str) -> WorkerError | ModelFileError:
    """What kept an engine from loading, as the worker named it."""
    return ModelFileError(text) if name == ModelFileError.__name__ else worker_error(name, text)


def worker_error(name: str, text: str) -> WorkerError:
    """The class of that name, if it is one of ours; EngineFailed for all else."""
    kind = getattr(errors, name, None)
    return kind(text) if isinstance(kind, type) and issubclass(kind, WorkerError) else EngineFailed(text)
