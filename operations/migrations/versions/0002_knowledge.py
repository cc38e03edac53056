"""The knowledge base's canonical documents and passages, when it shares the record's database.

The base makes these tables itself where it has a database of its own, or was there first: then nothing is done.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    present = set(sa.inspect(op.get_bind()).get_table_names())
    if "documents" not in present:
        _documents()
    if "passages" not in present:
        _passages()


def downgrade() -> None:
    op.drop_table("passages")
    op.drop_table("documents")


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("document_id", sa.String(32), nullable=False, comment="derived from the source name"),
        sa.Column("source", sa.String(300), nullable=False, comment="name under which it was added"),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False, comment="of the bytes as given"),
        sa.Column("body", sa.Text, nullable=False, comment="canonical text, Markdown without front matter"),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("valid_from", sa.Date),
        sa.Column("valid_to", sa.Date),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("document_id", name="pk_documents"),
        sa.UniqueConstraint("source", name="uq_documents_source"),
    )


def _passages() -> None:
    op.create_table(
        "passages",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True, comment="row of the lexical index"),
        sa.Column("passage_id", sa.String(40), nullable=False, comment="same content, same id"),
        sa.Column("document_id", sa.String(32), nullable=False),
        sa.Column("position", sa.Integer, nullable=False, comment="order within the document"),
        sa.Column("heading", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False, comment="of what is indexed: title, heading and text"),
        sa.UniqueConstraint("passage_id", name="uq_passages_passage_id"),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.document_id"], name="fk_passages_document_id", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_passages_document_id", "passages", ["document_id"])
