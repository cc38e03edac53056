"""Rows of versions and of the draft: what ``store`` writes and reads inside one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from contracts.databases import utc
from contracts.engines import DocumentInfo
from knowledge.api import Added, Outcome
from knowledge.database import chunks, insert_missing
from knowledge.documents import Document
from knowledge.passages import PassageText, content_digest
from knowledge.tables import changes, draft, release_versions, texts, version_passages, versions


def document_id_of(source: str) -> str:
    """The id of the document with this source name; replacing a document keeps its id."""
    return "d" + hashlib.sha256(source.encode()).hexdigest()[:16]


def record(
    connection: sa.Connection, at: datetime, by: str, action: str, what: str, release: int | None = None
) -> None:
    """Write down who did what."""
    connection.execute(changes.insert().values(at=at, by=by, action=action, what=what, release=release))


def embedding_text(title: str, heading: str, text: str) -> str:
    """What the embedder reads of a stored passage."""
    return PassageText(heading, text, 0).embedding_text(title)


def info_of(row: Any) -> DocumentInfo:
    """A row of ``versions`` (with or without its body)."""
    return DocumentInfo(
        document_id=row.document_id,
        source=row.source,
        title=row.title,
        sha256=row.sha256,
        passages=row.passages,
        added_at=utc(row.added_at).isoformat(timespec="seconds"),
        tags=tuple(row.tags),
        version_id=row.version_id,
        format=row.format,
        owner=row.owner,
        approver=row.approver,
        language=row.language,
        jurisdiction=tuple(row.jurisdiction),
        valid_from=_day(row.valid_from),
        valid_to=_day(row.valid_to),
        notices=tuple(row.notices),
        added_by=row.added_by,
    )


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def of_release(number: int) -> sa.Select[Any]:
    """The versions of a release, as a subselect."""
    return sa.select(release_versions.c.version_id).where(release_versions.c.number == number)


def versions_of(connection: sa.Connection, ids: Sequence[str]) -> list[Any]:
    """Rows of these versions."""
    found: list[Any] = []
    for piece in chunks(ids):
        found += connection.execute(sa.select(versions).where(versions.c.version_id.in_(piece))).all()
    return found


def version_row(document: Document, by: str, at: datetime) -> dict[str, Any]:
    """A document as a row of ``versions``."""
    document_id, known = document_id_of(document.source), document.metadata
    cut = hashlib.sha256("".join(content_digest(document.title, one) for one in document.passages).encode())
    identity = f"{document.source}\n{document.sha256}\n{cut.hexdigest()}\n{len(document.suspicions)}"
    return {
        "version_id": "v" + hashlib.sha256(identity.encode()).hexdigest()[:24],
        "document_id": document_id,
        "source": document.source,
        "container": document.container,
        "format": document.format,
        "sha256": document.sha256,
        "title": document.title,
        "body": document.body,
        "answers": document.answers,
        "owner": known.owner,
        "approver": known.approver,
        "language": known.language,
        "jurisdiction": list(known.jurisdiction),
        "tags": list(known.tags),
        "valid_from": known.valid_from,
        "valid_to": known.valid_to,
        "notices": list(document.notices),
        "suspicions": [asdict(one) for one in document.suspicions],
        "passages": len(document.passages),
        "added_at": at,
        "added_by": by,
    }


def insert_passages(connection: sa.Connection, pairs: Sequence[tuple[Document, Mapping[str, Any]]]) -> None:
    """Texts and their order; a version's passages are there exactly if the version is."""
    column = versions.c.version_id
    present: set[str] = set()
    for piece in chunks([row["version_id"] for _, row in pairs]):
        present |= set(connection.execute(sa.select(column).where(column.in_(piece))).scalars())
    made: list[dict[str, Any]] = []
    places: list[dict[str, Any]] = []
    for document, row in pairs:
        if row["version_id"] in present:
            continue
        for position, text in enumerate(document.passages):
            digest = content_digest(document.title, text)
            passage_id = "p" + hashlib.sha256(f"{row['document_id']} {digest}".encode()).hexdigest()[:20]
            made.append(
                {
                    "passage_id": passage_id,
                    "document_id": row["document_id"],
                    "title": document.title,
                    "heading": text.heading,
                    "text": text.text,
                    "sha256": digest,
                }
            )
            places.append({"version_id": row["version_id"], "position": position, "passage_id": passage_id})
    insert_missing(connection, texts, made)
    for rows in chunks(places):
        connection.execute(version_passages.insert(), list(rows))


def heads(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the draft has of these documents, by id."""
    found: dict[str, Any] = {}
    for piece in chunks([row["document_id"] for row in rows]):
        for row in connection.execute(sa.select(draft).where(draft.c.document_id.in_(piece))):
            found[row.document_id] = row
    return found


def outcome_of(document: Document, row: Mapping[str, Any], head: Any) -> Added:
    """What taking in this version does to the draft. What a person has accepted once is not suspicious again."""
    info = info_of(SimpleNamespace(**row))
    if head is not None and head.version_id == row["version_id"]:
        return Added(info, Outcome.UNCHANGED)
    if document.suspicions:
        return Added(info, Outcome.HELD, document.suspicions)
    return Added(info, Outcome.ADDED if head is None or head.version_id is None else Outcome.REPLACED)


def point(
    connection: sa.Connection, rows: Sequence[Mapping[str, Any]], added: Sequence[Added], known: Mapping[str, Any]
) -> None:
    """Let the draft point at the new versions: what is held beside, what is not in place of the old."""
    fresh, changed = [], []
    for row, one in zip(rows, added, strict=True):
        held = one.outcome is Outcome.HELD
        head = known.get(row["document_id"])
        accepted = row["version_id"] if not held else head.version_id if head is not None else None
        pointer = {"a": accepted, "h": row["version_id"] if held else None}
        if head is None:
            key = {name: row[name] for name in ("document_id", "source", "container")}
            fresh.append({**key, "version_id": pointer["a"], "held_version_id": pointer["h"]})
        elif (head.version_id, head.held_version_id) != (pointer["a"], pointer["h"]):
            changed.append({"key": row["document_id"], **pointer})
    for piece in chunks(fresh):
        connection.execute(draft.insert(), list(piece))
    if changed:
        connection.execute(
            draft.update()
            .where(draft.c.document_id == sa.bindparam("key"))
            .values(version_id=sa.bindparam("a"), held_version_id=sa.bindparam("h")),
            changed,
        )


def vanished(connection: sa.Connection, containers: set[str], present: set[str]) -> int:
    """Take out what the files no longer hold; returns how many documents."""
    gone: list[str] = []
    for piece in chunks(containers):
        ids = connection.execute(sa.select(draft.c.document_id).where(draft.c.container.in_(piece))).scalars()
        gone += [one for one in ids if one not in present]
    for piece in chunks(gone):
        connection.execute(draft.delete().where(draft.c.document_id.in_(piece)))
    return len(gone)
