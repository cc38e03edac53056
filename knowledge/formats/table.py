"""CSV of questions and answers: each row is a document of its own, so that one row can be changed, dated and removed.

The first row names the columns: ``question`` and ``answer`` (or their other names), optionally ``id`` and any key of
``knowledge.metadata``. Comma, semicolon and tab are told apart by that row.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re

from contracts.errors import DocumentRefused
from knowledge.documents import Document
from knowledge.finishing import document
from knowledge.formats.encoding import decode
from knowledge.metadata import read_metadata
from knowledge.settings import IngestSettings

QUESTION = ("question", "q", "questions", "frage", "pregunta", "domanda")
ANSWER = ("answer", "a", "answers", "response", "antwort", "réponse", "reponse", "respuesta", "risposta")
_KEY = ("id", "key", "number", "no", "nr")
_DELIMITERS = (",", ";", "\t", "|")


def header_of(first_line: bytes) -> str | None:
    """The delimiter, if this is the first line of a table of questions and answers."""
    line = first_line.decode("utf-8", errors="replace").lstrip("\ufeff").strip()
    for delimiter in _DELIMITERS:
        names = _names(next(csv.reader([line], delimiter=delimiter), []))
        if _column(names, QUESTION) is not None and _column(names, ANSWER) is not None:
            return delimiter
    return None


def read(data: bytes, source: str, settings: IngestSettings) -> list[Document]:
    """A document for each row with a question and an answer. Raises DocumentRefused, naming the line."""
    text, notices = decode(data, source)
    delimiter = header_of(text.split("\n", 1)[0].encode()) or ","
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    names = _names(next(rows))
    question, answer, key = _column(names, QUESTION), _column(names, ANSWER), _column(names, _KEY)
    assert question is not None
    assert answer is not None
    found: list[Document] = []
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            where = f"{source} line {rows.line_num}"
            if len(row) <= max(question, answer) or not row[question].strip() or not row[answer].strip():
                raise DocumentRefused(f"{where}: lacks a question or an answer; complete or delete the row")
            asked = " ".join(row[question].split())
            given = row[key].strip() if key is not None and key < len(row) else ""
            name = f"{source}#{given or hashlib.sha256(asked.lower().encode()).hexdigest()[:10]}"
            known = read_metadata(
                {one: row[at] for at, one in enumerate(names) if at < len(row) and at not in (question, answer, key)}
                | {"title": asked},
                where,
            )
            found.append(
                document(name, "csv", _plain(row[answer]), known, container=source, notices=notices, answers=True)
            )
    except csv.Error as error:
        raise DocumentRefused(f"{source} line {rows.line_num}: is no CSV ({error}); export the table again") from error
    return found


def _names(row: list[str]) -> list[str]:
    return [re.sub(r"[\s-]+", "_", cell.strip().lower()) for cell in row]


def _column(names: list[str], wanted: tuple[str, ...]) -> int | None:
    return next((at for at, name in enumerate(names) if name in wanted), None)


def _plain(cell: str) -> str:
    return "\n".join(line.strip() for line in cell.strip().splitlines())
