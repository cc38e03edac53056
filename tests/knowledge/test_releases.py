"""From a draft to what callers hear, and back: review, approval, publishing, rollback."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Protocol

import pytest

from contracts.errors import ConfigError, DeviceFull, ReleaseRefused, ReleaseUnknown
from dialog.rehearsal import rehearsal
from knowledge.api import ReleaseState
from knowledge.base import KnowledgeBase
from knowledge.indexer import Embeds
from knowledge.settings import KnowledgeSettings

pytestmark = pytest.mark.models

CASCADE = Path(__file__).parents[2] / "configs" / "cascade.yaml"
WIRES = b"# Wire transfers\n\nA wire inside the country costs 25 dollars. It leaves before 4 p.m. the same day."
HOURS = b"# Opening hours\n\nWe are open Monday to Friday from 9 a.m. to 5 p.m. On Saturday we close at noon."
GOLDEN = """
- {ask: "how much is a wire", document: wires.md, says: ["25 dollars"]}
- {ask: "when do you close on saturday", document: hours.md, says: [noon]}
- {ask: "what is your mortgage rate", document: null}
"""


class Bases(Protocol):
    def __call__(self, **releases: Any) -> KnowledgeBase: ...


@pytest.fixture
def bases(embedder: Embeds, tmp_path: Path) -> Any:
    opened: list[KnowledgeBase] = []

    def make(**releases: Any) -> KnowledgeBase:
        while opened:
            opened.pop().close()
        base = KnowledgeBase(tmp_path, KnowledgeSettings.model_validate({"releases": releases}), embedder)
        base.open()
        opened.append(base)
        return base

    yield make
    for base in opened:
        base.close()


def publish(base: KnowledgeBase, data: bytes = WIRES, source: str = "wires.md", **options: Any) -> str:
    base.add(data, source, by="maria")
    return base.publish(base.propose(by="maria").release, by="maria", **options).release


def price(base: KnowledgeBase) -> str:
    best = base.search("how much is a wire").best
    assert best is not None
    return best.text.split(" dollars")[0].split()[-1]


def test_only_a_difference_can_be_proposed(bases: Bases) -> None:
    base = bases()
    with pytest.raises(ReleaseRefused, match="the draft is empty"):
        base.propose(by="maria")
    publish(base)
    with pytest.raises(ReleaseRefused, match="r0001 holds already"):
        base.propose(by="maria")


def test_a_release_is_what_was_proposed_and_not_what_came_after(bases: Bases) -> None:
    base = bases()
    base.add(WIRES, "wires.md", by="maria")
    proposed = base.propose(by="maria")
    base.add(WIRES.replace(b"25", b"99"), "wires.md", by="maria")
    base.publish(proposed.release, by="maria")
    assert price(base) == "25"
    assert [one.kind for one in base.draft()] == ["changed"]
    assert [one.source for one in base.list_documents("r0001")] == ["wires.md"]


def test_rollback_goes_to_the_release_before_and_takes_less_than_a_second(bases: Bases) -> None:
    base = bases()
    for cost in (b"25", b"26", b"27"):
        publish(base, WIRES.replace(b"25", cost))
    began = time.process_time()  # its own work, whatever else the machine does
    assert base.rollback(by="bob").release == "r0002"
    assert price(base) == "26"
    assert time.process_time() - began < 1.0
    assert base.rollback(by="bob").release == "r0001"
    assert price(base) == "25"
    with pytest.raises(ReleaseRefused, match="no release before"):
        base.rollback(by="bob")
    assert base.rollback(by="bob", release="r0003").state is ReleaseState.LIVE
    assert price(base) == "27"
    with pytest.raises(ReleaseRefused, match="live already"):
        base.rollback(by="bob", release="r0003")
    assert [one.action for one in base.changes()][:3] == ["rollback"] * 3


def test_since_when_a_release_is_live_is_known_however_much_was_done_after_it(bases: Bases) -> None:
    base = bases()
    assert base.stats().live_since == ""
    publish(base, WIRES)
    since = base.changes()[0].at
    for count in range(101):
        base.add(b"# Note\n\nThis is note %d." % count, "note.md", by="maria")
    assert "publish" not in [one.action for one in base.changes()]
    assert base.stats().live_since == since


def test_rollback_after_a_restart_and_to_a_release_whose_file_is_gone(bases: Bases, tmp_path: Path) -> None:
    base = bases()
    for cost in (b"25", b"26"):
        publish(base, WIRES.replace(b"25", cost))
    base = bases()
    assert price(base) == "26"
    (tmp_path / "releases" / "r0001.db").unlink()
    assert base.rollback(by="bob").release == "r0001"
    assert price(base) == "25"
    assert price(bases()) == "25"


def test_a_release_no_longer_kept_can_still_be_gone_back_to(bases: Bases) -> None:
    base = bases(keep=1)
    for cost in (b"25", b"26", b"27", b"28"):
        publish(base, WIRES.replace(b"25", cost))
    with pytest.raises(ReleaseUnknown, match="r0001 is not ready"):
        base.search("wire", release="r0001")
    assert base.rollback(by="bob", release="r0001").release == "r0001"
    assert price(base) == "25"


def test_revert_throws_the_draft_away(bases: Bases) -> None:
    base = bases()
    with pytest.raises(ReleaseRefused, match="nothing has been published"):
        base.revert(by="maria")
    publish(base)
    base.add(HOURS, "hours.md", by="maria")
    base.remove("wires.md", by="maria")
    base.revert(by="maria")
    assert base.draft() == []


def test_a_second_person_approves_if_that_is_asked_for(bases: Bases) -> None:
    base = bases(approvals=1)
    base.add(WIRES, "wires.md", by="maria")
    release = base.propose(by="maria").release
    with pytest.raises(ReleaseRefused, match="needs the approval of somebody other than maria"):
        base.publish(release, by="maria")
    with pytest.raises(ReleaseRefused, match="was proposed by maria; somebody else"):
        base.approve(release, by="maria")
    assert base.approve(release, by="bob").state is ReleaseState.APPROVED
    assert base.publish(release, by="maria").approved_by == "bob"


def test_golden_questions_show_what_would_change_and_hold_back_what_is_lost(bases: Bases, tmp_path: Path) -> None:
    (tmp_path / "golden.yaml").write_text(GOLDEN)
    base = bases(questions="golden.yaml")
    base.add(WIRES, "wires.md", by="maria")
    base.add(HOURS, "hours.md", by="maria")
    first = base.propose(by="maria")
    base.publish(first.release, by="maria")
    questions = first.report["questions"]
    assert (questions["before"]["answered"], questions["after"]["answered"]) == (0.0, 1.0)
    base.add(WIRES.replace(b"25", b"30"), "wires.md", by="maria")
    second = base.propose(by="maria")
    questions = second.report["questions"]
    assert questions["lost"] == ["how much is a wire"]
    (changed, *_) = questions["changed"]
    assert changed["ask"] == "how much is a wire"
    assert "25 dollars" in changed["before"]["text"]
    assert "30 dollars" in changed["after"]["text"]
    with pytest.raises(ReleaseRefused, match=r"1 golden question lost, such as 'how much is a wire'"):
        base.publish(second.release, by="maria")
    assert price(base) == "25"
    base.publish(second.release, by="maria", despite="the fee has risen")
    assert price(base) == "30"
    assert "the fee has risen" in base.changes()[0].what


def test_golden_questions_that_cannot_be_read_freeze_nothing(bases: Bases) -> None:
    base = bases(questions="nothing.yaml")
    base.add(WIRES, "wires.md", by="maria")
    with pytest.raises(ConfigError, match=r"nothing\.yaml: cannot be read"):
        base.propose(by="maria")
    assert base.releases() == []


def test_a_first_release_loses_nothing_and_shows_what_fails(embedder: Embeds, tmp_path: Path) -> None:
    for marks, why in (({}, []), ({"abstained": 1.0}, ["0.0% of golden questions that no document answers stay"])):
        settings = KnowledgeSettings.model_validate({"releases": {"questions": "golden.yaml", "marks": marks}})
        home = tmp_path / ("marked" if marks else "free")
        home.mkdir()
        (home / "golden.yaml").write_text(GOLDEN)
        base = KnowledgeBase(home, settings, embedder, answers=rehearsal(str(CASCADE)))
        base.open()
        try:
            for name, text in (("wires.md", WIRES), ("hours.md", HOURS)):
                base.add(text, name, by="maria")
            base.add(b"# Mortgages\n\nOur mortgage rate is 6 percent.", "mortgages.md", by="maria")
            report = base.propose(by="maria").report
            assert report["questions"]["lost"] == []
            assert [one["ask"] for one in report["questions"]["failed"]] == ["what is your mortgage rate"]
            assert [one[: len(why[0])] for one in report["objections"]] == why if why else not report["objections"]
        finally:
            base.close()


def test_a_release_that_answers_what_it_should_not_is_held_back(embedder: Embeds, tmp_path: Path) -> None:
    (tmp_path / "golden.yaml").write_text(GOLDEN)
    settings = KnowledgeSettings.model_validate({"releases": {"questions": "golden.yaml", "marks": {"abstained": 1.0}}})
    base = KnowledgeBase(tmp_path, settings, embedder, answers=rehearsal(str(CASCADE)))
    base.open()
    try:
        publish(base)
        publish(base, HOURS, "hours.md")
        base.add(b"# Mortgages\n\nOur mortgage rate is 6 percent.", "mortgages.md", by="maria")
        proposed = base.propose(by="maria")
        questions = proposed.report["questions"]
        assert (questions["before"]["abstained"], questions["after"]["abstained"]) == (1.0, 0.0)
        assert questions["lost"] == ["what is your mortgage rate"]
        assert proposed.report["objections"][1].endswith("stay unanswered, the mark is 100.0%")
        with pytest.raises(ReleaseRefused, match="the mark is"):
            base.publish(proposed.release, by="maria")
    finally:
        base.close()


def test_a_new_contradiction_holds_a_release_back_and_an_old_one_does_not(bases: Bases) -> None:
    base = bases()
    publish(base)
    base.add(b"# Fees\n\nA wire inside the country costs 40 dollars.", "fees.md", by="maria")
    second = base.propose(by="maria")
    (finding,) = second.report["checks"]["findings"]
    assert (finding["kind"], finding["what"]) == ("contradiction", "money: 40 against 25")
    with pytest.raises(ReleaseRefused, match=r"1 new contradiction"):
        base.publish(second.release, by="maria")
    base.publish(second.release, by="maria", despite="both hold")
    assert publish(base, HOURS, "hours.md") == "r0003"


def test_a_live_or_superseded_release_is_not_published_again(bases: Bases) -> None:
    base = bases()
    publish(base)
    with pytest.raises(ReleaseRefused, match="is live already"):
        base.publish("r1", by="maria")
    publish(base, WIRES.replace(b"25", b"26"))
    with pytest.raises(ReleaseRefused, match="was live before; use rollback"):
        base.publish("r1", by="maria")
    for name in ("r0009", "9"):
        with pytest.raises(ReleaseUnknown, match="there is no release r0009"):
            base.publish(name, by="maria")
    with pytest.raises(ReleaseUnknown, match="names no release"):
        base.publish("latest", by="maria")
    base.add(HOURS, "hours.md", by="maria")
    proposed = base.propose(by="maria").release
    with pytest.raises(ReleaseRefused, match="was never live"):
        base.rollback(by="maria", release=proposed)


def test_a_disk_that_is_full_when_publishing_leaves_the_live_release_answering(
    bases: Bases, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """/dev/full refuses every write as a full disk does."""
    base = bases()
    publish(base)
    base.add(WIRES.replace(b"25", b"30"), "wires.md", by="maria")
    part = tmp_path / "releases" / "r0002.part"
    part.symlink_to("/dev/full")
    with pytest.raises(DeviceFull, match="the live one answers on"):
        base.propose(by="maria")
    assert price(base) == "25"
    part.unlink()
    assert base.publish("r0002", by="maria", despite="it was not reviewed").state is ReleaseState.LIVE
    assert price(base) == "30"
