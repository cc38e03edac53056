"""Accounts and sessions in the record's database. Passwords are argon2id; the table of sessions holds only digests.

Each change of an account, and the beginning of each session, is an entry of the audit's chain in the same transaction.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.exc import SQLAlchemyError

from console.permissions import Permission, Role, granted
from console.settings import SignInSettings
from contracts.clock import utc_now
from contracts.databases import said
from contracts.errors import CallwrightError, RecordError
from contracts.events import EventKind
from operations.audit import AuditLog
from operations.chain import Stored
from operations.changes import Work, account_changed, chained, entry
from operations.database import writing
from operations.tables import accounts, sessions

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
MAX_PASSWORD = 256
"""Letters; hashing a longer one would only cost time."""


class AccountError(CallwrightError):
    """An account cannot be made or changed as asked; says what to do."""


@dataclass(slots=True, frozen=True)
class Account:
    """Who somebody is."""

    name: str
    roles: tuple[str, ...]
    active: bool = True
    issuer: str = ""
    """The OIDC provider that signs them in; empty: their password here."""

    @property
    def permissions(self) -> frozenset[Permission]:
        """What they may do."""
        return granted(self.roles)


@dataclass(slots=True, frozen=True)
class Session:
    """A signed-in person. ``csrf`` must come with every form they send."""

    account: Account
    csrf: str
    digest: str


class Accounts:
    """Thread-safe, blocking. Methods raise RecordError when the database cannot be asked."""

    def __init__(self, engine: sa.Engine, settings: SignInSettings, now: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._settings = settings
        self._now = now
        self._audit = AuditLog(engine)
        self._hasher = PasswordHasher(
            time_cost=settings.argon2_passes,
            memory_cost=settings.argon2_memory_kib,
            parallelism=1,
            type=Type.ID,
        )
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    # ── accounts ────────────────────────────────────────────────────────────────────────────────────────────────

    def add(self, name: str, password: str, roles: Iterable[Role], *, by: str) -> Account:
        """A new account, or a removed one anew. Raises AccountError."""
        if _NAME.fullmatch(name) is None:
            raise AccountError(f"{name[:64]!r} is no name: lower-case letters, digits and . _ @ - (at most 64)")
        given = sorted({str(one) for one in roles})
        if not given:
            raise AccountError(f"give at least one role: {', '.join(Role)}")
        now = self._now()
        values = {"password": self._hash(password, name), "roles": given, "changed_at": now, "active": True}
        values |= {"issuer": None, "subject": None}

        def make(connection: sa.Connection) -> list[Stored]:
            known = connection.execute(sa.select(accounts).where(accounts.c.name == name)).first()
            if known is not None and known.active:
                raise AccountError(
                    f"there is an account {name!r} already; `callwright users password {name}` changes it"
                )
            if known is not None:
                connection.execute(accounts.update().where(accounts.c.name == name).values(**values))
            else:
                connection.execute(accounts.insert().values(name=name, made_at=now, **values))
            return [account_changed(connection, name, by, "account.add", f"{name}: {', '.join(given)}")]

        self._chained(make)
        return Account(name, tuple(given))

    def set_password(self, name: str, password: str, *, by: str) -> None:
        """A new password; all sessions of the account end. Raises AccountError."""
        self._refuse_elsewhere(name, "their password", "is")
        self._change(name, by, "account.password", name, password=self._hash(password, name))

    def set_roles(self, name: str, roles: Iterable[Role], *, by: str) -> None:
        """Other roles; all sessions of the account end. Raises AccountError."""
        given = sorted({str(one) for one in roles})
        if not given:
            raise AccountError(f"give at least one role: {', '.join(Role)}")
        self._refuse_elsewhere(name, "their roles", "are")
        self._change(name, by, "account.roles", f"{name}: {', '.join(given)}", roles=given)

    def remove(self, name: str, *, by: str) -> None:
        """Nobody signs in with it any more. Raises AccountError."""
        self._change(name, by, "account.remove", name, active=False)

    def list_accounts(self) -> list[Account]:
        """All that are active, by name."""
        rows = self._rows(sa.select(accounts).where(accounts.c.active).order_by(accounts.c.name))
        return [_account(row) for row in rows]

    # ── sessions ────────────────────────────────────────────────────────────────────────────────────────────────

    def sign_in(self, name: str, password: str) -> tuple[str, Account] | None:
        """The secret for the cookie and who it is; None if name and password do not belong together.

        Takes as long for a name that does not exist.
        """
        mine = sa.and_(accounts.c.active, accounts.c.issuer.is_(None), self._may_enter())
        rows = self._rows(sa.select(accounts).where(accounts.c.name == name, mine))
        right = self._verify(rows[0].password if rows else self._nobody, password)
        if not rows or not right:
            return None
        if self._hasher.check_needs_rehash(rows[0].password):
            self._update(name, name, "account.rehash", name, password=self._hasher.hash(password))
        return self._begin(name), _account(rows[0])

    def _begin(self, name: str) -> str:
        """A session, and the secret that opens it."""
        secret, now = secrets.token_urlsafe(32), self._now()
        values = {"digest": _digest(secret), "csrf": secrets.token_urlsafe(32), "made_at": now, "seen_at": now}
        body = {"by": name, "action": "session.begin", "what": "", "session": values["digest"]}

        def begin(connection: sa.Connection) -> list[Stored]:
            connection.execute(sessions.delete().where(self._over(now)))
            connection.execute(sessions.insert().values(name=name, **values))
            return [entry(EventKind.CONSOLE_ACTED, "-", body)]

        self._chained(begin)
        return secret

    def sign_in_from(self, issuer: str, subject: str, name: str, roles: Sequence[str]) -> tuple[str, Account]:
        """As ``sign_in``, for whom a provider vouches: an account is made or given these roles. Raises AccountError.

        ``issuer`` and ``subject`` say who it is; ``name`` is only what they are called, and never another's.
        """
        rows = self._rows(sa.select(accounts).where(accounts.c.issuer == issuer, accounts.c.subject == subject))
        if rows and not rows[0].active:
            raise AccountError(
                "this account was removed here; ask whoever keeps the accounts (`callwright users list`)"
            )
        own, by = rows[0].name if rows else name, f"oidc {name}"[:64]
        told = f"{own}: {', '.join(roles)}, of {issuer}"
        if not rows:
            self._adopt(own, by, told, issuer=issuer, subject=subject, roles=list(roles))
        elif sorted(rows[0].roles) != sorted(roles):
            self._update(own, by, "account.roles", told, roles=list(roles))
        return self._begin(own), Account(own, tuple(roles), True, issuer)

    def _adopt(self, name: str, by: str, told: str, **values: Any) -> None:
        if _NAME.fullmatch(name) is None:
            raise AccountError(
                f"your name at the provider, {name[:64]!r}, is none here: letters, digits and . _ @ - (at most 64); "
                "console.sign_in.oidc.name_claim chooses another claim"
            )
        now = self._now()
        given = {**values, "password": "", "changed_at": now, "active": True}

        def make(connection: sa.Connection) -> list[Stored]:
            known = connection.execute(sa.select(accounts).where(accounts.c.name == name)).first()
            if known is not None and (known.active or known.issuer is not None):
                raise AccountError(
                    f"the name {name!r} is another account's here; if both are yours, whoever keeps the accounts "
                    f"removes that one first: `callwright users remove {name}`"
                )
            if known is not None:
                connection.execute(accounts.update().where(accounts.c.name == name).values(**given))
            else:
                connection.execute(accounts.insert().values(name=name, made_at=now, **given))
            return [account_changed(connection, name, by, "account.add", told)]

        self._chained(make)

    def is_password(self, name: str, password: str) -> bool:
        """For asking again before something grave."""
        rows = self._rows(sa.select(accounts).where(accounts.c.name == name, accounts.c.active))
        return bool(rows) and self._verify(rows[0].password, password)

    def session(self, secret: str) -> Session | None:
        """Whose cookie this is; None when it is unknown, too old or too long unused."""
        now, digest = self._now(), _digest(secret)
        rows = self._rows(
            sa.select(accounts, sessions.c.csrf, sessions.c.seen_at)
            .join(sessions, sessions.c.name == accounts.c.name)
            .where(sessions.c.digest == digest, accounts.c.active, self._may_enter(), sa.not_(self._over(now)))
        )
        if not rows:
            return None
        if now - rows[0].seen_at > timedelta(minutes=1):  # not a write for each request
            # A database that something holds locks nobody out: whoever comes next writes it down.
            with suppress(RecordError), self._writing() as connection:
                connection.execute(sessions.update().where(sessions.c.digest == digest).values(seen_at=now))
        return Session(_account(rows[0]), rows[0].csrf, digest)

    def sign_out(self, session: Session) -> None:
        """The cookie opens nothing any more."""
        with self._writing() as connection:
            connection.execute(sessions.delete().where(sessions.c.digest == session.digest))
        self._audit.note(session.account.name, "session.end")

    def _may_enter(self) -> sa.ColumnElement[bool]:
        """Accounts that the settings let in: those with a password here, those of the provider, or both."""
        ways: list[sa.ColumnElement[bool]] = [sa.false()]
        if self._settings.local:
            ways.append(accounts.c.issuer.is_(None))
        if issuer := self._settings.oidc.issuer:
            ways.append(accounts.c.issuer == issuer)
        return sa.or_(*ways)

    def _refuse_elsewhere(self, name: str, what: str, verb: str) -> None:
        rows = self._rows(sa.select(accounts.c.issuer).where(accounts.c.name == name, accounts.c.issuer.is_not(None)))
        if rows:
            raise AccountError(f"{name} signs in at {rows[0].issuer}: {what} {verb} changed there")

    def _over(self, now: datetime) -> sa.ColumnElement[bool]:
        idle = now - timedelta(minutes=self._settings.idle_min)
        oldest = now - timedelta(hours=self._settings.longest_h)
        return sa.or_(sessions.c.seen_at <= idle, sessions.c.made_at <= oldest)

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _hash(self, password: str, name: str) -> str:
        least = self._settings.least_password
        if not least <= len(password) <= MAX_PASSWORD:
            raise AccountError(f"a password has {least} to {MAX_PASSWORD} letters; a sentence is easy to remember")
        if name in password.lower() and len(password) < len(name) + least:
            raise AccountError("a password must not be made of the name; take a sentence")
        return self._hasher.hash(password)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password[:MAX_PASSWORD])
        except (VerificationError, InvalidHashError):
            return False

    def _change(self, name: str, by: str, action: str, what: str, **values: Any) -> None:
        if not self._update(name, by, action, what, **values):
            raise AccountError(f"there is no account {name!r}; `callwright users list` shows which there are")

    def _update(self, name: str, by: str, action: str, what: str, **values: Any) -> bool:
        which = sa.and_(accounts.c.name == name, accounts.c.active)

        def change(connection: sa.Connection) -> list[Stored]:
            changed = accounts.update().where(which).values(changed_at=self._now(), **values)
            found = connection.execute(changed).rowcount
            connection.execute(sessions.delete().where(sessions.c.name == name))
            return [account_changed(connection, name, by, action, what)] if found else []

        return self._chained(change) > 0

    def _chained(self, work: Work) -> int:
        try:
            return chained(self._engine, work)
        except SQLAlchemyError as error:
            raise _cannot(error) from error

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        try:
            with writing(self._engine) as connection:
                yield connection
        except SQLAlchemyError as error:
            raise _cannot(error) from error

    def _rows(self, query: sa.Select[Any]) -> list[Any]:
        try:
            with self._engine.connect() as connection:
                return list(connection.execute(query).all())
        except SQLAlchemyError as error:
            raise RecordError(f"accounts cannot be read: {said(error)}") from error


def _cannot(error: SQLAlchemyError) -> RecordError:
    return RecordError(f"accounts cannot be written: {said(error)}")


def _account(row: Any) -> Account:
    return Account(row.name, tuple(row.roles), bool(row.active), row.issuer or "")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
