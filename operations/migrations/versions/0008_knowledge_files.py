"""What the folder of the settings gave last, so that a start brings back no file that has not changed since."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "knowledge_files",
        sa.Column("source", sa.String(300), nullable=False, comment="name of the file"),
        sa.Column("sha256", sa.String(64), nullable=False, comment="of its bytes"),
        sa.PrimaryKeyConstraint("source", name="pk_knowledge_files"),
    )


def downgrade() -> None:
    op.drop_table("knowledge_files")
