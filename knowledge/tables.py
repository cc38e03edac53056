"""The SQL tables of the knowledge base; operations' Alembic includes this ``metadata``.

::

    draft ──version──► versions ──► version_passages ──► texts ──sha256──► embeddings
      └─held─────────►    ▲
    releases ──► release_versions                changes: who did what; its last publication is the live release

Versions, texts, embeddings and releases are written once and never changed, so that whatever points at them can be
believed. ``documents`` and ``passages`` are what this room had before there were releases; ``legacy`` reads them.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


versions = sa.Table(
    "knowledge_versions",
    metadata,
    sa.Column("version_id", sa.String(40), primary_key=True, comment="derived from the content: same content, same id"),
    sa.Column("document_id", sa.String(32), nullable=False, index=True, comment="derived from the source name"),
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
    _moment("added_at"),
    sa.Column("added_by", sa.String(120), nullable=False),
)

texts = sa.Table(
    "knowledge_texts",
    metadata,
    sa.Column("passage_id", sa.String(40), primary_key=True, comment="same document and content, same id"),
    sa.Column("document_id", sa.String(32), nullable=False, index=True),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("heading", sa.Text, nullable=False, comment="heading path"),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False, index=True, comment="of what the embedder reads"),
)

version_passages = sa.Table(
    "knowledge_version_passages",
    metadata,
    sa.Column("version_id", sa.String(40), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False, comment="order within the document"),
    sa.Column("passage_id", sa.String(40), nullable=False, index=True),
)

embeddings = sa.Table(
    "knowledge_embeddings",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True, comment="of what was embedded"),
    sa.Column("fingerprint", sa.String(80), primary_key=True, comment="model, and how texts are put together"),
    sa.Column("vector", sa.LargeBinary, nullable=False, comment="little-endian float16, length 1"),
)

draft = sa.Table(
    "knowledge_draft",
    metadata,
    sa.Column("document_id", sa.String(32), primary_key=True),
    sa.Column("source", sa.String(400), nullable=False, unique=True),
    sa.Column("container", sa.String(300), nullable=False, index=True),
    sa.Column("version_id", sa.String(40), comment="what the next release will hold"),
    sa.Column("held_version_id", sa.String(40), comment="quarantined: waits for a person"),
)

releases = sa.Table(
    "knowledge_releases",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("digest", sa.String(64), nullable=False, comment="of the versions in it"),
    sa.Column("passages", sa.Integer, nullable=False, comment="how many"),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("report", sa.JSON, nullable=False, comment="checks, evaluation, answers that would change"),
    _moment("proposed_at"),
    sa.Column("proposed_by", sa.String(120), nullable=False),
    _moment("approved_at", nullable=True),
    sa.Column("approved_by", sa.String(120)),
    sqlite_autoincrement=True,
)

release_versions = sa.Table(
    "knowledge_release_versions",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version_id", sa.String(40), primary_key=True),
)

changes = sa.Table(
    "knowledge_changes",
    metadata,
    sa.Column("change", sa.Integer, primary_key=True, autoincrement=True),
    _moment("at"),
    sa.Column("by", sa.String(120), nullable=False),
    sa.Column("action", sa.String(16), nullable=False, comment="add, remove, accept, … publish, rollback"),
    sa.Column("release", sa.Integer, comment="the live one from now on, for publish and rollback"),
    sa.Column("what", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)

files = sa.Table(
    "knowledge_files",
    metadata,
    sa.Column("source", sa.String(300), primary_key=True, comment="name of the file"),
    sa.Column("sha256", sa.String(64), nullable=False, comment="of its bytes"),
)
"""What was taken in ``once`` each: the folder of the settings is read at every start, and what people have changed
since must not be undone by it."""

documents = sa.Table(
    "documents",
    metadata,
    sa.Column("document_id", sa.String(32), primary_key=True, comment="derived from the source name"),
    sa.Column("source", sa.String(300), nullable=False, unique=True, comment="name under which it was added"),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False, comment="of the bytes as given"),
    sa.Column("body", sa.Text, nullable=False, comment="canonical text, Markdown without front matter"),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("valid_from", sa.Date),
    sa.Column("valid_to", sa.Date),
    _moment("added_at"),
)

passages = sa.Table(
    "passages",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True, comment="row of the lexical index"),
    sa.Column("passage_id", sa.String(40), nullable=False, unique=True, comment="same content, same id"),
    sa.Column(
        "document_id",
        sa.String(32),
        sa.ForeignKey("documents.document_id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("position", sa.Integer, nullable=False, comment="order within the document"),
    sa.Column("heading", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False, comment="of what is indexed: title, heading and text"),
    sqlite_autoincrement=True,
)
