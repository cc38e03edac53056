"""Long work beside the searches: the engine has one thread, and a caller's question must never wait for a PDF.

A request for long work is answered at once with a ticket; ``ticket`` then tells whether it is done and how it ended.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from contracts.errors import CallwrightError, KnowledgeError
from knowledge.api import error_json

log = structlog.get_logger(__name__)

Work = Callable[[], Mapping[str, Any]]
_WAITING = 1000
_REMEMBERED = 1000
_UNKNOWN = error_json(
    KnowledgeError("failed for a reason that nobody expected; the log of the knowledge worker has it")
)


class Clerk:
    """One thread that does what it is given, in order, and remembers how the last thousand ended."""

    def __init__(self) -> None:
        self._queue: queue.Queue[tuple[str, Work] | None] = queue.Queue(_WAITING)
        self._ended: OrderedDict[str, Mapping[str, Any] | None] = OrderedDict()
        self._guard = threading.Lock()
        self._given = 0
        self._closed = False
        self._thread = self._hired()

    def _hired(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name="knowledge-clerk", daemon=True)
        thread.start()
        return thread

    def give(self, work: Work) -> str:
        """Put work in the queue; returns its ticket. Raises KnowledgeError when too much is waiting."""
        with self._guard:
            if not self._thread.is_alive() and not self._closed:
                self._thread = self._hired()
            self._given += 1
            ticket = f"t{self._given}"
            self._ended[ticket] = None
            while len(self._ended) > _REMEMBERED + _WAITING:
                self._ended.popitem(last=False)
        try:
            self._queue.put_nowait((ticket, work))
        except queue.Full as error:
            raise KnowledgeError(f"{_WAITING} changes are waiting already; try again in a minute") from error
        return ticket

    def look(self, ticket: str) -> Mapping[str, Any]:
        """``{"done": false}``, or the result under ``result``, or an error as ``error_json`` writes it."""
        with self._guard:
            if ticket not in self._ended:
                raise KnowledgeError(
                    "the knowledge worker was started anew meanwhile; look with `callwright knowledge list` what was "
                    "done, and repeat the rest"
                )
            ended = self._ended[ticket]
            if ended is None and not self._thread.is_alive() and not self._closed:
                self._thread = self._hired()  # the one before died of the work before this
        return {"done": False} if ended is None else {"done": True, **ended}

    def close(self) -> None:
        """Finish the work at hand and stop; what waits is not begun."""
        with self._guard:
            self._closed = True
        while True:
            try:
                self._queue.get_nowait()
            except queue.Empty:
                break
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            ticket, work = job
            ended = _UNKNOWN
            try:
                ended = {"result": work()}
            except CallwrightError as error:
                ended = error_json(error)
            except (SQLAlchemyError, sqlite3.Error, OSError, ValueError) as error:
                log.exception("knowledge work failed", ticket=ticket)
                ended = error_json(KnowledgeError(f"failed unexpectedly ({type(error).__name__}: {error})"))
            finally:  # what nobody expected ends this thread, with its traceback; the next ticket gets another
                with self._guard:
                    self._ended[ticket] = ended
