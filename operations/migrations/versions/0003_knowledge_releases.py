"""Versions, draft and releases of the knowledge base, when it shares the record's database.

The base makes these tables itself where it has a database of its own, or was there first: then nothing is done. The
tables of 0002 stay: the base reads its old documents from them once.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = (
    "knowledge_versions",
    "knowledge_texts",
    "knowledge_version_passages",
    "knowledge_embeddings",
    "knowledge_draft",
    "knowledge_releases",
    "knowledge_release_versions",
    "knowledge_changes",
)


def upgrade() -> None:
    present = set(sa.inspect(op.get_bind()).get_table_names())
    for name, make in zip(
        TABLES,
        (_versions, _texts, _version_passages, _embeddings, _draft, _releases, _release_versions, _changes),
        strict=True,
    ):
        if name not in present:
            make()


def downgrade() -> None:
    for name in reversed(TABLES):
        op.drop_table(name)


def _versions() -> None:
    op.create_table(
        "knowledge_versions",
        sa.Column(
            "version_id", sa.String(40), nullable=False, comment="derived from the content: same content, same id"
        ),
        sa.Column("document_id", sa.String(32), nullable=False, comment="derived from the source name"),
        sa.Column("source", sa.String(400), nullable=False, comment="name in the base"),
        sa.Column("container", sa.String(300), nullable=False, comment="the file it came in"),
        sa.Column("format", sa.String(16), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False, comment="of content and metadata"),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("body", sa.Text, nullable=False, comment="canonical text, Markdown without front matter"),
        sa.Column("answers", sa.Boolean, nullable=False, comment="each section answers a question of its own"),
        sa.Column("owner", sa.String(120), nullable=False),
        sa.Column("approver", sa.String(120), nullable=False),
        sa.Column("language", sa.String(20), nullable=False),
        sa.Column("jurisdiction", sa.JSON, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("valid_from", sa.Date),
        sa.Column("valid_to", sa.Date),
        sa.Column("notices", sa.JSON, nullable=False, comment="what a person should look at"),
        sa.Column("suspicions", sa.JSON, nullable=False, comment="hidden instructions, quoted"),
        sa.Column("passages", sa.Integer, nullable=False, comment="how many"),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("version_id", name="pk_knowledge_versions"),
    )
    op.create_index("ix_knowledge_versions_document_id", "knowledge_versions", ["document_id"])


def _texts() -> None:
    op.create_table(
        "knowledge_texts",
        sa.Column("passage_id", sa.String(40), nullable=False, comment="same document and content, same id"),
        sa.Column("document_id", sa.String(32), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("heading", sa.Text, nullable=False, comment="heading path"),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False, comment="of what the embedder reads"),
        sa.PrimaryKeyConstraint("passage_id", name="pk_knowledge_texts"),
    )
    op.create_index("ix_knowledge_texts_document_id", "knowledge_texts", ["document_id"])
    op.create_index("ix_knowledge_texts_sha256", "knowledge_texts", ["sha256"])


def _version_passages() -> None:
    op.create_table(
        "knowledge_version_passages",
        sa.Column("version_id", sa.String(40), nullable=False),
        sa.Column("position", sa.Integer, autoincrement=False, nullable=False, comment="order within the document"),
        sa.Column("passage_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("version_id", "position", name="pk_knowledge_version_passages"),
    )
    op.create_index("ix_knowledge_version_passages_passage_id", "knowledge_version_passages", ["passage_id"])


def _embeddings() -> None:
    op.create_table(
        "knowledge_embeddings",
        sa.Column("sha256", sa.String(64), nullable=False, comment="of what was embedded"),
        sa.Column("fingerprint", sa.String(80), nullable=False, comment="model, and how texts are put together"),
        sa.Column("vector", sa.LargeBinary, nullable=False, comment="little-endian float16, length 1"),
        sa.PrimaryKeyConstraint("sha256", "fingerprint", name="pk_knowledge_embeddings"),
    )


def _draft() -> None:
    op.create_table(
        "knowledge_draft",
        sa.Column("document_id", sa.String(32), nullable=False),
        sa.Column("source", sa.String(400), nullable=False),
        sa.Column("container", sa.String(300), nullable=False),
        sa.Column("version_id", sa.String(40), comment="what the next release will hold"),
        sa.Column("held_version_id", sa.String(40), comment="quarantined: waits for a person"),
        sa.PrimaryKeyConstraint("document_id", name="pk_knowledge_draft"),
        sa.UniqueConstraint("source", name="uq_knowledge_draft_source"),
    )
    op.create_index("ix_knowledge_draft_container", "knowledge_draft", ["container"])


def _releases() -> None:
    op.create_table(
        "knowledge_releases",
        sa.Column("number", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, comment="of the versions in it"),
        sa.Column("passages", sa.Integer, nullable=False, comment="how many"),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("report", sa.JSON, nullable=False, comment="checks, evaluation, answers that would change"),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by", sa.String(120), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True)),
        sa.Column("approved_by", sa.String(120)),
        sa.PrimaryKeyConstraint("number", name="pk_knowledge_releases"),
        sqlite_autoincrement=True,
    )


def _release_versions() -> None:
    op.create_table(
        "knowledge_release_versions",
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("version_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("number", "version_id", name="pk_knowledge_release_versions"),
    )


def _changes() -> None:
    op.create_table(
        "knowledge_changes",
        sa.Column("change", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(120), nullable=False),
        sa.Column("action", sa.String(16), nullable=False, comment="add, remove, accept, … publish, rollback"),
        sa.Column("release", sa.Integer, comment="the live one from now on, for publish and rollback"),
        sa.Column("what", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("change", name="pk_knowledge_changes"),
        sqlite_autoincrement=True,
    )
