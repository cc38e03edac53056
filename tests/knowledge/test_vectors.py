from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from knowledge.vectors import Vector, VectorIndex, VectorsUnusable


def made_up(count: int) -> dict[str, Vector]:
    made = np.random.default_rng(1).normal(size=(count, 384)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return {f"p{number}": made[number] for number in range(count)}


def filled(folder: Path, count: int = 1200) -> dict[str, Vector]:
    index = VectorIndex(folder, "model/1")
    assert index.open() == set()
    vectors = made_up(count)
    index.upsert(vectors)
    index.close()
    return vectors


def test_vectors_are_kept_and_found_by_cosine(tmp_path: Path) -> None:
    vectors = filled(tmp_path / "chroma")
    index = VectorIndex(tmp_path / "chroma", "model/1")
    assert index.open() == set(vectors)
    found = index.query(vectors["p7"], 3)
    assert next(iter(found)) == "p7"
    for name, cosine in found.items():
        assert cosine == pytest.approx(float(vectors["p7"] @ vectors[name]), abs=1e-4)
    assert set(index.vectors_of(["p1", "nobody"])) == {"p1"}
    index.delete(["p7", "nobody"])
    assert "p7" not in index.query(vectors["p7"], 3)
    index.close()


def test_more_results_than_vectors_are_simply_fewer(tmp_path: Path) -> None:
    vectors = filled(tmp_path / "chroma", 3)
    index = VectorIndex(tmp_path / "chroma", "model/1")
    index.open()
    assert len(index.query(vectors["p0"], 10)) == 3
    index.close()


def break_database(folder: Path) -> None:
    (folder / "chroma.sqlite3").write_bytes(b"garbage" * 1000)


def truncate_database(folder: Path) -> None:
    os.truncate(folder / "chroma.sqlite3", 5000)


def break_graph(folder: Path) -> None:
    for path in folder.glob("*/*"):
        path.write_bytes(b"junk" * 100)


def lose_graph(folder: Path) -> None:
    for path in folder.glob("*/"):
        shutil.rmtree(path)


def replace_folder_by_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("surprise")


@pytest.mark.parametrize("harm", [break_database, truncate_database, break_graph, lose_graph, replace_folder_by_file])
def test_a_harmed_index_says_so_and_can_be_made_again(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    folder = tmp_path / "chroma"
    filled(folder)
    harm(folder)
    index = VectorIndex(folder, "model/1")
    with pytest.raises(VectorsUnusable):
        index.open()
    index.destroy()
    again = VectorIndex(folder, "model/1")
    assert again.open() == set()
    again.close()


def test_an_index_made_with_another_model_is_not_used(tmp_path: Path) -> None:
    filled(tmp_path / "chroma", 5)
    with pytest.raises(VectorsUnusable, match="made with model/1, not other/1"):
        VectorIndex(tmp_path / "chroma", "other/1").open()


def test_after_dying_while_opening_it_is_not_opened_again(tmp_path: Path) -> None:
    filled(tmp_path / "chroma", 5)
    (tmp_path / "chroma.opening").touch()
    with pytest.raises(VectorsUnusable, match="died"):
        VectorIndex(tmp_path / "chroma", "model/1").open()
