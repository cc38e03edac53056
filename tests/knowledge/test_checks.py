"""Contradictions, duplicates, expired and orphaned documents of a whole release; pure."""

from __future__ import annotations

from datetime import date

import pytest

from knowledge.checks import Entry, Finding, check
from knowledge.settings import ReleaseSettings

TODAY = date(2026, 6, 1)


def entry(source: str, text: str, *, title: str = "", heading: str = "", ends: str = "", owner: str = "") -> Entry:
    return Entry("d" + source, source, title or source, heading, text, owner, "", ends)


def found(*entries: Entry, **settings: object) -> list[Finding]:
    return check(entries, ReleaseSettings.model_validate(settings), TODAY)


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        ("A domestic wire costs 25 dollars.", "A domestic wire costs $30.", "money: 25 against 30"),
        ("Savings accounts pay 4 percent a year.", "Savings accounts pay 4.5% a year.", "percent: 4 against 4.5"),
        ("The branch closes at 5 p.m. on Friday.", "On Friday the branch closes at 4:30 pm.",
         "time: 5pm against 4:30pm"),
        ("A replacement card arrives in 5 business days.", "A replacement card arrives in 7 days.",
         "duration: 5 day against 7 day"),
        ("A cashier's check costs $1,200.00 at most.", "A cashier's check costs at most 1,300 dollars.",
         "money: 1200 against 1300"),
    ],
)  # fmt: skip
def test_two_numbers_for_one_thing_are_a_contradiction_with_both_quotes(one: str, other: str, what: str) -> None:
    (finding,) = found(entry("a.md", one), entry("b.md", other))
    assert (finding.kind, finding.what, finding.quotes) == ("contradiction", what, (one, other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A domestic wire costs 25 dollars.", "A domestic wire costs $25.00."),
        ("A domestic wire costs 25 dollars.", "A cashier's check costs 10 dollars."),
        ("A domestic wire costs 25 dollars.", "A domestic wire arrives in 2 days."),
        ("Open 24 hours a day.", "Bring 2 forms of identification."),
    ],
)
def test_equal_numbers_and_other_things_are_none(one: str, other: str) -> None:
    assert found(entry("a.md", one), entry("b.md", other)) == []


def test_two_products_may_differ() -> None:
    texts = "If you have the {} Account, the {} Account fee is {} dollars a month."
    products = [
        entry(f"{name}.md", texts.format(name, name, fee), title=f"{name} Account")
        for name, fee in (("Blue", 5), ("Light Blue", 7))
    ]
    assert found(*products) == []


def test_one_document_and_disjoint_validity_are_no_contradiction() -> None:
    assert found(entry("a.md", "A domestic wire costs 25 dollars."), entry("a.md", "A domestic wire costs $30.")) == []
    past = Entry("d1", "old.md", "Fees", "", "A domestic wire costs 25 dollars.", "", "", "2025-12-31")
    new = Entry("d2", "new.md", "Fees", "", "A domestic wire costs 30 dollars.", "", "2026-01-01", "")
    assert [one.kind for one in found(past, new)] == ["expired"]


def test_duplicates_are_the_same_words_in_two_documents() -> None:
    text = "To order checks, sign in to online banking, choose your account, and follow the steps on the screen."
    (finding,) = found(entry("a.md", text), entry("b.md", text + " Thanks."), entry("c.md", "Yes, we do."),
                       entry("d.md", "Yes, we do."))  # fmt: skip
    assert (finding.kind, finding.sources) == ("duplicate", ("a.md", "b.md"))


def test_expired_expiring_and_orphaned() -> None:
    entries = [
        entry("a.md", "One.", ends="2026-05-31", owner="Maria"),
        entry("b.md", "Two.", ends="2026-06-01"),
        entry("c.md", "Three.", ends="2026-07-01", owner="Bob"),
    ]
    findings = [(one.kind, one.sources[0]) for one in found(*entries, require_owner=True)]
    assert findings == [("expired", "a.md"), ("expiring", "b.md"), ("orphaned", "b.md")]
