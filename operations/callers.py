"""Which calls are one caller's: by number or address, as they called, were refused, or asked to be called back."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from contracts.databases import said
from contracts.errors import CallwrightError, RecordError
from contracts.events import EventKind
from operations.tables import callbacks, calls, events

_NOBODY = frozenset({"anonymous", "restricted", "unavailable", "unknown", "private", "withheld"})
"""What stands in place of a number that was not sent (RFC 3323 and habit): many callers, so nobody's."""
_LEAST_DIGITS = 6
_TELLING = 7
"""Shorter words may be found in a file by chance."""


class CallerUnclear(CallwrightError):
    """What was given is no one caller; says what to give."""


@dataclass(slots=True, frozen=True)
class Caller:
    """One caller. ``calls``: ids, oldest first; ``words``: all that would tell that something of them is kept."""

    number: str
    calls: tuple[str, ...]
    words: frozenset[str]

    @property
    def masked(self) -> str:
        """Enough to tell callers apart, too little to call: for the audit."""
        user = "".join(one for one in _user(self.number) if one.isalnum())
        return f"…{user[-3:]}" if len(user) > 5 else "…"


def find_caller(engine: sa.Engine, number: str) -> Caller:
    """Who is meant, with no calls if nothing is kept. Raises CallerUnclear, RecordError."""
    given = number.strip()
    if not given or _user(given).lower() in _NOBODY:
        raise CallerUnclear("callers without a number are many: give the number or address of one")
    refused = sa.select(events.c.call_id, events.c.body, events.c.at).where(
        events.c.kind == str(EventKind.CALL_REFUSED), events.c.body.is_not(None)
    )
    rung = sa.select(calls.c.call_id, calls.c.caller, calls.c.started_at)
    wanted = sa.select(callbacks.c.call_id, callbacks.c.caller, callbacks.c.wanted_at)
    try:
        with engine.connect() as connection:
            found = [(row[0], row[1], row[2]) for query in (rung, wanted) for row in connection.execute(query)]
            found += [(row.call_id, str(row.body.get("caller", "")), row.at) for row in connection.execute(refused)]
    except SQLAlchemyError as error:
        raise RecordError(f"the record cannot be read: {said(error)}") from error
    theirs = sorted((at, call_id, caller) for call_id, caller, at in found if same_caller(given, caller))
    names = {caller for _, _, caller in theirs} | {given}
    words = {word for one in names for word in (one, _digits(_user(one))) if len(word) >= _TELLING}
    return Caller(given, tuple(dict.fromkeys(call_id for _, call_id, _ in theirs)), frozenset(words))


def same_caller(given: str, caller: str) -> bool:
    """Is that who is meant? ``+1 555 01 42`` means ``sip:+15550142@example.org``; under six digits mean nobody."""
    if given == caller:
        return True
    user = _user(caller)
    digits, letters = _digits(given), any(one.isalpha() for one in given)
    return given == user or (len(digits) >= _LEAST_DIGITS and digits == _digits(user) and not letters)


def _user(caller: str) -> str:
    return caller.partition(":")[2].partition("@")[0] if ":" in caller else caller


def _digits(text: str) -> str:
    return "".join(one for one in text if one.isdigit())
