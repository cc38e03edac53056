"""Actions on the owner's systems, as the conversation sees them: an operation's name, its arguments, its answer.

The conversation's state machine chooses (dialog/tools); what reaches the network is checked again by whoever implements
`Tools` (operations/tools) against the owner's allow-list and OpenAPI file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class Effect(StrEnum):
    """What an operation does to the owner's systems."""

    READ = "read"
    WRITE = "write"


@dataclass(slots=True, frozen=True)
class Operation:
    """One allowed operation. ``inputs``: names it takes; ``required``: those it must have; ``outputs``: answered."""

    name: str
    effect: Effect
    inputs: frozenset[str]
    required: frozenset[str]
    outputs: frozenset[str]


@dataclass(slots=True, frozen=True)
class ToolAnswer:
    """The service's JSON object. ``dry_run``: nothing was sent, and ``data`` is empty."""

    data: Mapping[str, Any]
    dry_run: bool = False


class Tools(Protocol):
    """The owner's systems, as far as they are allowed."""

    @property
    def operations(self) -> Mapping[str, Operation]:
        """What is allowed, by operationId."""
        ...

    async def close(self) -> None:
        """No more will be asked; connections are closed. Harmless twice."""
        ...

    async def call(self, operation: str, arguments: Mapping[str, Any], *, key: str = "") -> ToolAnswer:
        """Do it. ``key``: idempotency key, needed for a write; the same key does a thing once. Raises ToolError."""
        ...
