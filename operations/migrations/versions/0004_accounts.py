"""Accounts of the pages and their sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from operations.tables import Utc

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", sa.String(64), nullable=False, comment="what a person signs in with"),
        sa.Column("password", sa.String(256), nullable=False, comment="argon2id, with its salt and parameters"),
        sa.Column("roles", sa.JSON, nullable=False, comment="names of console.permissions.Role"),
        sa.Column("made_at", Utc, nullable=False),
        sa.Column("changed_at", Utc, nullable=False),
        sa.Column(
            "active", sa.Boolean, nullable=False, comment="a removed account keeps its row, so that names stay told"
        ),
        sa.PrimaryKeyConstraint("name", name="pk_accounts"),
    )
    op.create_table(
        "sessions",
        sa.Column(
            "digest", sa.String(64), nullable=False, comment="SHA-256 of the cookie: a copy of the table opens none"
        ),
        sa.Column("name", sa.String(64), nullable=False, comment="account"),
        sa.Column("csrf", sa.String(64), nullable=False, comment="must come with every form"),
        sa.Column("made_at", Utc, nullable=False),
        sa.Column("seen_at", Utc, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_sessions"),
    )
    op.create_index("ix_sessions_name", "sessions", ["name"])


def downgrade() -> None:
    op.drop_table("sessions")
    op.drop_table("accounts")
