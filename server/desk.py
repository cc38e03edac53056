"""The desk's side of the media process: which calls are up, and what a supervisor may do to one.

Requests of the control socket: ``calls``, ``end_call``, ``pull_call``, ``tell_call`` (``call_id``, ``by``, ``text``),
``find_passages`` (``call_id``, ``query``) and ``use_call`` (and ``by``, ``passage_id``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from contracts.errors import CallUnknown, LegError
from dialog.session import Session
from dialog.suggesting import shown
from server.control import Operation
from server.wall import Wall


class Desk:
    """One for the operator. Whoever asks has been let in by the console, which has written down who it was."""

    def __init__(self, wall: Wall) -> None:
        self._wall = wall
        self._sessions: dict[str, Session] = {}

    @contextmanager
    def serving(self, call_id: str, session: Session) -> Iterator[None]:
        """The session can be reached while this lasts."""
        self._sessions[call_id] = session
        try:
            yield
        finally:
            del self._sessions[call_id]

    def operations(self) -> dict[str, Operation]:
        """By name, for the control socket."""
        return {
            "calls": self.calls,
            "end_call": self.end_call,
            "pull_call": self.pull_call,
            "tell_call": self.tell_call,
            "find_passages": self.find_passages,
            "use_call": self.use_call,
        }

    async def calls(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Calls that are up; with ``call_id``: that one, if it is."""
        only = [str(request["call_id"])] if "call_id" in request else None
        return {"calls": self._wall.calls(datetime.now(UTC), only)}

    async def end_call(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Say goodbye and hang up. Raises CallUnknown, LegError."""
        if not self.session_of(request).end(str(request["by"])):
            raise LegError("this call is ending, or being handed to a person")
        return {}

    async def pull_call(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Hand the caller to a person. Raises CallUnknown, LegError."""
        if not self.session_of(request).pull(str(request["by"])):
            raise LegError("this call is ending, or being handed to a person already")
        return {}

    async def tell_call(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """What the operator's next answer shall be. Raises CallUnknown, LegError."""
        self.session_of(request).byhand.tell(str(request["by"]), str(request["text"]))
        return {}

    async def find_passages(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """What the documents say, as the operator would find it. Raises CallUnknown, WorkerError."""
        found = await self.session_of(request).suggesting.find(str(request["query"]))
        return {"passages": [shown(one) for one in found]}

    async def use_call(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The next question is answered from a passage that was found so. Raises CallUnknown, LegError, WorkerError."""
        session = self.session_of(request)
        wanted = str(request["passage_id"])
        for one in await session.suggesting.find(str(request["query"])):
            if one.passage.passage_id == wanted:
                session.byhand.give(str(request["by"]), one.passage)
                return {}
        raise LegError("this passage is not found any more: the documents have changed, search again")

    def session_of(self, request: Mapping[str, Any]) -> Session:
        """The call of that id. Raises CallUnknown."""
        session = self._sessions.get(str(request["call_id"]))
        if session is None:
            raise CallUnknown("this call is over")
        return session
