"""All that is kept of one caller: counted, written out as a ZIP, and looked for once more after it was erased."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from contracts.databases import said
from contracts.errors import RecordError
from contracts.events import EventKind
from operations.callers import Caller
from operations.gaps import unanswered
from operations.spool import Spool
from operations.tables import callbacks, calls, cases, escalations, events, handoffs, turns
from operations.webhook import call_of

_TABLES = (calls, turns, escalations, handoffs, cases, callbacks)
_BLOCK = 1 << 20
_README = """What is kept of one caller.

caller.json            every call with its turns, escalations, hand-over, who looked after it, callbacks, and events
transcripts/ID.txt     what was said in a call
recordings/ID.wav      its recording, left the caller, right the operator
briefings/             hand-overs that wait to be posted to another system

Times are UTC. Card numbers and their like were taken out before anything was kept.
"""


@dataclass(slots=True, frozen=True)
class Folders:
    """Where things are that are in no table. ``spool``: events that the database has not got yet."""

    recordings: Path
    webhook: Path
    spool: Path
    logs: Path

    @classmethod
    def under(cls, home: Path, spool: Path = Path("events.spool"), logs: Path = Path("logs")) -> Folders:
        """Of an operator's home folder."""
        return cls(home / "recordings", home / "webhook", home / spool, home / logs)


@dataclass(slots=True, frozen=True)
class HeldCall:
    """What is kept of one call. ``began`` None: nothing but a refusal, or a promise to call back."""

    call_id: str
    began: datetime | None
    reason: str
    """Why a person was needed; empty: none was."""
    turns: int
    recorded: bool
    callbacks: int
    briefings: int
    """That wait to be posted."""
    questions: int
    """That no document answered."""


class CallerFile:
    """Over a record and its folders. Methods raise RecordError."""

    def __init__(self, engine: sa.Engine, folders: Folders) -> None:
        self._engine = engine
        self._folders = folders

    def held(self, caller: Caller) -> list[HeldCall]:
        """Each call, oldest first."""
        ids = caller.calls
        rows = {table: self._rows(table, ids) for table in _TABLES}
        asked = unanswered(self._engine, datetime(1970, 1, 1, tzinfo=UTC), calls=ids) if ids else []

        def of(table: sa.Table, call_id: str) -> list[dict[str, Any]]:
            return [row for row in rows[table] if row["call_id"] == call_id]

        return [
            HeldCall(
                one,
                next((row["started_at"] for row in of(calls, one)), None),
                next((str(row["reason"]) for row in of(handoffs, one)), ""),
                len(of(turns, one)),
                bool(self._recordings(one)),
                len(of(callbacks, one)),
                len(self._briefings(one)),
                sum(each.call_id == one for each in asked),
            )
            for one in ids
        ]

    def told(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """All of these calls, JSON-ready but for moments."""
        found = []
        for one in ids:
            rows = {table.name: self._rows(table, [one]) for table in _TABLES}
            happened = [
                {name: row[name] for name in ("seq", "kind", "turn", "at", "body")}
                for row in self._rows(events, [one])
                if row["kind"] != EventKind.CONSOLE_ACTED  # who looked at it is the looker's, not the caller's
            ]
            recordings = [path.name for path in self._recordings(one)]
            call: dict[str, Any] = dict(*rows.pop("calls"))
            found.append({"call_id": one, **call, **rows, "events": happened, "recordings": recordings})
        return found

    def write_zip(self, caller: Caller, file: IO[bytes]) -> None:
        """Everything: JSON, text, sound."""
        told = self.told(caller.calls)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("README.txt", _README)
            archive.writestr("caller.json", as_json({"caller": caller.number, "calls": told}))
            for one in told:
                name = Path(one["call_id"]).name
                archive.writestr(f"transcripts/{name}.txt", "".join(_transcript(one)))
                for path in self._recordings(one["call_id"]):
                    archive.write(path, f"recordings/{path.name}", zipfile.ZIP_STORED)
                for path in self._briefings(one["call_id"]):
                    archive.write(path, f"briefings/{path.name}")

    def obstacle(self, caller: Caller, live: Collection[str]) -> str:
        """Why nothing of theirs should be erased now, and what to do; empty: nothing speaks against it.

        ``live``: ids of the calls that are up.
        """
        if any(one in live for one in caller.calls):
            return "a call of theirs is up, and would write on: end it first"
        if self._unwritten(caller):
            return "events of theirs still wait for the database, and would come back: try again in some seconds"
        return ""

    def _unwritten(self, caller: Caller) -> bool:
        try:
            waiting = Spool(self._folders.spool).read()
        except OSError as error:
            raise RecordError(f"{self._folders.spool}: cannot be read ({error.strerror})") from error
        theirs = set(caller.calls)
        return any(one.call_id in theirs or str(one.body.get("caller", "")) in caller.words for one in waiting)

    def traces(self, caller: Caller) -> list[str]:
        """Where something of a caller still is, one line each: in any table of the database, in any file."""
        found = []
        try:
            with self._engine.connect() as connection:
                found += list(_rows_left(connection, caller))
                found += list(_words_left(connection, caller.words))
        except SQLAlchemyError as error:
            raise _cannot(error) from error
        found += [str(path) for one in caller.calls for path in (*self._recordings(one), *self._briefings(one))]
        folders = self._folders
        texts = [folders.spool, *_files(folders.webhook), *_files(folders.logs)]
        needles = [one.encode() for one in caller.words]
        return found + [str(path) for path in texts if path.is_file() and _holds(path, needles)]

    def _recordings(self, call_id: str) -> list[Path]:
        folder, name = self._folders.recordings, Path(call_id).name
        return [path for ending in (".wav", ".partial.wav") if (path := folder / f"{name}{ending}").is_file()]

    def _briefings(self, call_id: str) -> list[Path]:
        return [path for path in _files(self._folders.webhook) if call_of(path) == call_id]

    def _rows(self, table: sa.Table, ids: Sequence[str]) -> list[dict[str, Any]]:
        query = sa.select(table).where(table.c.call_id.in_(list(ids))).order_by(*table.primary_key.columns)
        try:
            with self._engine.connect() as connection:
                return [dict(row) for row in connection.execute(query).mappings()]
        except SQLAlchemyError as error:
            raise _cannot(error) from error


def as_json(value: object) -> str:
    """With moments in ISO 8601."""
    return json.dumps(value, indent=1, ensure_ascii=False, default=_moment)


def _moment(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _transcript(told: dict[str, Any]) -> Iterator[str]:
    began = told.get("started_at")
    yield f"call {told['call_id']}" + (f", {began:%Y-%m-%d %H:%M} UTC\n\n" if began else "\n\n")
    people = _of_people(told["events"])
    for turn in told["turns"]:
        said = [("caller", turn["caller_text"]), ("operator", turn["heard"])]
        for who, text in [*said, *(("person", one) for one in people.get(turn["turn"], ()))]:
            if text:
                yield f"{who:9} {text}\n"


def _of_people(rows: Sequence[dict[str, Any]]) -> dict[int, list[str]]:
    """What persons said to the caller, by the caller's turn before it."""
    said: dict[int, list[str]] = {}
    for row in rows:
        body = row["body"]
        if row["kind"] != EventKind.TURN_PERSON or body is None:
            continue
        texts = said.setdefault(row["turn"], [])
        if body.get("continues") and texts:
            texts.pop()
        texts.append(str(body.get("text", "")))
    return said


def _rows_left(connection: sa.Connection, caller: Caller) -> Iterator[str]:
    theirs = list(caller.calls)
    told = sa.and_(
        events.c.call_id.in_(theirs), events.c.body.is_not(None), events.c.kind != str(EventKind.CONSOLE_ACTED)
    )
    for table, which in [*((table, table.c.call_id.in_(theirs)) for table in _TABLES), (events, told)]:
        if count := connection.scalar(sa.select(sa.func.count()).select_from(table).where(which)):
            yield f"table {table.name}: {count} rows"


def _words_left(connection: sa.Connection, words: frozenset[str]) -> Iterator[str]:
    """In every column of every table there is, whoever made it."""
    if not words:
        return
    reflected = sa.MetaData()
    reflected.reflect(connection)
    for table in reflected.sorted_tables:
        for column in table.c:
            text = sa.cast(column, sa.Text)
            which = sa.or_(*(text.contains(one, autoescape=True) for one in words))
            if count := connection.scalar(sa.select(sa.func.count()).select_from(table).where(which)):
                yield f"table {table.name}, {column.name}: {count} rows"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


def _holds(path: Path, needles: Sequence[bytes]) -> bool:
    keep = max(map(len, needles), default=1) - 1
    with path.open("rb") as file:
        tail = b""
        while block := file.read(_BLOCK):
            if any(one in tail + block for one in needles):
                return True
            tail = block[-keep:] if keep else b""
    return False


def _cannot(error: SQLAlchemyError) -> RecordError:
    return RecordError(f"the record cannot be read: {said(error)}")
