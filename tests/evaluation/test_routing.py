"""The routing suite and `cascade fit` on a few made questions, with the real embedder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contracts.errors import ConfigError
from dialog.topics import load_topics
from evaluation.cascadecli import fit_files
from evaluation.contract import Occasion
from evaluation.intents import Labelled, read_questions, unseen
from evaluation.routing import RoutingSuite
from tests.evaluation.questions import OUTSIDE, questions, write_csv, write_json
from workers.engines.embedder import Embedder
from workers.manifest import default_root

pytestmark = pytest.mark.models


def _occasion(data: Path, fit: Path | None = None, **more: int) -> Occasion:
    work = data / "work"
    work.mkdir(exist_ok=True)
    return Occasion(data, fit, default_root(), work, **more)  # type: ignore[arg-type]


def test_by_folds_topics_are_found_and_questions_about_none_noticed(tmp_path: Path) -> None:
    write_csv(tmp_path / "intents" / "banking77_small.csv", questions())
    write_json(tmp_path / "intents" / "clinc150.json", questions())
    steps: list[tuple[int, int]] = []
    occasion = Occasion(tmp_path, None, default_root(), tmp_path, advance=lambda done, of: steps.append((done, of)))
    found = RoutingSuite().run(occasion)
    assert found.figures["banking77_top1"] >= 0.9
    assert found.counts["banking77_top1"][1] == len(questions())
    assert found.figures["clinc_oos_recall"] >= 0.8
    assert found.counts["clinc_oos_recall"] == (round(found.figures["clinc_oos_recall"] * 6), len(OUTSIDE))
    assert found.figures["clinc_false_alarm"] <= 0.1
    assert steps[-1][0] == steps[-1][1] == len(steps)


def test_with_fit_only_its_folder_is_learned_from_and_shared_questions_are_not_measured(tmp_path: Path) -> None:
    every = questions()
    learned, asked = [one for n, one in enumerate(every) if n % 3], every[::3]
    write_csv(tmp_path / "fit" / "intents" / "banking77_a.csv", learned)
    write_csv(tmp_path / "data" / "intents" / "banking77_b.csv", [*asked, *learned[:5]])
    found = RoutingSuite().run(_occasion(tmp_path / "data", tmp_path / "fit"))
    assert set(found.figures) == {"banking77_top1"}
    assert found.counts["banking77_top1"][1] == len(asked)
    assert found.figures["banking77_top1"] >= 0.85
    assert any("5 questions" in note for note in found.notes)


def test_wrong_labels_in_the_measured_file_are_failures_and_change_no_threshold(tmp_path: Path) -> None:
    every = questions()
    write_csv(tmp_path / "fit" / "intents" / "banking77_a.csv", every[1::2])
    asked = [(text, "mortgage" if topic == "password" else topic) for text, topic in every[::2]]
    write_csv(tmp_path / "data" / "intents" / "banking77_b.csv", asked)
    found = RoutingSuite().run(_occasion(tmp_path / "data", tmp_path / "fit"))
    assert found.figures["banking77_top1"] <= 0.8
    wrong = [one for one in found.failures if one.expected == "mortgage" and one.got.startswith("password")]
    assert len(wrong) >= 10


def test_a_fit_folder_without_the_file_is_named(tmp_path: Path) -> None:
    write_csv(tmp_path / "data" / "intents" / "banking77_b.csv", questions())
    (tmp_path / "fit").mkdir()
    with pytest.raises(ConfigError, match=re.escape("banking77_*.csv to fit on")):
        RoutingSuite().run(_occasion(tmp_path / "data", tmp_path / "fit"))


def test_a_limit_measures_no_more_than_that(tmp_path: Path) -> None:
    write_csv(tmp_path / "intents" / "banking77_b.csv", questions())
    found = RoutingSuite().run(_occasion(tmp_path, limit=7))
    assert found.counts["banking77_top1"][1] == 7


def test_cascade_fit_writes_a_file_that_says_on_what_and_for_which_error(tmp_path: Path) -> None:
    data = write_json(tmp_path / "mine.json", questions())
    embed = Embedder(default_root() / "minilm").embed
    first = fit_files([data], tmp_path / "topics.yaml", embed, 0.02, 1)
    assert (first.version, first.examples, first.topics, first.outside_examples) == (1, 120, 5, len(OUTSIDE))
    assert list(first.fitted_on) == ["mine.json"]
    assert first.target_error == 0.02
    assert first.outside_recall is not None
    assert fit_files([data], tmp_path / "topics.yaml", embed, 0.02, 1).version == 2
    model, _ = load_topics(tmp_path / "topics.yaml")
    texts = ["a thief took my credit card", "which dinosaurs could fly"]
    [card, dinosaur] = model.judge(texts, embed(texts))
    assert (card.name, card.outside) == ("card_lost", False)
    assert dinosaur.outside


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "question,label\nx,y\n", "text and category"),
        ("a.json", "[1, 2]", "mapping of parts"),
        ("a.json", '{"val": [["only one"]]}', "mapping of parts"),
        ("a.json", "{", "a.json:1: not valid JSON"),
        ("a.csv", "text,category\n\udcff", "UTF-8"),
    ],
)
def test_files_of_another_shape_are_refused_with_what_is_wrong(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=says):
        read_questions(tmp_path / name)


def test_the_same_words_in_other_case_count_as_seen() -> None:
    known = [Labelled("a", "Where is  my card", "x")]
    assert unseen([Labelled("b", "where is my CARD", "x"), Labelled("c", "new", "x")], known)[0].case == "c"
