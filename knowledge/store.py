"""The canonical text in SQL, with its lexical index in the same transaction. What is committed here is acknowledged."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from contracts.engines import DocumentInfo, Passage
from contracts.errors import DeviceFull, DocumentUnknown, KnowledgeError
from knowledge import lexical
from knowledge.api import Added, Outcome
from knowledge.documents import Document
from knowledge.passages import PassageText, content_digest
from knowledge.settings import SearchSettings
from knowledge.tables import documents, metadata, passages

_CHUNK = 500
"""Ids in one IN (…): below every database's limit of parameters."""


@dataclass(slots=True, frozen=True)
class StoredPassage:
    """A passage as it stands in SQL, with what the embedder is to read."""

    passage: Passage
    number: int
    embedding_text: str
    valid_from: date | None
    valid_to: date | None

    def valid_on(self, day: date) -> bool:
        """May it be said on that day?"""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


def open_engine(url: str, home: Path) -> sa.Engine:
    """An engine for a database URL; a relative SQLite path is under ``home``. SQLite runs in WAL mode, fully synced."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database and parsed.database != ":memory:":
        path = home / parsed.database
        path.parent.mkdir(parents=True, exist_ok=True)
        parsed = parsed.set(database=str(path))
    engine = sa.create_engine(parsed)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def document_id_of(source: str) -> str:
    """The id of the document with this source name; replacing a document keeps its id."""
    return "d" + hashlib.sha256(source.encode()).hexdigest()[:16]


class DocumentStore:
    """Documents and passages. Thread-safe: each call takes a connection of its own."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        own_words = engine.dialect.name == "sqlite"
        self._words = engine if own_words else lexical.memory_engine()
        self._rarity = lexical.WordRarity()

    def open(self) -> None:
        """Make missing tables and bring the lexical index up to date. Raises KnowledgeError if it is no database."""
        try:
            with _named_errors():
                metadata.create_all(self._engine)
                with self._writing() as (connection, words):
                    lexical.ensure(words, connection)
        except sa.exc.DatabaseError as error:
            raise KnowledgeError(
                f"the database {self._engine.url.render_as_string()} cannot be used ({error.orig}); "
                "restore it from a backup, or move it away and add the documents again"
            ) from error

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()
        if self._words is not self._engine:
            self._words.dispose()

    def put(self, document: Document, texts: Sequence[PassageText], *, now: datetime | None = None) -> Added:
        """Enter or replace a document in one transaction. Passages whose content is unchanged keep their ids.

        Raises DeviceFull; then nothing has changed.
        """
        document_id = document_id_of(document.source)
        wanted = _with_ids(document_id, document.title, texts)
        with _named_errors(), self._writing() as (connection, words):
            row = connection.execute(sa.select(documents).where(documents.c.document_id == document_id)).first()
            present = {
                str(passage_id): int(number)
                for passage_id, number in connection.execute(
                    sa.select(passages.c.passage_id, passages.c.number).where(passages.c.document_id == document_id)
                )
            }
            if row is not None and row.sha256 == document.sha256 and set(present) == set(wanted):
                return Added(_info(row._asdict(), len(present)), Outcome.UNCHANGED)
            values = _document_row(document_id, document, now or datetime.now(UTC))
            if row is None:
                connection.execute(documents.insert().values(values))
            else:
                connection.execute(documents.update().where(documents.c.document_id == document_id).values(values))
            gone = [number for passage_id, number in present.items() if passage_id not in wanted]
            _delete_passages(connection, words, gone)
            _insert_passages(connection, words, document, document_id, wanted, present)
        self._rarity.forget()
        return Added(_info(values, len(wanted)), Outcome.ADDED if row is None else Outcome.REPLACED)

    def remove(self, key: str) -> DocumentInfo:
        """Take out a document by source or id. Raises DocumentUnknown."""
        with _named_errors(), self._writing() as (connection, words):
            row = connection.execute(
                sa.select(documents).where(sa.or_(documents.c.document_id == key, documents.c.source == key))
            ).first()
            if row is None:
                raise DocumentUnknown(f"no document {key!r}; `callwright knowledge list` shows what there is")
            numbers = list(
                connection.execute(
                    sa.select(passages.c.number).where(passages.c.document_id == row.document_id)
                ).scalars()
            )
            _delete_passages(connection, words, numbers)
            connection.execute(documents.delete().where(documents.c.document_id == row.document_id))
        self._rarity.forget()
        return _info(row._asdict(), len(numbers))

    def list_documents(self) -> list[DocumentInfo]:
        """All documents, by source."""
        columns = [column for column in documents.c if column.name != "body"]
        counted = (
            sa.select(passages.c.document_id, sa.func.count().label("n")).group_by(passages.c.document_id).subquery()
        )
        statement = (
            sa.select(*columns, sa.func.coalesce(counted.c.n, 0).label("passages"))
            .outerjoin(counted, counted.c.document_id == documents.c.document_id)
            .order_by(documents.c.source)
        )
        with self._engine.connect() as connection:
            return [_info(row._asdict(), row.passages) for row in connection.execute(statement)]

    def counts(self) -> tuple[int, int]:
        """(documents, passages)."""
        with self._engine.connect() as connection:
            return (
                int(connection.execute(sa.select(sa.func.count()).select_from(documents)).scalar_one()),
                int(connection.execute(sa.select(sa.func.count()).select_from(passages)).scalar_one()),
            )

    def passage_ids(self) -> set[str]:
        """Ids of all passages: what the vector index must hold, no more and no less."""
        with self._engine.connect() as connection:
            return set(connection.execute(sa.select(passages.c.passage_id)).scalars())

    def by_words(self, terms: Sequence[str], settings: SearchSettings) -> dict[int, float]:
        """Passage numbers with lexical scores 0..1, best first."""
        with self._words.connect() as connection:
            return lexical.search(connection, terms, self._rarity, settings)

    def fetch(self, ids: Iterable[str] = (), numbers: Iterable[int] = ()) -> list[StoredPassage]:
        """The passages with these ids or numbers, each once; unknown ones are left out."""
        found: dict[int, StoredPassage] = {}
        with self._engine.connect() as connection:
            for column, keys in ((passages.c.passage_id, list(ids)), (passages.c.number, list(numbers))):
                for at in range(0, len(keys), _CHUNK):
                    rows = connection.execute(
                        sa.select(passages, documents.c.title, documents.c.valid_from, documents.c.valid_to)
                        .join(documents)
                        .where(column.in_(keys[at : at + _CHUNK]))
                    )
                    found.update((row.number, _stored(row._asdict())) for row in rows)
        return list(found.values())

    @contextmanager
    def _writing(self) -> Iterator[tuple[sa.Connection, sa.Connection]]:
        """A transaction on the canonical text and one on the lexical index: the same, where both are in SQLite."""
        with self._engine.begin() as connection:
            if self._words is self._engine:
                yield connection, connection
            else:
                with self._words.begin() as words:
                    yield connection, words


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if isinstance(error.orig, sqlite3.OperationalError) and "full" in str(error.orig):
            raise DeviceFull(
                "no space left for the knowledge base; nothing was changed. Free some and repeat"
            ) from error
        raise


def _with_ids(document_id: str, title: str, texts: Sequence[PassageText]) -> dict[str, tuple[PassageText, str]]:
    """Passages by id. The id comes from document and content, so equal passages of one document fall together."""
    found: dict[str, tuple[PassageText, str]] = {}
    for text in texts:
        digest = content_digest(title, text)
        passage_id = "p" + hashlib.sha256(f"{document_id} {digest}".encode()).hexdigest()[:20]
        found.setdefault(passage_id, (text, digest))
    return found


def _document_row(document_id: str, document: Document, now: datetime) -> dict[str, Any]:
    return {
        "document_id": document_id,
        "source": document.source,
        "title": document.title,
        "sha256": document.sha256,
        "body": document.body,
        "tags": list(document.tags),
        "valid_from": document.valid_from,
        "valid_to": document.valid_to,
        "added_at": now,
    }


def _insert_passages(
    connection: sa.Connection,
    words: sa.Connection,
    document: Document,
    document_id: str,
    wanted: Mapping[str, tuple[PassageText, str]],
    present: Mapping[str, int],
) -> None:
    for passage_id, (text, digest) in wanted.items():
        if passage_id in present:
            connection.execute(
                passages.update().where(passages.c.number == present[passage_id]).values(position=text.position)
            )
            continue
        result = connection.execute(
            passages.insert().values(
                passage_id=passage_id,
                document_id=document_id,
                position=text.position,
                heading=text.heading,
                text=text.text,
                sha256=digest,
            )
        )
        key = result.inserted_primary_key
        assert key is not None
        lexical.insert(words, [(key[0], document.title, text.heading, text.text)])


def _delete_passages(connection: sa.Connection, words: sa.Connection, numbers: Sequence[int]) -> None:
    lexical.remove(words, numbers)
    for at in range(0, len(numbers), _CHUNK):
        connection.execute(passages.delete().where(passages.c.number.in_(numbers[at : at + _CHUNK])))


def _info(row: Mapping[str, Any], count: int) -> DocumentInfo:
    added: datetime = row["added_at"]
    if added.tzinfo is None:  # SQLite keeps no zone; what was stored is UTC
        added = added.replace(tzinfo=UTC)
    return DocumentInfo(
        document_id=row["document_id"],
        source=row["source"],
        title=row["title"],
        sha256=row["sha256"],
        passages=count,
        added_at=added.isoformat(timespec="seconds"),
        tags=tuple(row["tags"]),
    )


def _stored(row: Mapping[str, Any]) -> StoredPassage:
    text = PassageText(row["heading"], row["text"], row["position"])
    return StoredPassage(
        passage=Passage(
            passage_id=row["passage_id"],
            document_id=row["document_id"],
            title=row["title"],
            heading=row["heading"],
            text=row["text"],
            score=0.0,
        ),
        number=row["number"],
        embedding_text=text.embedding_text(row["title"]),
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
    )
