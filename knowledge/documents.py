"""Taking in a document: from given bytes to clean text with a title, or a refusal that says what to do.

The type is told by content, never by the file's name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from contracts.errors import DocumentRefused

_MAGIC = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive (or a Word, Excel or OpenDocument file)"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a WAV or WebP file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"{\\rtf", "an RTF file"),
)
_UTF16_32 = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f]")
_HTML = re.compile(r"\s*(<!doctype\s+html|<html[\s>])", re.I)
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.S | re.M)
_TITLE = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$", re.M)
_MAX_FRONT_MATTER = 16 * 1024
_MAX_SOURCE = 300
_AS_TEXT = "save it as UTF-8 Markdown or plain text and add it again"


@dataclass(slots=True, frozen=True)
class Document:
    """A document taken in. ``body`` is Markdown with ``\\n`` line ends and without front matter; ``sha256`` is that of
    the bytes as given, so that the same file is recognised."""

    source: str
    title: str
    body: str
    sha256: str
    tags: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None


def read_document(data: bytes, source: str, *, max_bytes: int) -> Document:
    """Check and parse the bytes of a Markdown or text file. ``source`` is its name in the base.

    Raises DocumentRefused: too large, not text, not UTF-8, empty, or front matter that cannot be read.
    """
    source = clean_source(source)
    if len(data) > max_bytes:
        raise too_large(source, len(data), max_bytes)
    text = _decode(data, source)
    matter, body = _front_matter(text, source)
    if not body.strip():
        raise DocumentRefused(f"{source}: is empty; write something in it or leave it out")
    valid_from, valid_to = _date(matter, "valid_from", source), _date(matter, "valid_to", source)
    if valid_from and valid_to and valid_to < valid_from:
        raise DocumentRefused(f"{source}: valid_to ({valid_to}) is before valid_from ({valid_from}); correct the dates")
    return Document(
        source=source,
        title=_title(matter, body, source),
        body=body,
        sha256=hashlib.sha256(data).hexdigest(),
        tags=_tags(matter, source),
        valid_from=valid_from,
        valid_to=valid_to,
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
        raise DocumentRefused(f"{path}: holds no files; give a folder with Markdown or text files")


def load_file(path: Path, source: str, *, max_bytes: int) -> bytes:
    """Read a file, refusing before reading what is too large or cannot be read. Raises DocumentRefused."""
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise too_large(source, size, max_bytes)
        return path.read_bytes()
    except OSError as error:
        raise DocumentRefused(f"{source}: cannot be read ({error.strerror}); check the file and its rights") from error


def _decode(data: bytes, source: str) -> str:
    if not data.strip():
        raise DocumentRefused(f"{source}: is empty; write something in it or leave it out")
    for magic, what in _MAGIC:
        if data.startswith(magic):
            raise DocumentRefused(f"{source}: is {what}, not text; {_AS_TEXT}")
    if data.startswith(_UTF16_32):
        raise DocumentRefused(f"{source}: is UTF-16 or UTF-32, not UTF-8; {_AS_TEXT}")
    if b"\x00" in data:
        raise DocumentRefused(f"{source}: is binary, not text; {_AS_TEXT}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DocumentRefused(
            f"{source}: line {line} is not UTF-8 (byte 0x{data[error.start]:02x}); {_AS_TEXT}"
        ) from error
    if _CONTROL.search(text):
        raise DocumentRefused(f"{source}: holds control characters, so it is not plain text; {_AS_TEXT}")
    if _HTML.match(text):
        raise DocumentRefused(f"{source}: is HTML; {_AS_TEXT}")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")


def _front_matter(text: str, source: str) -> tuple[Mapping[str, Any], str]:
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, text
    raw = match.group(1)
    if len(raw) > _MAX_FRONT_MATTER:
        raise DocumentRefused(f"{source}: front matter is longer than 16 KiB; shorten what is between the --- lines")
    try:
        matter = yaml.safe_load(raw)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 2}" if mark is not None else "the block between the --- lines"
        raise DocumentRefused(f"{source}: front matter is not YAML ({where}); correct or remove it") from error
    if matter is None:
        return {}, text[match.end() :]
    if not isinstance(matter, dict):
        if re.search(r"^\s*[\w-]+\s*:", raw, re.M) is None:
            return {}, text  # a document that merely opens with a rule
        raise DocumentRefused(f"{source}: front matter must be `key: value` lines; correct or remove it")
    return matter, text[match.end() :]


def _title(matter: Mapping[str, Any], body: str, source: str) -> str:
    given = matter.get("title")
    if given is not None:
        if not isinstance(given, str | int | float) or not str(given).strip():
            raise DocumentRefused(f"{source}: title in the front matter must be a line of text")
        return " ".join(str(given).split())[:200]
    heading = _TITLE.search(body)
    if heading:
        return " ".join(heading.group(1).split())[:200]
    return PurePosixPath(source).stem.replace("-", " ").replace("_", " ").strip().capitalize() or source


def _tags(matter: Mapping[str, Any], source: str) -> tuple[str, ...]:
    given = matter.get("tags")
    if given is None:
        return ()
    if isinstance(given, str):
        given = given.split(",")
    if not isinstance(given, list) or not all(isinstance(tag, str | int | float) for tag in given) or len(given) > 50:
        raise DocumentRefused(f"{source}: tags in the front matter must be a list of at most 50 words")
    return tuple(dict.fromkeys(str(tag).strip()[:60] for tag in given if str(tag).strip()))


def _date(matter: Mapping[str, Any], key: str, source: str) -> date | None:
    given = matter.get(key)
    if given is None:
        return None
    if isinstance(given, datetime):
        return given.date()
    if isinstance(given, date):
        return given
    try:
        return date.fromisoformat(str(given)[:40])
    except ValueError as error:
        raise DocumentRefused(f"{source}: {key} must be a date such as 2026-01-31") from error
