"""The knowledge base opened in this process, for the command line when no server runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from knowledge.base import KnowledgeBase
from knowledge.engine import open_base
from knowledge.golden import Answers
from knowledge.settings import KnowledgeSettings
from knowledge.suites import SuiteChoice


@contextmanager
def open_local(
    home: Path,
    model_dir: Path,
    settings: KnowledgeSettings,
    answers: Answers | None = None,
    suites: SuiteChoice | None = None,
) -> Iterator[KnowledgeBase]:
    """The open base (an api.KnowledgeAccess) for a ``with`` block.

    Raises ModelFileError without the embedder, KnowledgeError in one line if a server holds the base.
    """
    base = open_base(home, model_dir, settings, answers, suites)
    base.open()
    try:
        yield base
    finally:
        base.close()
