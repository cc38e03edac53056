"""Cutting a document into passages: whole sentences, about 60 to 120 words, each with its heading path. Pure.

::

    Markdown ──blocks()──► heading │ paragraph │ list with its lead-in │ table ──► units ──pack──► PassageText
                                                                          a unit is never cut

A list is kept with the sentence that introduces it (repeated if the list must be split); a table row becomes a
sentence (``Account: Basic; Fee: 4 dollars.``), so that a passage can be read aloud and cited.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from knowledge.settings import PassageSettings

SEPARATOR = " › "
"""Between the levels of a heading path."""

_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_SETEXT = re.compile(r"^ {0,3}(=+|-{2,})[ \t]*$")
_RULE = re.compile(r"^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$")
_ITEM = re.compile(r"^[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+(.*)$")
_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$")
_ABBREVIATION = re.compile(r"(?:\b(?:mr|mrs|ms|dr|st|no|vs|etc|inc|approx|e\.g|i\.e|u\.s|jr|sr)|\b[A-Z])\.$", re.I)
_MERIDIEM = re.compile(r"\b[ap]\.m\.$", re.I)
_DAYS = re.compile(
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|(?:january|february|march|april|may|june|july|august|september"
    r"|october|november|december|eastern|central|pacific|mountain)\b",
    re.I,
)
_BOUNDARY = re.compile(r"[.!?…][\"'”’)]*\s+")


@dataclass(slots=True, frozen=True)
class PassageText:
    """A passage before it has an id: ``heading`` is the path below the title, ``text`` whole sentences in lines."""

    heading: str
    text: str
    position: int

    def embedding_text(self, title: str) -> str:
        """What the embedder reads: the passage under its title and headings."""
        head = SEPARATOR.join(part for part in (title, self.heading) if part)
        return f"{head.replace(SEPARATOR, '. ')}. {self.text}"


def content_digest(title: str, passage: PassageText) -> str:
    """SHA-256 of what is indexed; a passage with the same digest need not be embedded again."""
    return hashlib.sha256(passage.embedding_text(title).encode()).hexdigest()


def split_passages(body: str, title: str, settings: PassageSettings) -> list[PassageText]:
    """All passages of a Markdown body, in order. A heading equal to the title is not repeated in the path."""
    found: list[PassageText] = []
    for path, units in _sections(body, title, settings):
        for text in _pack(units, settings):
            last = found[-1] if found else None
            short = _words(text) < settings.min_words
            if last and short and _words(last.text) + _words(text) <= settings.max_words:
                leaf = _led(path[-1]) if path and SEPARATOR.join(path) != last.heading else ""
                found[-1] = PassageText(last.heading, f"{last.text}\n{leaf}{text}", last.position)
            else:
                found.append(PassageText(SEPARATOR.join(path), text, len(found)))
    return found


def _led(heading: str) -> str:
    """A heading as the beginning of the line below it."""
    return heading + (" " if heading[-1] in "?!.:" else ". ")


def sentences(text: str) -> list[str]:
    """Split running text into sentences; ``a.m.``, initials and common abbreviations do not end one."""
    found: list[str] = []
    for line in text.splitlines():
        start = 0
        for match in _BOUNDARY.finditer(line):
            before, after = line[start : match.end()].rstrip(), line[match.end() :]
            if not after or not _ends(before, after):
                continue
            found.append(before)
            start = match.end()
        rest = line[start:].strip()
        if rest:
            found.append(rest)
    return found


def _ends(before: str, after: str) -> bool:
    opener = after.lstrip("\"'“‘(")[:1]
    if not (opener.isupper() or opener.isdigit()):
        return False
    if _MERIDIEM.search(before):
        return opener.isupper() and _DAYS.match(after) is None
    return _ABBREVIATION.search(before) is None


def plain(markdown: str) -> str:
    """Inline Markdown as words: links and images keep their text, emphasis and code marks go."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)", r"\1", markdown)
    text = re.sub(r"<(https?://[^>\s]+|[^>\s@]+@[^>\s]+)>", r"\1", text)
    text = re.sub(r"</?[a-zA-Z][^<>]{0,200}>", " ", text)
    text = re.sub(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", r"\2", text)
    text = re.sub(r"(?<![\w*])\*(?=\S)([^*]+?)(?<=\S)\*(?![\w*])", r"\1", text)
    text = re.sub(r"(?<![\w_])_(?=\S)([^_]+?)(?<=\S)_(?![\w_])", r"\1", text)
    text = re.sub(r"`+([^`]+)`+", r"\1", text)
    text = re.sub(r"\\([\\`*_{}\[\]()#+\-.!|>])", r"\1", text)
    return " ".join(text.split())


@dataclass(slots=True)
class _Block:
    """A piece of Markdown: ``kind`` is heading, text, list or table."""

    kind: str
    lines: list[str] = field(default_factory=list)
    level: int = 0


def _words(text: str) -> int:
    return len(text.split())


def _blocks(body: str) -> Iterator[_Block]:
    body = re.sub(r"<!--.*?-->", "", body, flags=re.S)
    block = _Block("text")
    fenced = False
    for line in body.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
            continue
        stripped = line.strip() if fenced else re.sub(r"^ {0,3}(?:>[ \t]?)+", "", line).rstrip()
        heading = None if fenced else _HEADING.match(stripped)
        setext = not fenced and block.kind == "text" and len(block.lines) == 1 and _SETEXT.match(stripped)
        if setext:
            yield _Block("heading", block.lines, 1 if "=" in stripped else 2)
            block = _Block("text")
        elif heading or not stripped.strip() or (not fenced and _RULE.match(stripped)):
            if block.lines:
                yield block
            if heading and heading.group(2):
                yield _Block("heading", [heading.group(2)], len(heading.group(1)))
            block = _Block("text")
        else:
            kind, content = _kind(stripped, block, fenced)
            if kind != block.kind and block.lines:
                yield block
                block = _Block(kind)
            block.kind = kind
            if kind == "list" and content is None:
                block.lines[-1] += " " + stripped.strip()
            else:
                block.lines.append(content if content is not None else stripped.strip())
    if block.lines:
        yield block


def _kind(line: str, block: _Block, fenced: bool) -> tuple[str, str | None]:
    """Kind of a line, and an item's content; a list's continuation line has kind list and no content."""
    if fenced:
        return "text", line
    item = _ITEM.match(line)
    if item:
        return "list", item.group(1)
    if block.kind == "list" and block.lines:
        return "list", None
    if line.lstrip().startswith("|") or (block.kind == "table" and "|" in line):
        return "table", line.strip()
    return "text", line.strip()


def _sections(body: str, title: str, settings: PassageSettings) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Heading paths with their units; a unit is a sentence, or lines that must stay together."""
    path: list[tuple[int, str]] = []
    units: list[str] = []
    for block in _blocks(body):
        if block.kind == "heading":
            if units:
                yield tuple(name for _, name in path), units
                units = []
            path = [entry for entry in path if entry[0] < block.level]
            name = plain(block.lines[0])
            if name and name != title:
                path.append((block.level, name))
        elif block.kind == "list":
            lead = units.pop() if units and _introduces(units[-1]) else ""
            units.extend(_list_units(lead, [_sentence(plain(item)) for item in block.lines if item.strip()], settings))
        elif block.kind == "table":
            units.extend(_table_rows(block.lines))
        else:
            units.extend(_bounded(sentences(plain(" ".join(block.lines))), settings))
    if units:
        yield tuple(name for _, name in path), units


def _introduces(unit: str) -> bool:
    return unit.rstrip().endswith(":") or ("\n" not in unit and _words(unit) <= 30)


def _sentence(text: str) -> str:
    return text if not text or text[-1] in ".!?:…" else text.rstrip(",;") + "."


def _list_units(lead: str, items: list[str], settings: PassageSettings) -> Iterator[str]:
    """The list under its lead-in as one unit, or several units each with the lead-in."""
    room = settings.max_words - _words(lead)
    lines: list[str] = []
    for item in _bounded(items, settings):
        if lines and sum(map(_words, lines)) + _words(item) > room:
            yield "\n".join(filter(None, [lead, *lines]))
            lines = []
        lines.append(item)
    if lines or lead:
        yield "\n".join(filter(None, [lead, *lines]))


def _bounded(units: list[str], settings: PassageSettings) -> Iterator[str]:
    """Cut what no embedder would read to its end: a "sentence" of more than twice the limit (logs, word lists)."""
    for unit in units:
        words = unit.split()
        if len(words) <= 2 * settings.max_words:
            yield unit
        else:
            step = settings.max_words
            yield from (" ".join(words[at : at + step]) for at in range(0, len(words), step))


def _table_rows(lines: list[str]) -> Iterator[str]:
    rows = [
        [plain(cell) for cell in line.strip().strip("|").split("|")] for line in lines if not _TABLE_RULE.match(line)
    ]
    has_header = len(lines) > 1 and _TABLE_RULE.match(lines[1]) is not None and len(rows) > 1
    header = rows.pop(0) if has_header else []
    for row in rows:
        cells = [
            f"{header[at]}: {cell}" if at < len(header) and header[at] else cell for at, cell in enumerate(row) if cell
        ]
        if cells:
            yield _sentence("; ".join(cells))


def _pack(units: list[str], settings: PassageSettings) -> Iterator[str]:
    """Fill passages with whole units up to the target, never over the maximum unless one unit alone is longer."""
    lines: list[str] = []
    count = 0
    for unit in units:
        size = _words(unit)
        if lines and count + size > settings.max_words:
            yield _join(lines)
            lines, count = [], 0
        lines.append(unit)
        count += size
        if count >= settings.target_words:
            yield _join(lines)
            lines, count = [], 0
    if lines:
        yield _join(lines)


def _join(units: list[str]) -> str:
    text = ""
    for unit in units:
        glue = "\n" if "\n" in unit or text.rpartition("\n")[1] else " "
        text = f"{text}{glue if text else ''}{unit}"
    return text
