"""The scorecard as one HTML file, with the failures to read. No script, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from evaluation.contract import Failure
from evaluation.marks import Marks
from evaluation.runner import Ran
from evaluation.scorecard import rows_of

SHOWN_PER_GROUP = 40
"""More failures of one kind than a person reads."""


def page(ran: Sequence[Ran], marks: Marks, about: dict[str, Any]) -> str:
    """The whole page. Texts of the data are strangers' words and are escaped."""
    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rows = rows_of(ran, marks)
    suites = [
        {
            "ran": one,
            "rows": [row for row in rows if row.suite == one.name],
            "notes": one.outcome.notes if one.outcome else (),
            "pictures": _inline(one),
            "groups": grouped(one.outcome.failures) if one.outcome else [],
        }
        for one in ran
    ]
    return environment.get_template("page.html").render(
        suites=suites,
        rows=rows,
        about=about,
        reached=sum(row.reached is True for row in rows),
        missed=sum(row.reached is False for row in rows),
        other=[one for one in ran if one.outcome is None],
    )


def grouped(failures: Sequence[Failure], limit: int = SHOWN_PER_GROUP) -> list[tuple[str, int, list[Failure]]]:
    """(kind, how many, those shown), the largest group first."""
    sizes = Counter(one.note for one in failures)
    return [
        (kind or "failures", size, list(islice((one for one in failures if one.note == kind), limit)))
        for kind, size in sizes.most_common()
    ]


def _inline(one: Ran) -> dict[str, str]:
    pictures = one.outcome.pictures if one.outcome else {}
    return {name: f"data:image/png;base64,{base64.b64encode(png).decode()}" for name, png in pictures.items()}
