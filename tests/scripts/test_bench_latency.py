"""What the latency benchmark makes of a call: each line accounted for, silence measured, rungs forced, runs kept."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from contracts.configfile import load_yaml
from contracts.engines import Evidence, Passage
from contracts.errors import ConfigError
from dialog.gate import GroundingGate
from dialog.router import Route, Router
from dialog.settings import CascadeFile
from scripts.bench_latency import numbers, read, rungs
from scripts.latency_calls import Run, Switch
from scripts.latency_charts import draw
from scripts.latency_questions import DECLINED, SETS, forced_cascade, offsets, shuffled
from scripts.latency_report import against_marks, figures, merged_runs, rung_rows, show
from scripts.latency_turns import ANSWERED, AnswerWatch, Turn, count_calls_up, longest_silence, turns_of
from server.caller import CallResult
from server.settings import ROOT
from telephony.robot import CallerRobot, Line, Manners, Spoken

OFFSET = 1_700_000_000.0
"""Wall clock minus monotonic clock of these calls."""
CASCADE = ROOT / "configs" / "cascade.yaml"


def event(kind: str, at: float, **body: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "call_id": "c",
        "turn": 1,
        "at": datetime.fromtimestamp(at + OFFSET, UTC).isoformat(),
        "body": body,
    }


def measured(ended: float, answer_at: float, *, filler_at: float = 0.0, rung: str = "small") -> dict[str, Any]:
    """A TURN_MEASURED event whose VAD took ``ended`` for the end of speech and whose endpoint came 0.3 s later."""
    stages = {"endpoint": [0.0, 0.3], "first_audio": [0.3, round(answer_at - ended, 3)]}
    return event(
        "turn.measured", answer_at, rung=rung, stages=stages, speech_ended_at=ended, endpoint_at=ended + 0.3,
        answer_at=answer_at, filler_at=filler_at, ahead="evidence",
    )  # fmt: skip


def operator(at: float, text: str = "Yes.", why: str = "", interrupted: bool = False) -> dict[str, Any]:
    return event("turn.operator", at, text=text, why=why, interrupted=interrupted)


def called(*spoken: Spoken, sounds: list[tuple[float, float]] | None = None, closed_at: float = 100.0) -> CallResult:
    return CallResult(0.0, list(spoken), ended="by this caller", sounds=sounds or [], closed_at=closed_at)


def one(spoken: Spoken, *events: dict[str, Any], sounds: list[tuple[float, float]] | None = None) -> Turn:
    (turn,) = turns_of([spoken.label], called(spoken, sounds=sounds), events, OFFSET)
    return turn


def test_each_line_gets_the_answer_that_followed_it() -> None:
    spoken = (Spoken("one", 1.0, true_end_at=3.0), Spoken("two", 10.0, true_end_at=12.0))
    events = [measured(3.05, 3.6, rung="extractive"), measured(11.9, 13.0)]
    first, second = turns_of(["one", "two"], called(*spoken), events, OFFSET)
    assert (first.outcome, first.rung, first.latency_s) == (ANSWERED, "extractive", 0.6)
    assert (second.outcome, second.rung, second.latency_s) == (ANSWERED, "small", 1.0)
    assert first.stages["endpoint"] == pytest.approx(0.35)  # counted from the truth, not from what the VAD thought
    assert second.stages["endpoint"] == pytest.approx(0.2)


def test_lines_never_said_are_accounted_for() -> None:
    result = called(Spoken("one", 1.0, true_end_at=3.0), Spoken("two", 10.0))
    turns = turns_of(["one", "two", "three"], result, [measured(3.0, 3.5)], OFFSET)
    assert [turn.outcome for turn in turns] == [
        ANSWERED,
        "the call was ended by this caller while it was said",
        "not said: the call was ended by this caller",
    ]


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([], "not heard as a turn"),
        ([event("turn.caller", 3.5)], "heard, and not answered"),
        ([event("turn.caller", 3.5), operator(4.0, "Are you there?")], "no answer, but: Are you there?"),
        ([event("turn.caller", 3.5), operator(4.0, why="withdrawn")], "its answer was withdrawn"),
        ([operator(4.0), event("escalation.raised", 3.5, rule_id="zero")], "handed to a person: rule zero"),
        ([event("trouble", 3.5, what="session"), operator(4.0)], "trouble: session"),
        ([measured(1.5, 2.5)], "answered before its true end"),
    ],
)
def test_a_line_without_an_answer_says_why(events: list[dict[str, Any]], outcome: str) -> None:
    assert one(Spoken("one", 1.0, true_end_at=3.0), *events).outcome == outcome


def test_a_turn_taken_for_ended_too_early_is_a_cut_in_even_if_nothing_was_said() -> None:
    turn = one(
        Spoken("one", 1.0, true_end_at=3.0),
        event("turn.caller", 2.1),
        event("turn.caller", 3.4, continues=True),
        measured(3.0, 3.6),
    )
    assert turn.answered
    assert (turn.cut_in, turn.ended_early, turn.spoke_over, turn.merged) == (True, True, False, True)


def test_a_turn_heard_to_its_end_is_none() -> None:
    turn = one(Spoken("one", 1.0, true_end_at=3.0), event("turn.caller", 3.4), measured(2.9, 3.6))
    assert (turn.cut_in, turn.merged) == (False, False)


def test_speaking_over_the_caller_is_a_cut_in_and_its_sound_is_no_reply() -> None:
    turn = one(Spoken("one", 1.0, true_end_at=3.0, reply_at=3.02, cut_in=True), measured(3.0, 3.6))
    assert turn.cut_in
    assert turn.heard_s is None


@pytest.mark.parametrize(("filler_at", "filler_s"), [(3.5, 0.5), (0.0, None), (2.5, None), (5.2, None)])
def test_a_filler_counts_when_heard_between_the_question_and_its_answer(
    filler_at: float, filler_s: float | None
) -> None:
    turn = one(Spoken("one", 1.0, true_end_at=3.0), measured(3.0, 5.0, filler_at=filler_at))
    assert turn.filler_s == filler_s
    assert turn.latency_s == 2.0


@pytest.mark.parametrize(
    ("sounds", "longest"),
    [
        ([(3.5, 5.0)], 0.5),  # only the wait
        ([(3.5, 4.0), (6.5, 7.0)], 2.5),  # a gap inside the answer
        ([(3.5, 4.0), (11.0, 12.0)], 0.5),  # what comes after the next line is not this one's
        ([(2.0, 3.4), (3.9, 5.0)], 0.5),  # the operator was speaking as the line ended
        ([(1.0, 2.0)], 7.0),  # nothing was heard: all the time until the next line
        ([], 7.0),
    ],
)
def test_dead_air_is_the_longest_silence_while_an_answer_is_owed(
    sounds: list[tuple[float, float]], longest: float
) -> None:
    assert longest_silence(sounds, 3.0, 10.0) == pytest.approx(longest)


def test_a_filler_breaks_the_silence() -> None:
    spoken = Spoken("one", 1.0, true_end_at=3.0)
    late = measured(3.0, 6.0, filler_at=3.6)
    assert one(spoken, late, sounds=[(6.0, 8.0)]).dead_air_s == pytest.approx(3.0)
    assert one(spoken, late, sounds=[(3.6, 5.0), (6.0, 8.0)]).dead_air_s == pytest.approx(1.0)


def test_a_filler_and_a_sentence_before_a_transfer_end_no_answer() -> None:
    watch = AnswerWatch(frozenset({"One moment."}))
    events = [
        operator(1.0, "One moment."),
        operator(2.0, "The answer.", interrupted=True),
        operator(2.5, "The answer.", why="withdrawn"),
        operator(3.0, "The answer."),
        event("escalation.raised", 4.0, rule_id="person"),
        operator(5.0, "I'll put you through."),
        event("transfer.ended", 6.0, ok=False),
        operator(7.0, "Nobody could take the call."),
    ]
    assert [watch.over(each) for each in events] == [False, False, False, True, False, False, False, True]


def test_each_robot_is_told_of_its_own_call() -> None:
    told: list[str] = []
    switch = Switch(frozenset(), lambda: told.append("answered"))
    robots = {name: CallerRobot([Line("line", b"\1\1" * 320)], Manners(told=True)) for name in ("a", "b")}
    for name, robot in robots.items():
        robot.spoken.append(Spoken("line", 1.0, true_end_at=2.0))
        switch.add(name, robot)
        switch.take({"kind": "call.started", "call_id": f"call-{name}", "body": {"external_id": name}})
    for call in ("call-b", "call-of-somebody-else", "call-b"):
        switch.take({**operator(3.0), "call_id": call})
    assert told == ["answered"]
    assert robots["a"].answered()
    assert not robots["b"].answered()


def test_questions_are_shuffled_by_seed_and_what_belongs_together_stays_so() -> None:
    groups = SETS["mixed"]
    orders = [shuffled(groups, seed) for seed in range(8)]
    assert shuffled(groups, 3) == orders[3]
    assert len({tuple(order) for order in orders}) > 1
    for order in orders:
        assert sorted(order) == sorted(line for group in groups for line in group)
        at = order.index(DECLINED[0])
        assert tuple(order[at : at + len(DECLINED)]) == DECLINED
    assert len(shuffled(groups, 1, count=4)) == 4


def test_callers_dial_by_chance_within_the_spread() -> None:
    found = offsets(8, 5.0, seed=2)
    assert found == offsets(8, 5.0, seed=2) != offsets(8, 5.0, seed=3)
    assert found[0] == 0.0
    assert all(0.0 <= wait <= 5.0 for wait in found)
    assert len(set(found)) == 8


@pytest.mark.parametrize(("rung", "route"), [("small", Route.SMALL), ("large", Route.LARGE)])
def test_a_forced_rung_answers_what_a_passage_answers_by_itself(rung: str, route: Route, tmp_path: Path) -> None:
    text = "The overdraft fee is 27 dollars. The interest rate on the overdraft line of credit is 17.9 percent a year."
    found = Evidence("", (Passage("p", "Overdraft", "Overdraft", "", text, 0.7, 0.5),), 0.2)
    (tmp_path / "cascade.yaml").write_text(forced_cascade(rung, CASCADE) or "")
    routes = []
    for path in (CASCADE, tmp_path / "cascade.yaml"):
        cascade = load_yaml(path, CascadeFile)
        routes.append(Router(cascade, GroundingGate(cascade)).decide("what does an overdraft cost", found, 0.9).route)
    assert routes == [Route.EXTRACTIVE, route]


def test_no_threshold_is_set_where_questions_alone_reach_the_rung(tmp_path: Path) -> None:
    assert forced_cascade("prepared", CASCADE) is None
    assert forced_cascade("mixed", CASCADE) is None
    (tmp_path / "cascade.yaml").write_text("version: 1\nrouter: {}\n")
    with pytest.raises(ConfigError, match="extractive_"):
        forced_cascade("small", tmp_path / "cascade.yaml")


def turn(latency_s: float, rung: str = "small", filler_s: float | None = None, dead: float = 0.5, up: int = 1) -> Turn:
    stages = {"endpoint": 0.3, "decided": 0.4, "first_audio": latency_s}
    return Turn(
        "line", ANSWERED, rung, latency_s, filler_s, dead_air_s=dead, stages=stages, true_end_at=1.0, calls_up=up
    )


def report_of(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"machine": {}, "runs": list(runs)}


def test_latency_is_of_turns_with_all_calls_up_and_the_rest_of_all_turns() -> None:
    turns = [
        turn(0.5, up=2),
        turn(0.7, up=2, filler_s=0.4, rung="large"),
        turn(9.0, dead=2.5),
        Turn("lost", "not heard as a turn", true_end_at=1.0, dead_air_s=9.0, spoke_over=True),
        Turn("unsaid", "not said: the call was ended by the operator"),
    ]
    found = figures(Run(turns, calls=2, wall_s=10.0, call_minutes=0.5, operator_cpu_s={"media": 2.0}), "mixed", 2)
    assert (found["lines"], found["answered"], found["not_timed"]) == (5, 3, 1)
    assert found["response_latency_s"]["max"] == 0.7
    assert sum(found["outcomes"].values()) == 5
    assert (found["fillers"]["n"], found["fillers"]["of"]) == (1, 3)
    assert (found["cut_ins"]["n"], found["cut_ins"]["of"], found["cut_ins"]["spoke_over"]) == (1, 4, 1)
    assert (found["dead_air_s"]["over_2s"]["n"], found["dead_air_s"]["max"]) == (2, 9.0)
    assert found["by_rung"]["large"]["filler_s"]["p50"] == 0.4
    assert found["cost"]["operator_cpu_s_per_call_minute"] == 4.0


def test_calls_that_were_up_are_counted_at_the_end_of_speech() -> None:
    turns = [Turn("a", ANSWERED, true_end_at=5.0), Turn("b", ANSWERED, true_end_at=15.0)]
    count_calls_up(turns, [(0.0, 10.0), (4.0, 20.0)])
    assert [each.calls_up for each in turns] == [2, 1]


def test_marks_are_held_against_the_run_that_they_are_about() -> None:
    single = figures(Run([turn(0.5), turn(1.2)], wall_s=1.0), "mixed", 1)
    large = figures(Run([turn(2.0, "large", 0.5), turn(0.3, "prepared")], wall_s=1.0), "large", 1)
    found = {mark["mark"]: (mark["seconds"], mark["reached"]) for mark in against_marks([single, large])}
    assert found == {
        "single call p50": (0.85, False),
        "single call p95": (1.165, False),
        "large rung, filler p95": (0.5, True),
        "large rung, answer p95": (2.0, True),
    }


def test_a_rung_is_shown_from_the_run_that_was_made_for_it() -> None:
    mixed = figures(Run([turn(0.5), turn(0.4, "extractive")], wall_s=1.0), "mixed", 1)
    small = figures(Run([turn(0.9), turn(0.8)], wall_s=1.0), "small", 1)
    rows = rung_rows(report_of(mixed, small))
    assert {rung: found["n"] for rung, found in rows.items()} == {"extractive": 1, "small": 2}


def test_a_later_run_replaces_an_earlier_of_the_same_kind() -> None:
    early, late = (figures(Run([turn(seconds)], wall_s=1.0), "mixed", 1) for seconds in (0.5, 0.8))
    other = figures(Run([turn(1.0, up=4)], wall_s=1.0), "mixed", 4)
    found = merged_runs([report_of(other, early), report_of(late)])
    assert [(run["at_once"], run["response_latency_s"]["p50"]) for run in found["runs"]] == [(1, 0.8), (4, 1.0)]


def test_the_tables_name_what_was_not_answered() -> None:
    lost = Turn("lost", "handed to a person: rule zero", true_end_at=1.0, dead_air_s=0.5)
    report = {
        "machine": {"cpu": "CPU", "cores": 2, "load_before": [0.1], "commit": "abc"},
        "runs": [figures(Run([turn(0.52), lost], wall_s=1.0), "mixed", 1)],
    }
    console = Console(record=True, width=160, file=io.StringIO())
    show(report, console)
    text = console.export_text()
    assert "mixed, 1 at once: 1 × handed to a person: rule zero" in text
    assert "single call p50: 0.52 s, mark 0.60 s: reached" in text


def test_pictures_are_drawn_of_what_there_is(tmp_path: Path) -> None:
    one_call = figures(Run([turn(0.5), turn(0.7, filler_s=0.4)], wall_s=1.0), "mixed", 1)
    four = figures(Run([turn(0.9, up=4), turn(1.1, up=4)], wall_s=1.0), "mixed", 4)
    names = [path.name for path in draw(report_of(one_call), tmp_path / "one.png")]
    assert names == ["one-turns.png", "one-rungs.png"]
    names = [path.name for path in draw(report_of(one_call, four), tmp_path / "both")]
    assert names == ["both-turns.png", "both-rungs.png", "both-calls.png"]
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in names)


def test_arguments_and_reports_that_make_no_sense_are_named(tmp_path: Path) -> None:
    assert numbers("1,2,8") == [1, 2, 8]
    assert rungs("small,large") == ["small", "large"]
    with pytest.raises(ValueError):
        numbers("0,1")
    for text in ("[]", "no JSON", '{"version": 0, "runs": []}'):
        (tmp_path / "other.json").write_text(text)
        with pytest.raises(ConfigError, match=r"other\.json"):
            read([tmp_path / "other.json"])
