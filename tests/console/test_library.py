"""Rows of the documents' page, line diffs, groups of questions, and marked passages."""

from __future__ import annotations

from datetime import date

from console.grouping import group
from console.library import chosen, entries, line_diff
from console.questions import highlighted, highlighted_words
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
