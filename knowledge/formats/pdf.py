"""PDF: the text of its pages. Scripts, launches and embedded files are refused, and so is a scan without text."""

from __future__ import annotations

import io
import re
from typing import Any

from pypdf import PdfReader
from pypdf.errors import PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from contracts.errors import DocumentRefused
from knowledge.documents import Document
from knowledge.finishing import document
from knowledge.metadata import read_metadata
from knowledge.settings import IngestSettings

_ACTIONS = frozenset({"/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/Rendition"})
_NAMES = ("/JavaScript", "/EmbeddedFiles")
_NUMBERED = re.compile(r"^(?:\d+(?:\.\d+)*\.?|[A-Z]\.)\s+\S")
_BULLET = re.compile(r"^[•▪◦‣●–\-*]\s+")
_PAGE_NUMBER = re.compile(r"^(?:page\s+)?\d{1,4}(?:\s*(?:/|of)\s*\d{1,4})?$", re.I)


def read(data: bytes, source: str, settings: IngestSettings) -> list[Document]:
    """One document. Raises DocumentRefused: encrypted, damaged, scripted, too long, or without text."""
    try:
        pdf = PdfReader(io.BytesIO(data), strict=False)
        if pdf.is_encrypted and not pdf.decrypt(""):
            raise DocumentRefused(f"{source}: is protected by a password; save it without one and add it again")
        if len(pdf.pages) > settings.max_pages:
            raise DocumentRefused(
                f"{source}: has {len(pdf.pages)} pages, more than {settings.max_pages}; "
                "split it, or raise ingest.max_pages"
            )
        if not pdf.pages:
            raise DocumentRefused(f"{source}: is a PDF without pages; print the document to PDF again and add that")
        if settings.active_content == "refuse":
            _check_active(pdf, source)
        pages = [page.extract_text() or "" for page in pdf.pages]
        known = read_metadata(_properties(pdf), source)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise DocumentRefused(
            f"{source}: is a damaged PDF ({type(error).__name__}); print it to PDF again and add that"
        ) from error
    except RecursionError as error:
        raise DocumentRefused(f"{source}: is nested too deeply for a real PDF; print it to PDF again") from error
    if not any(page.strip() for page in pages):
        raise DocumentRefused(
            f"{source}: holds no text, only pictures (a scan?); run text recognition (OCR) on it and add the result"
        )
    return [document(source, "pdf", _markdown(pages), known)]


def _check_active(pdf: PdfReader, source: str) -> None:
    for what in _active(pdf):
        raise DocumentRefused(
            f"{source}: {what}; print it to PDF again, which drops that, or set ingest.active_content to strip"
        )


def _active(pdf: PdfReader) -> list[str]:
    """Everything in the file that could act when it is opened, found by looking through all objects."""
    names = _resolved(pdf.root_object.get("/Names"))
    if isinstance(names, DictionaryObject):
        for key in _NAMES:
            if key in names:
                return [f"holds {'scripts' if key == '/JavaScript' else 'embedded files'}"]
    seen: set[tuple[int, int]] = set()
    waiting: list[Any] = [pdf.root_object]
    while waiting:
        one = waiting.pop()
        if isinstance(one, IndirectObject):
            if (one.idnum, one.generation) in seen:
                continue
            seen.add((one.idnum, one.generation))
            one = _resolved(one)
        if isinstance(one, DictionaryObject):
            action = one.get("/S")
            if action in _ACTIONS or "/JS" in one:
                return [f"holds an action that runs when it is opened ({action or '/JS'})"]
            waiting.extend(one.raw_get(key) for key in one if key != "/Parent")
        elif isinstance(one, ArrayObject):
            waiting.extend(list.__iter__(one))
    return []


def _resolved(one: Any) -> Any:
    return one.get_object() if isinstance(one, IndirectObject) else one


def _properties(pdf: PdfReader) -> dict[str, str]:
    info = pdf.metadata
    if info is None:
        return {}
    found = {"title": info.title, "owner": info.author}
    return {key: str(value) for key, value in found.items() if value and str(value).strip()}


def _markdown(pages: list[str]) -> str:
    """Lines joined to paragraphs. A PDF knows no headings: a short line without a full stop is one."""
    lines = [line.strip() for page in pages for line in [*page.splitlines(), ""]]
    running = (
        {line for line in lines if line and lines.count(line) >= max(3, len(pages) // 2)} if len(pages) > 2 else set()
    )
    found: list[str] = []
    paragraph: list[str] = []

    def close() -> None:
        if paragraph:
            found.extend([" ".join(paragraph), ""])
            paragraph.clear()

    usual = sorted(len(line) for line in lines if line)
    full = usual[int(len(usual) * 0.8)] if usual else 0
    for at, line in enumerate(lines):
        if not line:
            close() if not _continues(paragraph, lines, at) else None
        elif line in running or _PAGE_NUMBER.match(line):
            continue
        elif _BULLET.match(line):
            close()
            paragraph.append("- " + _BULLET.sub("", line))
        elif _is_heading(line, full, paragraph):
            close()
            found.extend(["## " + line, ""])
        else:
            if paragraph and paragraph[-1].endswith("-") and line[:1].islower():
                paragraph[-1] = paragraph[-1][:-1] + line
            else:
                paragraph.append(line)
            if len(line) < 0.7 * full and line.endswith((".", "!", "?", ":")):
                close()
    close()
    return "\n".join(found)


def _continues(paragraph: list[str], lines: list[str], at: int) -> bool:
    """Does a sentence run on over an empty line or a page's end?"""
    following = next((line for line in lines[at + 1 :] if line), "")
    return bool(paragraph) and not paragraph[-1].endswith((".", "!", "?", ":")) and following[:1].islower()


def _is_heading(line: str, full: int, paragraph: list[str]) -> bool:
    if (
        len(line) > min(80, max(20, 0.8 * full))
        or line[-1] in ".,;:!?"
        or (not line[:1].isupper() and not _NUMBERED.match(line))
    ):
        return False
    running_on = bool(paragraph) and not paragraph[-1].endswith((".", "!", "?", ":"))
    return not running_on and len(line.split()) <= 10 and any(one.isalpha() for one in line)
