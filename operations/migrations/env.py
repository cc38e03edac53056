"""Alembic's entry: runs inside the transaction that operations.database.migrate opened."""

from __future__ import annotations

from alembic import context

from operations.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="record_version",
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
