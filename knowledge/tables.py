"""The SQL tables of the knowledge base; operations' Alembic includes this ``metadata``.

The FTS5 table beside them (lexical.FTS_TABLE) is an index made by ``lexical.ensure``, not a part of the schema: it can
be dropped at any time and is filled again from ``passages``.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

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
    sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
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
