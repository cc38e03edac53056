"""Making a release's files from SQL: beside their place, synced, then renamed into it."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from contracts.errors import DeviceFull
from knowledge.postings import Collector
from knowledge.snapshot import FORMAT
from knowledge.store import DocumentStore
from knowledge.tables import release_versions, texts, version_passages, versions

_PIECE = 500
_WORDS_AT_ONCE = 4_000_000
"""Words that are sorted together; 60 bytes of memory each."""
_SCHEMA = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE passages(
    number INTEGER PRIMARY KEY, passage_id TEXT NOT NULL, document_id TEXT NOT NULL, version_id TEXT NOT NULL,
    source TEXT NOT NULL, title TEXT NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL,
    owner TEXT NOT NULL, valid_from TEXT, valid_to TEXT);
CREATE TABLE held(term TEXT PRIMARY KEY, passages INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE postings(piece INTEGER NOT NULL, term TEXT NOT NULL, passages INTEGER NOT NULL, packed BLOB NOT NULL);
CREATE TABLE lengths(piece INTEGER PRIMARY KEY, packed BLOB NOT NULL);
"""


def release_name(number: int) -> str:
    """How people and files call a release."""
    return f"r{number:04d}"


def path_of(folder: Path, number: int) -> Path:
    """A release's file."""
    return folder / f"{release_name(number)}.db"


def build(store: DocumentStore, number: int, digest: str, folder: Path, fingerprint: str) -> Path:
    """Make the files of a release, replacing what is there; returns the path. Raises DeviceFull.

    Long steps run inside SQLite, which lets other threads search meanwhile; between pieces it rests for them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = path_of(folder, number)
    making = path.with_suffix(".making")
    making.unlink(missing_ok=True)
    path.unlink(missing_ok=True)
    with _full_is_named(), ExitStack() as undo:
        undo.callback(making.unlink, missing_ok=True)
        digests = _write_passages(store, number, digest, making)
        _write_matrix(store, digests, path.with_suffix(".npy"), fingerprint)
        _sync(making)
        making.rename(path)
        _sync(folder)
    return path


@contextmanager
def _full_is_named() -> Iterator[None]:
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:
        if "full" in str(error) or getattr(error, "errno", 0) in (errno.ENOSPC, errno.EDQUOT):
            raise DeviceFull("no space left for a release; the live one answers on. Free some and repeat") from error
        raise


def write_vectors(store: DocumentStore, number: int, folder: Path, fingerprint: str) -> None:
    """Write only the vectors of a release again; whoever has the old file open keeps it. Raises DeviceFull."""
    digests: dict[object, str] = {}
    for piece in _rows(store, number):
        for row in piece:
            digests.setdefault(row[0], str(row[10]))
    with _full_is_named():
        _write_matrix(store, list(digests.values()), path_of(folder, number).with_suffix(".npy"), fingerprint)


def remove(folder: Path, keep: set[int]) -> None:
    """Take away the files of all other releases, and what was left half made."""
    names = {release_name(number) for number in keep}
    for path in folder.glob("r*"):
        if path.suffix in {".db", ".npy", ".making", ".part"} and path.stem not in names:
            path.unlink(missing_ok=True)


def _rows(store: DocumentStore, number: int) -> Iterator[list[tuple[object, ...]]]:
    statement = (
        sa.select(
            texts.c.passage_id, texts.c.document_id, versions.c.version_id, versions.c.source, texts.c.title,
            texts.c.heading, texts.c.text, versions.c.owner, versions.c.valid_from, versions.c.valid_to,
            texts.c.sha256,
        )
        .join_from(release_versions, versions, versions.c.version_id == release_versions.c.version_id)
        .join(version_passages, version_passages.c.version_id == versions.c.version_id)
        .join(texts, texts.c.passage_id == version_passages.c.passage_id)
        .where(release_versions.c.number == number)
        .order_by(versions.c.source, version_passages.c.position)
    )  # fmt: skip
    with store.engine.connect().execution_options(yield_per=_PIECE) as connection:
        for piece in connection.execute(statement).partitions(_PIECE):
            yield [tuple(row) for row in piece]


def _write_passages(store: DocumentStore, number: int, digest: str, making: Path) -> list[str]:
    """Passages and lexical index; returns the passages' digests in order. A passage that stands twice is one."""
    digests: list[str] = []
    seen: set[object] = set()
    words, pieces = Collector(), 0
    connection = sqlite3.connect(making, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        connection.executescript(_SCHEMA)
        connection.execute("BEGIN")
        for piece in _rows(store, number):
            entries = []
            for row in piece:
                if row[0] in seen:
                    continue
                seen.add(row[0])
                digests.append(str(row[10]))
                begins, ends = (str(one) if one else None for one in row[8:10])
                entries.append((len(digests), *row[:8], begins, ends))
                words.add(str(row[4]), str(row[5]), str(row[6]))
            connection.executemany(f"INSERT INTO passages VALUES ({','.join('?' * 11)})", entries)
            if len(words) > _WORDS_AT_ONCE:
                _write_words(connection, words, pieces)
                words, pieces = Collector(len(digests) + 1), pieces + 1
            time.sleep(0.001)
        _write_words(connection, words, pieces)
        connection.execute("CREATE UNIQUE INDEX posting ON postings(piece, term)")
        connection.execute("INSERT INTO held SELECT term, sum(passages) FROM postings GROUP BY term")
        meta = {"format": FORMAT, "release": number, "digest": digest}
        connection.executemany("INSERT INTO meta VALUES (?, ?)", [(key, str(one)) for key, one in meta.items()])
        connection.execute("COMMIT")
    finally:
        connection.close()
    return digests


def _write_words(connection: sqlite3.Connection, words: Collector, piece: int) -> None:
    lengths, postings = words.finished()
    connection.execute("INSERT INTO lengths VALUES (?, ?)", (piece, lengths.astype("<u4").tobytes()))
    connection.executemany("INSERT INTO postings VALUES (?, ?, ?, ?)", ((piece, *one) for one in postings))


def _write_matrix(store: DocumentStore, digests: list[str], path: Path, fingerprint: str) -> None:
    part = path.with_suffix(".part")
    dimension = next((len(one) for one in store.vectors(fingerprint, digests[:_PIECE]).values()), 0) or _any_dimension(
        store, fingerprint
    )
    with part.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (len(digests), dimension)}
        np.lib.format.write_array_header_1_0(file, header)
        for at in range(0, len(digests), _PIECE):
            piece = digests[at : at + _PIECE]
            known = store.vectors(fingerprint, piece) if dimension > 1 else {}  # else they were made just now
            rows = np.zeros((len(piece), dimension), np.float32)
            for place, digest in enumerate(piece):
                if digest in known:
                    rows[place] = known[digest] / max(1e-6, float(np.linalg.norm(known[digest])))
            file.write(rows.tobytes())
            time.sleep(0.001)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


def _any_dimension(store: DocumentStore, fingerprint: str) -> int:
    """Length of any vector of this model; 1 where there are none yet (a column of zeros finds nothing)."""
    digest = next(iter(store.embedded(fingerprint)), None)
    return 1 if digest is None else len(store.vectors(fingerprint, [digest])[digest])


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
