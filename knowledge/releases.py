"""Releases in SQL: proposed from the draft, approved, published, rolled back. The live one is a row, and only that.

::

    draft ──propose──► release ──approve──► ──publish──► live ──publish of another──► superseded ──rollback──► live
                          └─ versions in it never change
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from contracts.errors import KnowledgeError, ReleaseRefused, ReleaseUnknown
from knowledge.api import Change, DocumentChange, ReleaseInfo, ReleaseState
from knowledge.database import chunks, writing
from knowledge.draftrows import record
from knowledge.snapshotfile import release_name
from knowledge.store import DocumentStore, now_utc
from knowledge.tables import changes, draft, release_versions, releases, versions

_MOVES = ("publish", "rollback")
_OPEN_PROPOSALS = 3
"""So many proposals newer than the live release are kept ready."""


class ReleaseStore:
    """Thread-safe: each call takes a connection of its own."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self._engine = store.engine

    def live(self) -> int | None:
        """The number of the live release; None before the first."""
        with self._engine.connect() as connection:
            return _live(connection)

    def live_since(self) -> str:
        """When the live release was published or rolled back to, in ISO 8601; empty before the first."""
        moved = sa.select(changes.c.at).where(changes.c.action.in_(_MOVES)).order_by(changes.c.change.desc()).limit(1)
        with self._engine.connect() as connection:
            return _iso(connection.execute(moved).scalar())

    def digest(self, number: int) -> str:
        """What is in a release, as one word. Raises ReleaseUnknown."""
        return str(self._row(number).digest)

    def propose(self, *, by: str, note: str) -> int:
        """Freeze the draft as a release. Raises ReleaseRefused when it equals the live one, DeviceFull."""
        with writing(self._engine) as connection:
            ids = sorted(
                connection.execute(sa.select(draft.c.version_id).where(draft.c.version_id.is_not(None))).scalars()
            )
            digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()
            live = _live(connection)
            if live is not None and _digest(connection, live) == digest:
                raise ReleaseRefused(
                    f"the draft is what {release_name(live)} holds already; there is nothing to propose"
                )
            if live is None and not ids:
                raise ReleaseRefused("the draft is empty; add documents first")
            count = 0
            for piece in chunks(ids):
                total = sa.select(sa.func.sum(versions.c.passages)).where(versions.c.version_id.in_(piece))
                count += int(connection.execute(total).scalar() or 0)
            at = now_utc()
            made = connection.execute(
                releases.insert().values(
                    digest=digest, passages=count, note=note, report={}, proposed_at=at, proposed_by=by
                )
            )
            key = made.inserted_primary_key
            assert key is not None
            number = int(key[0])
            for piece in chunks(ids):
                connection.execute(release_versions.insert(), [{"number": number, "version_id": one} for one in piece])
            record(connection, at, by, "propose", f"{release_name(number)}: {note}" if note else release_name(number))
        return number

    def keep_report(self, number: int, report: Mapping[str, Any]) -> None:
        """Write down what checks and evaluation found."""
        with writing(self._engine) as connection:
            connection.execute(releases.update().where(releases.c.number == number).values(report=dict(report)))

    def approve(self, number: int, *, by: str) -> None:
        """Raises ReleaseUnknown; ReleaseRefused when it is by the person who proposed it."""
        row = self._row(number)
        if row.proposed_by == by:
            raise ReleaseRefused(
                f"{release_name(number)} was proposed by {by}; somebody else has to approve it (--by NAME)"
            )
        at = now_utc()
        with writing(self._engine) as connection:
            connection.execute(
                releases.update().where(releases.c.number == number).values(approved_by=by, approved_at=at)
            )
            record(connection, at, by, "approve", release_name(number))

    def move(self, number: int, *, by: str, action: str, what: str = "") -> None:
        """Make a release the live one: a single row in one transaction. Raises DeviceFull, ReleaseUnknown."""
        self._row(number)
        with writing(self._engine) as connection:
            record(connection, now_utc(), by, action, what or release_name(number), number)

    def note(self, by: str, action: str, what: str) -> None:
        """Write down who did what, where nothing changes by it."""
        with writing(self._engine) as connection:
            record(connection, now_utc(), by, action, what)

    def before(self) -> int | None:
        """The release that was live before the present one was published; rollbacks are not gone back to."""
        with self._engine.connect() as connection:
            moves = connection.execute(
                sa.select(changes.c.release, changes.c.action)
                .where(changes.c.action.in_(_MOVES))
                .order_by(changes.c.change)
            ).all()
        stack: list[int] = []
        for release, action in moves:
            if action == "rollback" and release in stack:
                del stack[stack.index(release) + 1 :]
            else:
                stack = [one for one in stack if one != release] + [release]
        return stack[-2] if len(stack) > 1 else None

    def published(self) -> list[int]:
        """All releases that were ever live, the latest first."""
        statement = (
            sa.select(changes.c.release)
            .where(changes.c.action.in_(_MOVES))
            .group_by(changes.c.release)
            .order_by(sa.func.max(changes.c.change).desc())
        )
        with self._engine.connect() as connection:
            return [int(one) for one in connection.execute(statement).scalars()]

    def kept(self, superseded: int) -> list[int]:
        """Releases that must be ready: the live one, the latest before it, and the newest proposals."""
        published = self.published()
        newest = max(published, default=0)
        with self._engine.connect() as connection:
            proposed = connection.execute(
                sa.select(releases.c.number)
                .where(releases.c.number > newest)
                .order_by(releases.c.number.desc())
                .limit(_OPEN_PROPOSALS)
            ).scalars()
            return [*published[: superseded + 1], *proposed]

    def info(self, number: int) -> ReleaseInfo:
        """One release. Raises ReleaseUnknown."""
        return self._info(self._row(number), self.live(), set(self.published()))

    def list_releases(self, limit: int = 50) -> list[ReleaseInfo]:
        """The newest releases, newest first."""
        live, published = self.live(), set(self.published())
        statement = sa.select(releases).order_by(releases.c.number.desc()).limit(limit)
        with self._engine.connect() as connection:
            rows = connection.execute(statement).all()
        return [self._info(row, live, published) for row in rows]

    def list_changes(self, limit: int = 100) -> list[Change]:
        """Who did what, the latest first."""
        statement = sa.select(changes).order_by(changes.c.change.desc()).limit(limit)
        with self._engine.connect() as connection:
            return [Change(_iso(row.at), row.by, row.action, row.what) for row in connection.execute(statement)]

    def diff(self, old: int | None, new: int | None) -> list[DocumentChange]:
        """What changes from one release to another; ``new`` None is the draft, ``old`` None nothing at all."""
        with self._engine.connect() as connection:
            before = _contents(connection, old) if old is not None else {}
            after = _contents(connection, new) if new is not None else _draft(connection)
        found = []
        for document_id in sorted(before.keys() | after.keys(), key=lambda one: (after.get(one) or before[one])[1]):
            was, now = before.get(document_id), after.get(document_id)
            if was and now and was[0] == now[0]:
                continue
            kind = "changed" if was and now else "added" if now else "removed"
            one = now or was
            assert one is not None
            found.append(DocumentChange(kind, one[1], one[2]))
        return found

    def _row(self, number: int) -> Any:
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(releases).where(releases.c.number == number)).first()
        if row is None:
            raise ReleaseUnknown(
                f"there is no release {release_name(number)}; `callwright knowledge releases` shows which there are"
            )
        return row

    def _info(self, row: Any, live: int | None, published: set[int]) -> ReleaseInfo:
        if row.number == live:
            state = ReleaseState.LIVE
        elif row.number in published:
            state = ReleaseState.SUPERSEDED
        else:
            state = ReleaseState.APPROVED if row.approved_by else ReleaseState.PROPOSED
        return ReleaseInfo(
            release=release_name(row.number),
            state=state,
            passages=row.passages,
            note=row.note,
            proposed_at=_iso(row.proposed_at),
            proposed_by=row.proposed_by,
            approved_at=_iso(row.approved_at),
            approved_by=row.approved_by or "",
            report=dict(row.report),
        )


def number_of(name: str) -> int:
    """The number of ``r0007``, ``r7`` or ``7``. Raises ReleaseUnknown."""
    digits = name.strip().lower().removeprefix("r")
    if not digits.isdecimal() or len(digits) > 9:
        raise ReleaseUnknown(f"{name[:40]!r} names no release; releases are called r0001, r0002 …")
    return int(digits)


def _live(connection: sa.Connection) -> int | None:
    found = connection.execute(
        sa.select(changes.c.release).where(changes.c.action.in_(_MOVES)).order_by(changes.c.change.desc()).limit(1)
    ).scalar()
    return None if found is None else int(found)


def _digest(connection: sa.Connection, number: int) -> str:
    found = connection.execute(sa.select(releases.c.digest).where(releases.c.number == number)).scalar()
    if found is None:
        raise KnowledgeError(f"{release_name(number)} is live but not in the database; restore a backup")
    return str(found)


def _contents(connection: sa.Connection, number: int) -> dict[str, tuple[str, str, str]]:
    statement = (
        sa.select(versions.c.document_id, versions.c.version_id, versions.c.source, versions.c.title)
        .join(release_versions, release_versions.c.version_id == versions.c.version_id)
        .where(release_versions.c.number == number)
    )
    return {row[0]: (row[1], row[2], row[3]) for row in connection.execute(statement)}


def _draft(connection: sa.Connection) -> dict[str, tuple[str, str, str]]:
    statement = sa.select(versions.c.document_id, versions.c.version_id, versions.c.source, versions.c.title).join(
        draft, draft.c.version_id == versions.c.version_id
    )
    return {row[0]: (row[1], row[2], row[3]) for row in connection.execute(statement)}


def _iso(moment: datetime | None) -> str:
    if moment is None:
        return ""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat(timespec="seconds")
