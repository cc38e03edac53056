"""Documents in SQL: their versions and the draft that points at some of them. What is committed is acknowledged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from contracts.databases import hold
from contracts.engines import DocumentInfo
from contracts.errors import DocumentUnknown
from knowledge.api import Added, Held, Outcome
from knowledge.database import chunks, insert_missing, opening, writing
from knowledge.documents import Document
from knowledge.draftrows import (
    embedding_text,
    heads,
    info_of,
    insert_passages,
    of_release,
    outcome_of,
    point,
    record,
    vanished,
    version_row,
    versions_of,
)
from knowledge.injection import Suspicion
from knowledge.tables import (
    draft,
    embeddings,
    files,
    metadata,
    release_versions,
    releases,
    texts,
    version_passages,
    versions,
)

_PIECE = 100
"""Documents written in one transaction."""


@dataclass(slots=True, frozen=True)
class Unembedded:
    """A passage whose vector is to be made: its content's digest and what the embedder is to read."""

    sha256: str
    embedding_text: str


def now_utc() -> datetime:
    """The time as it is stored."""
    return datetime.now(UTC)


class DocumentStore:
    """Versions of documents, and the draft. Thread-safe: each call takes a connection of its own."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def open(self) -> None:
        """Make missing tables. Raises KnowledgeError if it is no database."""
        with opening(self.engine), self.engine.begin() as connection:
            hold(connection, "schema")  # the record's migrations may make the same tables in the same moment
            metadata.create_all(connection)

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    def put(
        self,
        documents: Sequence[Document],
        *,
        by: str,
        now: datetime | None = None,
        file: tuple[str, str] | None = None,
    ) -> list[Added]:
        """Enter the documents of one file into the draft, in one transaction; those that the file no longer holds
        leave it. A suspicious one is held back, and what the draft had of it stays. ``file``: its name and the digest
        of its bytes, to be remembered for ``given``.

        Raises DeviceFull; then nothing has changed.
        """
        at = now or now_utc()
        rows = [version_row(one, by, at) for one in documents]
        for pairs in chunks(zip(documents, rows, strict=True), _PIECE):
            with writing(self.engine) as connection:  # in pieces, so that a rollback never waits for a large file
                insert_passages(connection, pairs)
                insert_missing(connection, versions, [row for _, row in pairs])
        with writing(self.engine) as connection:
            known = heads(connection, rows)
            added = [
                outcome_of(one, row, known.get(row["document_id"])) for one, row in zip(documents, rows, strict=True)
            ]
            point(connection, rows, added, known)
            gone = vanished(connection, {one.container for one in documents}, {row["document_id"] for row in rows})
            counts = {kind: sum(one.outcome is kind for one in added) for kind in Outcome}
            said = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count and kind != Outcome.UNCHANGED)
            if said or gone:
                containers = ", ".join(sorted({one.container for one in documents}))[:200]
                record(connection, at, by, "add", f"{containers}: {said}{f', {gone} gone' if gone else ''}")
            if file is not None:
                connection.execute(files.delete().where(files.c.source == file[0]))
                connection.execute(files.insert().values(source=file[0], sha256=file[1]))
        return added

    def given(self, source: str, sha256: str) -> bool:
        """Is that the file which was remembered last under this name?"""
        statement = sa.select(files.c.sha256).where(files.c.source == source)
        with self.engine.connect() as connection:
            return connection.execute(statement).scalar() == sha256

    def remove(self, key: str, *, by: str) -> list[DocumentInfo]:
        """Take a document (by source or id), or all of a file, out of the draft. Raises DocumentUnknown."""
        with writing(self.engine) as connection:
            rows = connection.execute(
                sa.select(draft).where(
                    sa.or_(draft.c.document_id == key, draft.c.source == key, draft.c.container == key)
                )
            ).all()
            if not rows:
                raise DocumentUnknown(f"no document {key!r}; `callwright knowledge list` shows what there is")
            wanted = [row.version_id or row.held_version_id for row in rows]
            infos = [info_of(row) for row in versions_of(connection, wanted)]
            for piece in chunks([row.document_id for row in rows]):
                connection.execute(draft.delete().where(draft.c.document_id.in_(piece)))
            record(connection, now_utc(), by, "remove", key)
        return infos

    def decide(self, key: str, *, accept: bool, by: str) -> DocumentInfo:
        """Let a held document into the draft, or throw it away. Raises DocumentUnknown."""
        with writing(self.engine) as connection:
            row = connection.execute(
                sa.select(draft).where(
                    sa.or_(draft.c.document_id == key, draft.c.source == key), draft.c.held_version_id.is_not(None)
                )
            ).first()
            if row is None:
                raise DocumentUnknown(f"no document {key!r} is held; `callwright knowledge held` shows which are")
            info = info_of(versions_of(connection, [row.held_version_id])[0])
            chosen = draft.c.document_id == row.document_id
            if accept:
                connection.execute(
                    draft.update().where(chosen).values(version_id=row.held_version_id, held_version_id=None)
                )
            elif row.version_id is None:
                connection.execute(draft.delete().where(chosen))
            else:
                connection.execute(draft.update().where(chosen).values(held_version_id=None))
            record(connection, now_utc(), by, "accept" if accept else "reject", info.source)
        return info

    def revert(self, number: int | None, *, by: str) -> None:
        """Make the draft equal to a release; what was held is forgotten. ``None`` empties it."""
        with writing(self.engine) as connection:
            connection.execute(draft.delete())
            if number is not None:
                picked = sa.select(
                    versions.c.document_id, versions.c.source, versions.c.container, versions.c.version_id
                ).where(versions.c.version_id.in_(of_release(number)))
                connection.execute(
                    draft.insert().from_select(["document_id", "source", "container", "version_id"], picked)
                )
            record(connection, now_utc(), by, "revert", f"draft := r{number}" if number else "draft emptied")

    def held(self) -> list[Held]:
        """Documents that wait for a person, with the quotes."""
        statement = (
            sa.select(versions)
            .join(draft, draft.c.held_version_id == versions.c.version_id)
            .order_by(versions.c.source)
        )
        with self.engine.connect() as connection:
            return [
                Held(info_of(row), tuple(Suspicion(**one) for one in row.suspicions))
                for row in connection.execute(statement)
            ]

    def list_draft(self) -> list[DocumentInfo]:
        """All documents of the draft, by source."""
        return self._listed(sa.select(draft.c.version_id))

    def list_release(self, number: int) -> list[DocumentInfo]:
        """All documents of a release, by source."""
        return self._listed(of_release(number))

    def _listed(self, chosen: sa.Select[Any]) -> list[DocumentInfo]:
        columns = [column for column in versions.c if column.name != "body"]
        statement = sa.select(*columns).where(versions.c.version_id.in_(chosen)).order_by(versions.c.source)
        with self.engine.connect() as connection:
            return [info_of(row) for row in connection.execute(statement)]

    def body(self, key: str) -> str:
        """The canonical text of a document of the draft, by source or id. Raises DocumentUnknown."""
        statement = (
            sa.select(versions.c.body)
            .join(draft, sa.or_(draft.c.version_id == versions.c.version_id))
            .where(sa.or_(draft.c.document_id == key, draft.c.source == key))
        )
        with self.engine.connect() as connection:
            found = connection.execute(statement).scalar()
        if found is None:
            raise DocumentUnknown(f"no document {key!r}; `callwright knowledge list` shows what there is")
        return str(found)

    def draft_counts(self) -> tuple[int, int]:
        """(documents, passages) of the draft."""
        statement = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(versions.c.passages), 0)).join_from(
            draft, versions, draft.c.version_id == versions.c.version_id
        )
        with self.engine.connect() as connection:
            row = connection.execute(statement).one()
            return int(row[0]), int(row[1])

    def release_passages(self, number: int) -> int:
        """How many passages a release has."""
        with self.engine.connect() as connection:
            statement = sa.select(releases.c.passages).where(releases.c.number == number)
            return int(connection.execute(statement).scalar() or 0)

    def wanted(self, kept: Sequence[int]) -> dict[str, str]:
        """Passage id → digest of everything that must be found by vectors: the draft and these releases."""
        chosen = sa.union(
            sa.select(draft.c.version_id).where(draft.c.version_id.is_not(None)),
            sa.select(release_versions.c.version_id).where(release_versions.c.number.in_(list(kept) or [0])),
        ).subquery()
        statement = (
            sa.select(texts.c.passage_id, texts.c.sha256)
            .join(version_passages, version_passages.c.passage_id == texts.c.passage_id)
            .where(version_passages.c.version_id.in_(sa.select(chosen.c[0])))
            .distinct()
        )
        return self._pairs(statement)

    def _pairs(self, statement: sa.Select[Any]) -> dict[str, str]:
        """Two columns of a long result, read in pieces so that no search waits for it."""
        found: dict[str, str] = {}
        with self.engine.connect() as connection:
            for piece in connection.execute(statement).partitions(2000):
                found.update((str(one), str(two)) for one, two in piece)
        return found

    def embedded(self, fingerprint: str) -> set[str]:
        """Digests whose vectors are kept."""
        statement = sa.select(embeddings.c.sha256).where(embeddings.c.fingerprint == fingerprint)
        with self.engine.connect() as connection:
            return set(connection.execute(statement).scalars())

    def to_embed(self, digests: Sequence[str]) -> list[Unembedded]:
        """What the embedder is to read for these digests, each once."""
        found: dict[str, Unembedded] = {}
        with self.engine.connect() as connection:
            for piece in chunks(digests):
                for row in connection.execute(sa.select(texts).where(texts.c.sha256.in_(piece))):
                    found[row.sha256] = Unembedded(row.sha256, embedding_text(row.title, row.heading, row.text))
        return list(found.values())

    def keep_vectors(self, fingerprint: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Keep vectors by digest, so that no content is ever embedded twice. Raises DeviceFull."""
        with writing(self.engine) as connection:
            connection.execute(
                embeddings.delete().where(
                    embeddings.c.sha256.in_(list(vectors)), embeddings.c.fingerprint == fingerprint
                )
            )
            connection.execute(
                embeddings.insert(),
                [
                    {"sha256": digest, "fingerprint": fingerprint, "vector": vector.astype("<f2").tobytes()}
                    for digest, vector in vectors.items()
                ],
            )

    def vectors(self, fingerprint: str, digests: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """Kept vectors by digest, as far as there are any; their length is 1 to within float16."""
        found: dict[str, NDArray[np.float32]] = {}
        with self.engine.connect() as connection:
            for piece in chunks(digests):
                rows = connection.execute(
                    sa.select(embeddings.c.sha256, embeddings.c.vector).where(
                        embeddings.c.sha256.in_(piece), embeddings.c.fingerprint == fingerprint
                    )
                )
                found.update((row.sha256, np.frombuffer(row.vector, dtype="<f2").astype(np.float32)) for row in rows)
        return found
