"""The suites over a release, as a process: ``main``, run by knowledge/suites.py.

Standard input: an Order as JSON. Standard output: ``{"done": n, "of": n}`` as it goes on, then ``{"outcome": …}`` or
``{"error": words}``. It steps back behind everything that calls wait for, and ends with whoever started it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from contracts.configfile import load_yaml
from contracts.errors import CallwrightError
from contracts.settings import Settings
from dialog.settings import CascadeFile
from evaluation.asking import Models, WithoutModels
from evaluation.release import ask, questions_of
from knowledge.apart import ReleaseSearch, documents_of
from knowledge.background import die_with, step_back
from knowledge.database import open_engine
from knowledge.golden import load_golden
from knowledge.settings import KnowledgeSettings
from knowledge.snapshot import Snapshot
from workers.engines.embedder import Embedder

NICENESS = 10
"""Behind the publishing, too."""
_EVERY = 5
"""Progress is told after so many questions."""


class Order(Settings):
    """Given by the operator: embedder's folder, thresholds, files of its language models by rung, and who answers; the
    rest names the release."""

    embedder: Path
    cascade: Path
    language_models: dict[str, Path]
    name: str
    url: str
    settings: KnowledgeSettings
    release: int
    digest: str
    file: Path
    golden: Path | None
    models: bool
    questions: int
    seed: int
    parent: int


def run(order: Order) -> dict[str, Any]:
    """Ask everything. Raises CallwrightError."""
    engine = open_engine(order.url, Path("/"))
    documents = documents_of(engine, order.release)
    engine.dispose()
    golden = load_golden(order.golden) if order.golden is not None else ()
    never = [one.ask for one in golden if one.document is None and not one.context]
    questions = questions_of(documents, never, order.questions, order.seed)
    snapshot = Snapshot(order.file, order.release, order.digest, order.settings.search.names)
    hidden = {one.document_id for one in documents if one.source in questions.gone}
    search = ReleaseSearch(snapshot, Embedder(order.embedder), order.settings, hidden)
    thresholds = load_yaml(order.cascade, CascadeFile)
    with tempfile.TemporaryDirectory(prefix="callwright-release-") as work:
        if order.models:
            models: Models | WithoutModels = Models(Path(work), Path(work), order.language_models, order.name)
        else:
            models = WithoutModels()
        return asyncio.run(ask(questions, documents, search, thresholds, models, advance))


def advance(done: int, of: int) -> None:
    """Tell the parent."""
    if done % _EVERY == 0 or done == of:
        _say({"done": done, "of": of})


def _say(body: dict[str, Any]) -> None:
    print(json.dumps(body), flush=True)


def main() -> None:
    """See above. Any other error than a CallwrightError ends the process with its traceback."""
    order = Order.model_validate_json(sys.stdin.read())
    die_with(order.parent)
    step_back(NICENESS)
    try:
        _say({"outcome": run(order)})
    except CallwrightError as error:
        _say({"error": str(error)})


if __name__ == "__main__":
    main()
