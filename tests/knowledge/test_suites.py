"""The suites' verdict on a release, and the process that asks them."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from contracts.errors import ReleaseRefused
from knowledge.settings import SuiteSettings
from knowledge.suites import KEPT, SuiteChoice, Suites, suite_objections, verdict

REQUIRED = SuiteSettings(gate="required")
GOOD = {"any_hit_10": [97, 100], "answered": [90, 100], "unsupported": [0, 80], "abstain": [40, 40]}


def found(**counts: list[int]) -> dict[str, Any]:
    return {"counts": GOOD | counts, "failures": [], "notes": ["n"], "seconds": 3.0, "models": False}


def test_a_release_that_reaches_every_mark_is_not_held_back() -> None:
    report = {"suites": verdict(found(), REQUIRED)}
    assert [one["reached"] for one in report["suites"]["figures"]] == [True] * 4
    assert suite_objections(report, REQUIRED) == []


@pytest.mark.parametrize(
    ("missed", "said"),
    [
        ({"unsupported": [2, 100]}, "2.0% of 100: claims that no document makes; the mark is ≤ 1.0%"),
        ({"abstain": [38, 40]}, "95.0% of 40: unanswerable questions not answered; the mark is ≥ 97.0%"),
    ],
)
def test_a_missed_mark_holds_it_back_where_the_suites_are_required(missed: dict[str, list[int]], said: str) -> None:
    report = {"suites": verdict(found(**missed), REQUIRED)}
    assert suite_objections(report, REQUIRED) == [said]
    assert suite_objections(report, SuiteSettings()) == []


def test_figures_without_cases_are_neither_reached_nor_missed() -> None:
    report = {"suites": verdict(found(abstain=[0, 0]), REQUIRED)}
    assert report["suites"]["figures"][-1]["reached"] is None
    assert suite_objections(report, REQUIRED) == []


@pytest.mark.parametrize("suites", [None, {"state": "running"}, {"state": "failed", "error": "no model"}])
def test_without_a_verdict_nothing_goes_live_where_it_is_required(suites: dict[str, str] | None) -> None:
    (why,) = suite_objections({"suites": suites}, REQUIRED)
    assert "ask them again" in why


def test_of_many_failures_the_first_are_kept_and_all_are_counted() -> None:
    many = found() | {"failures": [{"case": str(at)} for at in range(KEPT + 5)]}
    kept = verdict(many, REQUIRED)
    assert (len(kept["failures"]), kept["failed"]) == (KEPT, KEPT + 5)


def test_a_process_that_dies_is_a_failed_verdict_with_its_last_words() -> None:
    suites, done = Suites(SuiteChoice("knowledge.no_such_module"), REQUIRED), threading.Event()
    kept: list[dict[str, Any]] = []

    def keep(outcome: dict[str, Any]) -> None:
        kept.append(outcome)
        done.set()

    suites.begin(1, {}, models=False, keep=keep)
    assert done.wait(60)
    suites.close()
    assert "No module named" in kept[0]["error"]
    assert verdict(kept[0], REQUIRED)["state"] == "failed"
    assert suites.idle


def test_without_anybody_to_ask_that_is_said() -> None:
    with pytest.raises(ReleaseRefused, match="there are no suites here"):
        Suites(None, REQUIRED).begin(1, {}, models=False, keep=lambda outcome: None)
