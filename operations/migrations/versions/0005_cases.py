"""Who looks after which hand-over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from operations.tables import Utc

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cases",
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("claimed_by", sa.String(64), comment="account; null: nobody's"),
        sa.Column("claimed_at", Utc),
        sa.Column("closed_at", Utc),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_cases"),
    )


def downgrade() -> None:
    op.drop_table("cases")
