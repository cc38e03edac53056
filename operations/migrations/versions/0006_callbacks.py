"""Promises to call somebody back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from operations.tables import Utc

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "callbacks",
        sa.Column("ticket", sa.String(32), nullable=False),
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("caller", sa.String(256), nullable=False, comment="number or SIP address to call"),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("wanted_at", Utc, nullable=False),
        sa.Column("expires_at", Utc, nullable=False),
        sa.Column("claimed_by", sa.String(64), comment="account; null: nobody's"),
        sa.Column("claimed_at", Utc),
        sa.Column("closed_at", Utc),
        sa.Column("closed_by", sa.String(64)),
        sa.Column("outcome", sa.String(32)),
        sa.Column("note", sa.Text),
        sa.PrimaryKeyConstraint("ticket", name="pk_callbacks"),
    )
    op.create_index("ix_callbacks_call_id", "callbacks", ["call_id"])
    op.create_index("ix_callbacks_wanted_at", "callbacks", ["wanted_at"])


def downgrade() -> None:
    op.drop_table("callbacks")
