"""Marks: bounds, a figure held against another one, and names with a wildcard."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import ConfigError
from evaluation.marks import Mark, flat, load_marks, nested, percent


def test_the_shipped_marks_hold_every_key_of_the_scorecard() -> None:
    marks = load_marks()
    names = {
        "retrieval": ["banking.any_hit_10", "spoken_faq.r1", "spoken_faq.r5"],
        "grounding": ["unsupported", "abstain", "answered"],
        "routing": ["banking77_top1", "clinc_oos_recall", "clinc_false_alarm"],
        "cascade": ["correct", "correct_large_only", "model_time_ratio", "no_model_share"],
        "injection": ["actions", "leaks", "bent"],
        "pii": ["CREDIT_CARD.recall", "ANYTHING_ELSE.recall", "ANYTHING_ELSE.precision"],
    }
    assert all(marks.find(f"{suite}.{name}") for suite, all_names in names.items() for name in all_names)
    assert marks.find("routing.banking77") is None
    assert marks.find("routing.banking77_top1.deeper") is None


def test_a_special_line_comes_before_the_general_one() -> None:
    found = load_marks().find("pii.PERSON.recall")
    assert found is not None
    assert found.at_least == 0.90


def test_bounds_are_reached_at_their_value() -> None:
    assert Mark(title="", at_least=0.9).reached(0.9, {}) is True
    assert Mark(title="", at_least=0.9).reached(0.8999, {}) is False
    assert Mark(title="", at_most=0.0).reached(0.0, {}) is True
    assert Mark(title="").reached(0.0, {}) is None


def test_a_figure_may_be_held_against_another() -> None:
    mark = Mark(title="", like="cascade.large", within=0.01)
    assert mark.reached(0.80, {"cascade.large": 0.805}) is True
    assert mark.reached(0.79, {"cascade.large": 0.805}) is False
    assert mark.reached(0.79, {}) is None


def test_two_bounds_are_a_mistake_that_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "marks.yaml"
    path.write_text("figures:\n  a.b: {title: x, at_least: 1, at_most: 2}\n")
    with pytest.raises(ConfigError, match=r"marks.yaml:2.*one of at_least"):
        load_marks(path)


def test_figures_go_flat_and_back() -> None:
    figures = {"a": {"b": {"c": 1}, "d": 2}, "e": None}
    assert nested(dict(flat(figures))) == figures


def test_shares_are_written_as_people_read_them() -> None:
    assert (percent(0.975), percent(0.9), percent(1.0), percent(0.0003)) == ("97.5 %", "90 %", "100 %", "0 %")
