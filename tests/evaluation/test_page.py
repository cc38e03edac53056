"""The page: figures, pictures and failures in one file that loads nothing."""

from __future__ import annotations

import base64

from evaluation.contract import Failure, Outcome
from evaluation.marks import load_marks
from evaluation.page import SHOWN_PER_GROUP, grouped, page
from evaluation.runner import Ran, State

ABOUT = {
    "when": "2026-01-01T00:00:00+00:00",
    "data": "/data",
    "fit": None,
    "seed": 1,
    "limit": None,
    "files": {"a.csv": "sha256:00"},
    "machine": {"commit": "abc", "uncommitted_changes": False, "cpu": "some", "cores": 2},
}


def _ran() -> list[Ran]:
    failures = [Failure(f"f{n}", "<script>bad()</script>", "a&b", "c", "wrong") for n in range(60)]
    failures.append(Failure("g", "other", "a", "b", "rare"))
    outcome = Outcome(
        {"banking77_top1": 0.91, "clinc_oos_recall": 0.5, "clinc_false_alarm": None},
        {"banking77_top1": (91, 100)},
        failures,
        ["how it was measured"],
        {"curve": b"png"},
    )
    return [
        Ran("routing", State.DONE, outcome=outcome, seconds=3, title="Routing"),
        Ran("pii", State.FAILED, "ConfigError: <no> file"),
    ]


def test_the_page_holds_figures_marks_pictures_and_what_failed() -> None:
    text = page(_ran(), load_marks(), ABOUT)
    assert "1 of 2 marks reached" in text
    assert "83.8–95.2 %, n = 100" in text
    assert "how it was measured" in text
    assert f"data:image/png;base64,{base64.b64encode(b'png').decode()}" in text
    assert "ConfigError: &lt;no&gt; file" in text


def test_words_of_the_data_cannot_become_markup_and_nothing_is_loaded() -> None:
    text = page(_ran(), load_marks(), ABOUT)
    assert "<script" not in text
    assert "&lt;script&gt;bad()" in text
    assert "http://" not in text
    assert "https://" not in text


def test_failures_are_grouped_largest_first_and_limited() -> None:
    groups = grouped(_ran()[0].outcome.failures)  # type: ignore[union-attr]
    assert [(kind, size, len(shown)) for kind, size, shown in groups] == [
        ("wrong", 60, SHOWN_PER_GROUP),
        ("rare", 1, 1),
    ]
