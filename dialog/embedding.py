"""Texts as unit vectors, from the embedder that the knowledge base uses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from contracts.worker import Priority, WorkerClient

ENGINE = "embedder"


async def embed(
    workers: WorkerClient, texts: Sequence[str], deadline: float, priority: Priority
) -> npt.NDArray[np.float32]:
    """[n, d]. Raises WorkerError."""
    reply = await workers.request(ENGINE, "embed", {"texts": list(texts)}, deadline=deadline, priority=priority)
    count, dimension = reply.body["shape"]
    return np.frombuffer(reply.blob, "<f4").reshape(int(count), int(dimension))
