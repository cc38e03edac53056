"""The rule file, watched: a changed one that holds is used by calls that begin afterwards; a broken one is not.

::

    file changed, or `callwright rules reload` ─► schema, examples, targets ─┬─ right ─► new calls (config digest tells)
                                                                             └─ wrong ─► the old one; log, page, event
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog

from contracts.clock import Clock
from contracts.errors import ConfigError
from contracts.events import Event, EventKind, EventSink
from dialog.services import DialogServices
from escalation.rules import RuleBook
from operations.switches import NO_CALL
from server.build import WARM_S, Engines, check_targets
from server.control import Operation
from server.settings import OperatorSettings, project_path

log = structlog.get_logger()
EVERY_S = 2.0
"""Between two looks at the file."""


class RulesWatch:
    """One for the operator. ``use`` gives services to new calls; ``prepare`` makes the sound of new sentences."""

    def __init__(
        self,
        path: Path,
        services: DialogServices,
        use: Callable[[DialogServices], None],
        check: Callable[[RuleBook], None],
        prepare: Callable[[Sequence[str]], Awaitable[object]],
        sink: EventSink,
    ) -> None:
        """``check`` raises ConfigError for rules that do not fit the other settings."""
        self._path = path
        self._first = self._services = services
        self._use = use
        self._check = check
        self._prepare = prepare
        self._sink = sink
        self._seen = self._stamp()
        self._task: asyncio.Task[None] | None = None
        self.trouble = ""
        """Why the file as it is now is not used; empty: it is."""

    @property
    def book(self) -> RuleBook:
        """The rules of new calls."""
        return self._services.rules

    def operations(self) -> dict[str, Operation]:
        """By name, for the control socket."""
        return {"reload_rules": self.reload, "rules": self.show}

    async def show(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Which rules new calls have."""
        told = {"file": str(self._path), "version": self.book.version, "digest": self.book.digest[:12]}
        return {**told, "config_digest": self._services.config_digest, "trouble": self.trouble}

    async def reload(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Look now. Raises ConfigError for a file that cannot be used."""
        await self.look()
        if self.trouble:
            raise ConfigError(f"{self.trouble}; calls keep version {self.book.version}")
        return await self.show(request)

    def start(self) -> None:
        """Look every so often."""
        self._task = asyncio.create_task(self._watch(), name="rules-watch")

    async def close(self) -> None:
        """No more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def look(self) -> None:
        """Read the file and use it, if it can be used."""
        self._seen = self._stamp()
        try:
            book = await asyncio.to_thread(self._read)
        except ConfigError as error:
            self.trouble = str(error)
            log.error("rules.not_used", why=self.trouble, version=self.book.version)
            self._tell(ok=False)
            return
        self.trouble = ""
        if book.digest == self.book.digest:
            return
        await self._prepare([text for rule in book.rules for text in (rule.say, rule.alone) if text])
        self._services = replace(self._first, rules=book, config_digest=self._digest(book))
        self._use(self._services)
        log.info("rules.loaded", version=book.version, digest=book.digest[:12])
        self._tell(ok=True)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            if self._stamp() != self._seen:
                await self.look()

    def _read(self) -> RuleBook:
        try:
            book = RuleBook.load(self._path)
        except OSError as error:
            raise ConfigError(f"{self._path}: cannot be read ({error.strerror})") from error
        if wrong := book.check_examples():
            raise ConfigError(f"{self._path}: {wrong[0]}")
        self._check(book)
        return book

    def _digest(self, book: RuleBook) -> str:
        if book.digest == self._first.rules.digest:
            return self._first.config_digest
        return hashlib.sha256(f"{self._first.config_digest} {book.digest}".encode()).hexdigest()[:12]

    def _stamp(self) -> tuple[int, int]:
        try:
            state = self._path.stat()
        except OSError:
            return (0, 0)
        return (state.st_mtime_ns, state.st_size)

    def _tell(self, *, ok: bool) -> None:
        body = {"version": self.book.version, "digest": self.book.digest[:12], "ok": ok, "why": self.trouble}
        body["config_digest"] = self._services.config_digest
        self._sink.append(Event(EventKind.RULES_LOADED, NO_CALL, body))


def make_rules_watch(
    settings: OperatorSettings,
    engines: Engines,
    services: DialogServices,
    use: Callable[[DialogServices], None],
    clock: Clock,
) -> RulesWatch:
    """Over the rule file of the settings."""
    path = project_path(settings.escalation.rules)

    async def prepare(texts: Sequence[str]) -> None:
        await engines.phrases.prepare(list(texts), engines.synthesiser, clock, WARM_S)

    return RulesWatch(path, services, use, lambda book: check_targets(book, settings, path), prepare, services.sink)
