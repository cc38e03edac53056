"""Suites end in many ways; one's end never costs another's figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import ConfigError
from evaluation.marks import load_marks
from evaluation.runner import Ran, Request, State, run_suites
from evaluation.scorecard import as_json, rows_of

KIT = "tests.evaluation.kit"
SUITES = {
    "grounding": f"{KIT}:Refuses",
    "cascade": f"{KIT}:Stumbles",
    "injection": f"{KIT}:Dies",
    "safety": "evaluation.nowhere:Suite",
    "pii": f"{KIT}:Missing",
    "routing": f"{KIT}:Routing",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "a_1.txt").write_text("one\ntwo\nthree\nfour\n")
    return tmp_path


def _run(data: Path, *names: str, limit: int | None = None) -> dict[str, Ran]:
    return {one.name: one for one in run_suites(names, SUITES, Request(data, None, data, 7, limit))}


def test_a_suite_that_fails_dies_or_is_absent_is_named_and_the_others_keep_their_figures(data: Path) -> None:
    ran = _run(data, *SUITES)
    assert ran["grounding"].state is State.FAILED
    assert ran["grounding"].why == "ConfigError: this file has no questions; give another"
    assert "ZeroDivisionError" in ran["cascade"].why
    assert "ended with 11" in ran["injection"].why
    assert ran["safety"].state is State.ABSENT
    assert "evaluation.nowhere" in ran["safety"].why
    assert ran["pii"].state is State.ABSENT
    assert ran["routing"].state is State.DONE
    assert ran["routing"].outcome is not None
    assert ran["routing"].outcome.figures["banking77_top1"] == 0.5


def test_a_suite_without_its_files_is_left_out_and_the_files_are_named(tmp_path: Path) -> None:
    ran = _run(tmp_path, "routing")["routing"]
    assert ran.state is State.LEFT_OUT
    assert "lines/a_*.txt or lines/b.txt" in ran.why


def test_the_second_of_two_layouts_suffices(tmp_path: Path) -> None:
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "b.txt").write_text("one\n")
    assert _run(tmp_path, "routing")["routing"].state is State.DONE


def test_seed_and_limit_reach_the_suite_and_progress_comes_back(data: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    request = Request(data, None, data, 7, 3)
    [ran] = run_suites(["routing"], SUITES, request, lambda name, done, of: seen.append((name, done, of)))
    assert seen == [("routing", n, 4) for n in (1, 2, 3, 4)]
    assert ran.outcome is not None
    assert list(ran.outcome.notes) == ["seed 7, limit 3"]


def test_a_folder_that_is_not_there_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        run_suites(["routing"], SUITES, Request(tmp_path / "none", None, tmp_path))


def test_the_json_holds_known_figures_at_the_top_and_the_rest_under_about(data: Path) -> None:
    ran = list(_run(data, "grounding", "routing").values())
    card = as_json(ran, load_marks(), {"seed": 7})
    assert set(card) == {"routing", "about"}
    assert card["routing"] == {"banking77_top1": 0.5, "clinc_oos_recall": 1.0}
    about = card["about"]
    assert about["seed"] == 7
    assert about["more"] == {"routing.unasked.deep": 3}
    assert about["missed"] == ["routing.banking77_top1"]
    assert about["intervals"]["routing.banking77_top1"]["n"] == 4
    assert about["not_run"] == {"grounding": "failed: ConfigError: this file has no questions; give another"}


def test_a_row_has_its_interval_and_whether_the_mark_is_reached(data: Path) -> None:
    low, high = rows_of(list(_run(data, "routing").values()), load_marks())
    assert (low.reached, high.reached) == (False, True)
    assert low.interval is not None
    assert low.interval[0] < 0.5 < low.interval[1]
    assert high.interval is None
