"""Rows of the documents' page, line diffs, groups of questions, and marked passages."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from console.grouping import by_meaning, group
from console.library import Library, chosen, entries, line_diff
from console.questions import Questions, highlighted, highlighted_words
from console.settings import ConsoleSettings
from contracts.engines import DocumentInfo

TODAY = date(2026, 3, 1)


def info(source: str, version: str = "v1", **known: str) -> DocumentInfo:
    return DocumentInfo(f"d-{source}", source, source.title(), "", 1, "2026-01-01", version_id=version, **known)  # type: ignore[arg-type]


def test_a_documents_state_is_what_it_is_to_callers() -> None:
    draft = [info("a"), info("b", "v2"), info("c")]
    live = [info("a"), info("b"), info("d")]
    found = entries(draft, live, [info("e")], TODAY)
    assert [(one.info.source, one.state) for one in found] == [
        ("a", "live"),
        ("b", "changed"),
        ("c", "new"),
        ("d", "removed"),
        ("e", "held"),
    ]


def test_validity_looks_at_the_day_itself_as_valid() -> None:
    last = [info("a", valid_to="2026-03-01"), info("b", valid_to="2026-02-28"), info("c", valid_from="2026-03-02")]
    assert [one.validity for one in entries([*last, info("d")], [], [], TODAY)] == [
        "expiring",
        "expired",
        "not yet",
        "valid",
    ]


def test_the_filter_takes_all_words_and_sorts_both_ways() -> None:
    found = entries([info("b fee"), info("a fee"), info("hours")], [], [], TODAY)
    assert [one.info.source for one in chosen(found, "fee", "", "", "source")] == ["a fee", "b fee"]
    assert [one.info.source for one in chosen(found, "FEE", "new", "valid", "-source")] == ["b fee", "a fee"]
    assert chosen(found, "", "", "", "nonsense")


def test_a_line_diff_leaves_out_what_is_far_away() -> None:
    before = "\n".join(f"line {number}" for number in range(20))
    shown = list(line_diff(before, before.replace("line 10", "line ten")))
    assert ("minus", "line 10") in shown
    assert ("plus", "line ten") in shown
    assert ("same", "line 9") in shown
    assert ("same", "line 2") not in shown
    assert list(line_diff("a", "a")) == []


def test_questions_in_other_words_come_together_and_others_do_not() -> None:
    asked = [
        "Do you exchange foreign currency?",
        "what is the weather like",
        "can I exchange foreign currencies at a branch",
        "um",
        "exchanging foreign currency, is that possible",
    ]
    assert group(asked) == [[0, 2, 4], [1]]


def test_marks_never_let_a_document_write_html() -> None:
    text = "<script>x</script> A wire costs 25 dollars & more."
    marked = highlighted(text, ["A wire costs 25 dollars & more."])
    assert marked == "&lt;script&gt;x&lt;/script&gt; <mark>A wire costs 25 dollars &amp; more.</mark>"
    assert "<script>" not in highlighted_words(text, ["wires", "script"])


def test_questions_of_like_meaning_are_one_group_and_the_largest_comes_first() -> None:
    random = np.random.default_rng(1)
    centres = np.linalg.qr(random.normal(size=(32, 3)))[0].T
    wanted = [1, 0, 2, 0, 1, 0, 0]
    made = np.stack([centres[at] + 0.05 * random.normal(size=32) for at in wanted]).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    assert by_meaning(made, 0.55) == [[1, 3, 5, 6], [0, 4], [2]]
    assert by_meaning(made, 1.0) == [[at] for at in range(7)]
    assert by_meaning(made[:0], 0.55) == []


def test_average_linkage_does_not_chain_through_what_lies_between() -> None:
    """Neighbours 40 degrees apart are alike (cosine 0.77); the first and the last of four are not."""
    angles = np.radians([0, 40, 80, 120])
    made = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert sorted(by_meaning(made, 0.6)) == [[0, 1], [2, 3]]


def test_joined_groups_are_those_that_joining_the_nearest_pair_each_time_gives() -> None:
    random = np.random.default_rng(2)
    made = random.normal(size=(40, 4)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    slow = [[at] for at in range(40)]
    while True:
        pairs = [(float((made[a] @ made[b].T).mean()), a, b) for a in slow for b in slow if a < b]
        best = max(pairs, default=(-1.0, [], []))
        if best[0] < 0.5:
            break
        slow = [one for one in slow if one not in best[1:]] + [best[1] + best[2]]
    assert sorted(map(sorted, slow)) == sorted(by_meaning(made, 0.5))


def test_without_the_knowledge_base_there_are_no_meanings(tmp_path: Path) -> None:
    silent = tmp_path / "nobody.sock"
    pages = Questions(None, Library(silent), ConsoleSettings(), sa.create_engine("sqlite://"), silent)  # type: ignore[arg-type]
    assert asyncio.run(pages._meanings(["Do you exchange euros?"])) is None
