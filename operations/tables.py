"""The schema of the record. Times are timezone-aware UTC at the border; SQLite stores them without zone, as UTC.

``events`` is the truth, append-only and hash-chained. ``calls``, ``turns``, ``escalations``, ``handoffs``,
``callbacks`` and ``cases`` are made from it in the same transaction, for reading; each change of ``accounts`` is an
event too.
The knowledge base's tables live in knowledge/tables.py.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from contracts.databases import utc


class Utc(TypeDecorator[datetime]):
    """An aware UTC datetime, whatever the database makes of zones. Naive values are refused with ValueError."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone was given to the record")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return utc(value)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("log", sa.String(64), primary_key=True, comment="name of the hash chain"),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False, comment="1, 2, 3 … without gaps"),
    sa.Column("event_id", sa.String(32), nullable=False, unique=True),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("call_id", sa.String(128), nullable=False, index=True),
    sa.Column("turn", sa.Integer, nullable=False),
    sa.Column("at", Utc, nullable=False),
    sa.Column("body", sa.JSON(none_as_null=True), comment="null once erased"),
    sa.Column("salt", sa.String(32), comment="null once erased, so that the digest tells nothing"),
    sa.Column("body_sha256", sa.String(64), nullable=False, comment="of salt and canonical body"),
    sa.Column("prev_hash", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)

calls = sa.Table(
    "calls",
    metadata,
    sa.Column("call_id", sa.String(128), primary_key=True),
    sa.Column("external_id", sa.String(256), nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("caller", sa.String(256), nullable=False),
    sa.Column("called", sa.String(256), nullable=False),
    sa.Column("codec", sa.String(32), nullable=False),
    sa.Column("config_digest", sa.String(64), nullable=False),
    sa.Column("started_at", Utc, nullable=False, index=True),
    sa.Column("ended_at", Utc),
    sa.Column("duration_s", sa.Float),
    sa.Column("end_reason", sa.String(32), nullable=False, comment="empty while the call is up"),
    sa.Column("end_detail", sa.Text, nullable=False),
)

turns = sa.Table(
    "turns",
    metadata,
    sa.Column("call_id", sa.String(128), primary_key=True),
    sa.Column("turn", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("asked_at", Utc),
    sa.Column("answered_at", Utc),
    sa.Column("caller_text", sa.Text, nullable=False),
    sa.Column("confidence", sa.Float),
    sa.Column("barge_in", sa.Boolean, nullable=False),
    sa.Column("operator_text", sa.Text, nullable=False),
    sa.Column("heard", sa.Text, nullable=False, comment="what was played of operator_text"),
    sa.Column("interrupted", sa.Boolean, nullable=False),
    sa.Column("rung", sa.String(16), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("passage_ids", sa.JSON, nullable=False),
    sa.Column("stages", sa.JSON, nullable=False, comment="name → [start_s, end_s] from the end of speech"),
    sa.Column("response_latency_s", sa.Float),
    sa.Column("filler_latency_s", sa.Float),
)

escalations = sa.Table(
    "escalations",
    metadata,
    sa.Column("escalation_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("call_id", sa.String(128), nullable=False, index=True),
    sa.Column("turn", sa.Integer, nullable=False),
    sa.Column("raised_at", Utc, nullable=False),
    sa.Column("rule_id", sa.String(64), nullable=False),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("target", sa.String(256), nullable=False),
    sa.Column("ok", sa.Boolean, comment="null until the transfer ended"),
    sa.Column("status", sa.String(64), nullable=False),
)

handoffs = sa.Table(
    "handoffs",
    metadata,
    sa.Column("call_id", sa.String(128), primary_key=True),
    sa.Column("external_id", sa.String(256), nullable=False, index=True),
    sa.Column("asked_at", Utc, nullable=False, index=True),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("record", sa.JSON, nullable=False, comment="contracts.handoff.HandoffRecord"),
)

cases = sa.Table(
    "cases",
    metadata,
    sa.Column("call_id", sa.String(128), primary_key=True),
    sa.Column("claimed_by", sa.String(64), comment="account; null: nobody's"),
    sa.Column("claimed_at", Utc),
    sa.Column("closed_at", Utc),
    sa.Column("outcome", sa.String(32), nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)

callbacks = sa.Table(
    "callbacks",
    metadata,
    sa.Column("ticket", sa.String(32), primary_key=True),
    sa.Column("call_id", sa.String(128), nullable=False, index=True),
    sa.Column("caller", sa.String(256), nullable=False, comment="number or SIP address to call"),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("wanted_at", Utc, nullable=False, index=True),
    sa.Column("expires_at", Utc, nullable=False),
    sa.Column("claimed_by", sa.String(64), comment="account; null: nobody's"),
    sa.Column("claimed_at", Utc),
    sa.Column("closed_at", Utc),
    sa.Column("closed_by", sa.String(64)),
    sa.Column("outcome", sa.String(32)),
    sa.Column("note", sa.Text),
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True, comment="what a person signs in with"),
    sa.Column("password", sa.String(256), nullable=False, comment="argon2id, with its salt and parameters"),
    sa.Column("roles", sa.JSON, nullable=False, comment="names of console.permissions.Role"),
    sa.Column("made_at", Utc, nullable=False),
    sa.Column("changed_at", Utc, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False, comment="a removed account keeps its row, so that names stay told"),
    sa.Column("issuer", sa.String(256), comment="OIDC provider that signs this person in; null: the password here"),
    sa.Column("subject", sa.String(256), comment="who they are there"),
    sa.UniqueConstraint("issuer", "subject", name="uq_accounts_issuer"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column(
        "digest", sa.String(64), primary_key=True, comment="SHA-256 of the cookie: a copy of the table opens none"
    ),
    sa.Column("name", sa.String(64), nullable=False, index=True, comment="account"),
    sa.Column("csrf", sa.String(64), nullable=False, comment="must come with every form"),
    sa.Column("made_at", Utc, nullable=False),
    sa.Column("seen_at", Utc, nullable=False),
)
