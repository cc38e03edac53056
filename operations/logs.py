"""JSON logs with call id and turn, redacted, to a rotating file and to stderr."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog

from contracts.errors import RecordError
from escalation.redact import redact_value
from operations.redacting import IDENTIFIERS
from operations.settings import LogSettings

_KEPT = IDENTIFIERS | {"level", "logger", "path", "pid", "home"}


def redacting(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: card numbers and the like never reach a log."""
    cleaned: dict[str, Any] = redact_value(dict(entry), _KEPT)
    return cleaned


def redacting_names(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The same, people's names included. What an entry is called is ours and holds none."""
    cleaned: dict[str, Any] = redact_value(dict(entry), _KEPT | {"event"}, names=True)
    return {**cleaned, "event": redact_value(entry.get("event", ""))}


def setup_logs(settings: LogSettings, home: Path, *, names: bool = False) -> None:
    """Route structlog and the standard library's loggers. Raises RecordError when the file cannot be opened."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Before redaction: a traceback may quote what a caller said.
        structlog.processors.format_exc_info,
        redacting_names if names else redacting,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.setLevel(settings.level.upper())
    console = structlog.dev.ConsoleRenderer() if settings.format == "console" else structlog.processors.JSONRenderer()
    root.addHandler(_handler(logging.StreamHandler(sys.stderr), shared, console))
    if settings.file is not None:
        path = home / settings.file
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = logging.handlers.RotatingFileHandler(
                path, maxBytes=settings.max_bytes, backupCount=settings.backups, encoding="utf-8", delay=False
            )
        except OSError as error:
            raise RecordError(
                f"{path}: the log cannot be written ({error.strerror}); set operations.log.file"
            ) from error
        path.chmod(0o600)
        root.addHandler(_handler(file, shared, structlog.processors.JSONRenderer()))
    # Third parties that log what they handle, or every request.
    for noisy in ("chromadb", "httpx", "httpcore", "websockets", "asyncio", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _handler(handler: logging.Handler, shared: list[Any], renderer: Any) -> logging.Handler:
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    return handler
