"""The first schema of the record: events, calls, turns, escalations, handoffs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from operations.tables import Utc

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _events()
    _calls()
    _turns()
    _escalations()
    _handoffs()


def downgrade() -> None:
    for table in ("handoffs", "escalations", "turns", "calls", "events"):
        op.drop_table(table)


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("log", sa.String(64), nullable=False, comment="name of the hash chain"),
        sa.Column("seq", sa.BigInteger, nullable=False, autoincrement=False, comment="1, 2, 3 … without gaps"),
        sa.Column("event_id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("at", Utc, nullable=False),
        sa.Column("body", sa.JSON(none_as_null=True), comment="null once erased"),
        sa.Column("salt", sa.String(32), comment="null once erased, so that the digest tells nothing"),
        sa.Column("body_sha256", sa.String(64), nullable=False, comment="of salt and canonical body"),
        sa.Column("prev_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("log", "seq", name="pk_events"),
        sa.UniqueConstraint("event_id", name="uq_events_event_id"),
    )
    op.create_index("ix_events_call_id", "events", ["call_id"])


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("external_id", sa.String(256), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("caller", sa.String(256), nullable=False),
        sa.Column("called", sa.String(256), nullable=False),
        sa.Column("codec", sa.String(32), nullable=False),
        sa.Column("config_digest", sa.String(64), nullable=False),
        sa.Column("started_at", Utc, nullable=False),
        sa.Column("ended_at", Utc),
        sa.Column("duration_s", sa.Float),
        sa.Column("end_reason", sa.String(32), nullable=False, comment="empty while the call is up"),
        sa.Column("end_detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_calls"),
    )
    op.create_index("ix_calls_external_id", "calls", ["external_id"])
    op.create_index("ix_calls_started_at", "calls", ["started_at"])


def _turns() -> None:
    op.create_table(
        "turns",
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("turn", sa.Integer, nullable=False, autoincrement=False),
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
        sa.PrimaryKeyConstraint("call_id", "turn", name="pk_turns"),
    )


def _escalations() -> None:
    op.create_table(
        "escalations",
        sa.Column("escalation_id", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("raised_at", Utc, nullable=False),
        sa.Column("rule_id", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("target", sa.String(256), nullable=False),
        sa.Column("ok", sa.Boolean, comment="null until the transfer ended"),
        sa.Column("status", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("escalation_id", name="pk_escalations"),
    )
    op.create_index("ix_escalations_call_id", "escalations", ["call_id"])


def _handoffs() -> None:
    op.create_table(
        "handoffs",
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("external_id", sa.String(256), nullable=False),
        sa.Column("asked_at", Utc, nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("record", sa.JSON, nullable=False, comment="contracts.handoff.HandoffRecord"),
        sa.PrimaryKeyConstraint("call_id", name="pk_handoffs"),
    )
    op.create_index("ix_handoffs_external_id", "handoffs", ["external_id"])
    op.create_index("ix_handoffs_asked_at", "handoffs", ["asked_at"])
