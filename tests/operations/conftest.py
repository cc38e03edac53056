"""An empty record on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from operations.database import migrate, open_database


@pytest.fixture
def record(tmp_path: Path, database_url: str) -> Iterator[sa.Engine]:
    """An empty, migrated record."""
    engine = open_database(database_url, tmp_path)
    migrate(engine)
    yield engine
    engine.dispose()
