"""The verdicts of a reading of the answers of the grounding suite."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from contracts.errors import ConfigError
from evaluation.handchecked import Answers, Support, agreeing, answering, digest, faults, load, unsupported
from evaluation.worlds import FILES

HEAD = "world,case,verdict,answers,note,rule,spoken_sha256\n"


def test_two_hundred_different_answers_were_read_a_hundred_of_each_base() -> None:
    found = load()
    assert Counter(one.world for one in found) == dict.fromkeys(FILES, 100)
    assert len({(one.world, one.case) for one in found}) == 200


def test_every_fault_is_named_and_only_faults_are() -> None:
    for one in load():
        assert bool(one.note) == (one.verdict is Support.UNSUPPORTED or one.answers is not Answers.YES), one
        assert not one.note or (one.kind != one.note and len(one.kind.split()) <= 2), one


def test_the_shares_are_those_in_the_documentation() -> None:
    found = load()
    counts = answering(found)
    said = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text("utf-8")
    assert f"| unsupported | {unsupported(found)} of {len(found)} |" in said
    for name in Answers:
        assert f"| answers: {name} | {counts[name]} of {len(found)} |" in said
    assert f"| the rule agrees | {agreeing(found)} of {len(found)} |" in said
    for (verdict, kind), count in faults(found).items():
        assert f"| {kind} | {verdict} | {count} |" in said


def test_counts_follow_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text(
        f"{HEAD}bank,q1,supported,yes,,supported,{digest(['It is 5 dollars.'])}\n"
        f"bank,q2,unsupported,no,other subject: a sister product,supported,{digest(['It is 6 dollars.'])}\n",
        "utf-8",
    )
    found = load(path)
    assert (unsupported(found), agreeing(found)) == (1, 1)
    assert answering(found) == {Answers.YES: 1, Answers.NO: 1}
    assert faults(found) == {(Support.UNSUPPORTED, "other subject"): 1}
    assert found[0].spoken_sha256 != found[1].spoken_sha256


@pytest.mark.parametrize("row", ["bank,q1,maybe,yes,,supported,0123456789ab", "bank,q1,supported,yes,,supported,xyz"])
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, row: str) -> None:
    path = tmp_path / "some.csv"
    path.write_text(f"{HEAD}{row}\n", "utf-8")
    with pytest.raises(ConfigError, match="line 2"):
        load(path)
