"""One suite in a process of its own: what it breaks or eats is lost with it alone.

::

    parent ── order (JSON, stdin) ──► child ── "done of" lines, pipe ──► progress bar
                                        └──── outcome.json in the work folder: figures, or an error in words

Whatever the suite's libraries print goes to the log file that the parent gives as stdout and stderr.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from pydantic import Field

from contracts.errors import CallwrightError
from contracts.settings import Settings
from evaluation.contract import Failure, Occasion, Outcome
from evaluation.suites import suite_at

RESULT = "outcome.json"


class Order(Settings):
    """What the parent asks for. ``spec`` is ``module:Class`` of the suite; the rest is an Occasion."""

    spec: str
    data: Path
    fit: Path | None
    models: Path
    work: Path
    result: Path
    seed: int
    limit: int | None
    progress_fd: int = Field(ge=0)


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """JSON-ready; pictures as base64."""
    return {
        "figures": outcome.figures,
        "counts": {name: list(pair) for name, pair in outcome.counts.items()},
        "failures": [asdict(one) for one in outcome.failures],
        "notes": list(outcome.notes),
        "pictures": {name: base64.b64encode(png).decode() for name, png in outcome.pictures.items()},
    }


def outcome_of(found: dict[str, Any]) -> Outcome:
    """Back from outcome_json."""
    return Outcome(
        figures=found["figures"],
        counts={name: (pair[0], pair[1]) for name, pair in found["counts"].items()},
        failures=[Failure(**one) for one in found["failures"]],
        notes=found["notes"],
        pictures={name: base64.b64decode(png) for name, png in found["pictures"].items()},
    )


def run_order(order: Order, progress: TextIO) -> dict[str, Any]:
    """Run the suite: {"outcome": …}, or {"error": …} for an error that it names."""

    def advance(done: int, of: int) -> None:
        progress.write(f"{done} {of}\n")
        progress.flush()

    occasion = Occasion(order.data, order.fit, order.models, order.work, order.seed, order.limit, advance)
    try:
        return {"outcome": outcome_json(suite_at(order.spec).run(occasion))}
    except CallwrightError as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _plain(value: object) -> object:
    """Figures come as numpy scalars as often as not."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a suite handed back a {type(value).__name__}, which is no JSON value")


def main() -> None:
    """Reads the order from stdin. Any other error than a CallwrightError ends the process with its traceback."""
    order = Order.model_validate_json(sys.stdin.read())
    with os.fdopen(order.progress_fd, "w") as progress:
        found = run_order(order, progress)
    order.result.write_text(json.dumps(found, default=_plain), encoding="utf-8")


if __name__ == "__main__":
    main()
