"""A document as it is taken in, and the files that ``add`` means.

``formats`` makes documents from bytes, in a process of its own (``reader``); here is what comes out of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

from contracts.errors import DocumentRefused
from knowledge.injection import Suspicion
from knowledge.metadata import Metadata
from knowledge.passages import PassageText

_MAX_SOURCE = 300


@dataclass(slots=True, frozen=True)
class Document:
    """A document taken in. ``body`` is Markdown with ``\\n`` line ends and without front matter.

    ``source`` is its name in the base; ``container`` the file it came in, which may hold many (CSV, JSON): there the
    source is ``file#key``. ``answers``: each section answers a question of its own and is never joined to another.
    ``notices``: what a person should look at (a guessed encoding); ``suspicions``: why it is quarantined.
    """

    source: str
    container: str
    format: str
    body: str
    metadata: Metadata
    passages: tuple[PassageText, ...] = ()
    answers: bool = False
    notices: tuple[str, ...] = ()
    suspicions: tuple[Suspicion, ...] = ()

    @property
    def title(self) -> str:
        """What it is called aloud."""
        return self.metadata.title

    @property
    def sha256(self) -> str:
        """Of content and metadata: the same digest, the same document."""
        content = [self.source, self.body, self.answers, sorted(asdict(self.metadata).items())]
        return hashlib.sha256(json.dumps(content, default=str, ensure_ascii=False).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """For the pipe between the reading process and this one."""
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Document:
        """The reverse, after a trip through JSON text."""
        known = dict(body["metadata"])
        for key in ("valid_from", "valid_to"):
            known[key] = date.fromisoformat(known[key]) if known[key] else None
        for key in ("jurisdiction", "tags"):
            known[key] = tuple(known[key])
        return cls(
            **{
                **body,
                "metadata": Metadata(**known),
                "passages": tuple(PassageText(**one) for one in body["passages"]),
                "notices": tuple(body["notices"]),
                "suspicions": tuple(Suspicion(**one) for one in body["suspicions"]),
            }
        )


def too_large(source: str, size: int, max_bytes: int) -> DocumentRefused:
    """The refusal of a file over the limit."""
    return DocumentRefused(
        f"{source}: {size / 1024 / 1024:.1f} MiB is more than the limit of {max_bytes / 1024 / 1024:.1f} MiB; "
        "split it, or raise limits.max_document_bytes"
    )


def clean_source(source: str) -> str:
    """A source name as it is stored: forward slashes, no control characters, no leading ``./`` or ``/``."""
    name = str(PurePosixPath(source.replace("\\", "/"))).lstrip("/")
    if not name or name in {".", ".."} or len(name) > _MAX_SOURCE or not name.isprintable():
        raise DocumentRefused(
            f"{name[:60]!r} is no usable source name; give a printable name of 1 to {_MAX_SOURCE} letters"
        )
    return name


def find_files(path: Path) -> Iterator[tuple[Path, str]]:
    """The files that ``add path`` means, with their source names, sorted: a file itself, or everything in a folder.

    Hidden files and folders are left out, links to folders not followed. Raises DocumentRefused if there is nothing.
    """
    if path.is_file():
        yield path, path.name
        return
    if not path.is_dir():
        raise DocumentRefused(f"{path}: no such file or folder; check the path")
    found = False
    for child in sorted(path.rglob("*")):
        relative = child.relative_to(path)
        if any(part.startswith(".") for part in relative.parts) or not child.is_file():
            continue
        found = True
        yield child, relative.as_posix()
    if not found:
        raise DocumentRefused(f"{path}: holds no files; give a folder with documents")


def load_file(path: Path, source: str, *, max_bytes: int) -> bytes:
    """Read a file, refusing before reading what is too large or cannot be read. Raises DocumentRefused."""
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise too_large(source, size, max_bytes)
        return path.read_bytes()
    except OSError as error:
        raise DocumentRefused(f"{source}: cannot be read ({error.strerror}); check the file and its rights") from error
