"""A release as a file: words, vectors, validity, and the harm that can come to it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import DeviceFull
from knowledge import snapshotfile, snapshotprocess
from knowledge.database import open_engine
from knowledge.formats import read_documents
from knowledge.releases import ReleaseStore
from knowledge.settings import KnowledgeSettings, PassageSettings, SearchSettings
from knowledge.snapshot import Snapshot, SnapshotUnusable
from knowledge.store import DocumentStore

SETTINGS = KnowledgeSettings(passages=PassageSettings(min_words=0, target_words=10, max_words=30))
SEARCH = SearchSettings()
TODAY = date(2026, 6, 1)


class Shelf:
    """Writes releases of given texts; vectors are made from a seed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.store = DocumentStore(open_engine("sqlite:///knowledge.db", home))
        self.store.open()
        self.releases = ReleaseStore(self.store)

    def release(self, *texts: str, vectors: bool = True) -> Snapshot:
        for at, text in enumerate(texts):
            self.store.put(read_documents(text.encode(), f"{at}.md", SETTINGS), by="maria")
        if vectors:
            random = np.random.default_rng(1)
            made = {digest: random.normal(size=8).astype(np.float32) for digest in self.store.wanted([]).values()}
            self.store.keep_vectors("m/1", {key: one / np.linalg.norm(one) for key, one in made.items()})
        number = self.releases.propose(by="maria", note="")
        digest = self.releases.digest(number)
        return Snapshot(snapshotfile.build(self.store, number, digest, self.home / "r", "m/1"), number, digest)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def found_by(snapshot: Snapshot, *terms: str, settings: SearchSettings = SEARCH) -> list[str]:
    numbers = snapshot.by_words(terms, TODAY, settings)
    texts = {one.number: one.passage.text for one in snapshot.fetch(numbers)}
    return [texts[number] for number in numbers]


def test_words_are_stemmed_and_accents_ignored(shelf: Shelf) -> None:
    snapshot = shelf.release(
        "# Fees\n\n## Wires\n\nA wire costs 25 dollars.\n\n## Café\n\nCoffee in the café costs 3.\n"
    )
    assert len(snapshot) == 2
    assert found_by(snapshot, "wires") == found_by(snapshot, "wire") == ["A wire costs 25 dollars."]
    assert len(found_by(snapshot, "cafe")) == 1
    assert found_by(snapshot, "mortgage") == []


def test_the_lexical_score_is_high_for_all_words_and_low_when_the_rare_one_is_missing(shelf: Shelf) -> None:
    texts = [f"# Topic {number}\n\nThe rate of product{number} is {number} percent.\n" for number in range(20)]
    snapshot = shelf.release(*texts)
    assert max(snapshot.by_words(("rate", "product3"), TODAY, SEARCH).values()) > 0.8
    assert max(snapshot.by_words(("rate", "mortgage"), TODAY, SEARCH).values()) < 0.1
    assert snapshot.by_words((), TODAY, SEARCH) == {}


def test_query_syntax_in_words_is_only_words(shelf: Shelf) -> None:
    snapshot = shelf.release("A wire costs 25 dollars.")
    for term in ('"', "wire*", "NOT", "title:", "a OR b", "(", "^x"):
        snapshot.by_words((term,), TODAY, SEARCH)


def test_common_words_are_left_out_once_rare_ones_have_matched_enough(shelf: Shelf) -> None:
    snapshot = shelf.release(*(f"The fee of product{number} is due." for number in range(150)))
    few = SearchSettings(max_matches=100, candidates=200)
    assert len(found_by(snapshot, "fee", "product7")) == 24
    assert found_by(snapshot, "fee", "product7", settings=few) == ["The fee of product7 is due."]
    assert len(found_by(snapshot, "fee", settings=few)) == 150


def test_scanning_finds_the_nearest_and_leaves_out_what_is_barred(shelf: Shelf) -> None:
    texts = [f"---\nvalid_to: 2026-0{1 + number % 9}-15\n---\nFact number {number} is here." for number in range(30)]
    snapshot = shelf.release(*texts)
    assert snapshot.complete
    vectors = snapshot.vectors_of(range(1, 31))
    valid = sorted(set(range(1, 31)) - snapshot.barred(TODAY))
    assert 0 < len(valid) < 30
    found = snapshot.nearest(vectors[valid[0]], TODAY, 5)
    assert next(iter(found)) == valid[0]
    assert found[valid[0]] == pytest.approx(1.0, abs=1e-3)
    best = sorted(valid, key=lambda one: -float(vectors[one] @ vectors[valid[0]]))[:5]
    assert list(found) == best


def test_without_vectors_a_release_is_incomplete_until_they_are_written(shelf: Shelf) -> None:
    snapshot = shelf.release("A wire costs 25 dollars.", vectors=False)
    assert not snapshot.complete
    assert snapshot.nearest(np.ones(8, np.float32), TODAY, 5) == {}
    (digest,) = shelf.store.wanted([]).values()
    shelf.store.keep_vectors("m/1", {digest: np.full(8, 8**-0.5, np.float32)})
    snapshotfile.write_vectors(shelf.store, snapshot.release, shelf.home / "r", "m/1")
    again = Snapshot(snapshotfile.path_of(shelf.home / "r", snapshot.release), snapshot.release, snapshot.digest)
    assert again.complete
    assert again.nearest(np.ones(8, np.float32) * 8**-0.5, TODAY, 5)[1] == pytest.approx(1.0, abs=1e-3)


def test_another_release_or_a_damaged_file_is_not_used(shelf: Shelf) -> None:
    snapshot = shelf.release("A wire costs 25 dollars.")
    path = snapshotfile.path_of(shelf.home / "r", 1)
    for number, digest in ((2, snapshot.digest), (1, "other")):
        with pytest.raises(SnapshotUnusable, match="another release"):
            Snapshot(path, number, digest)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = b"\0" * (len(data) - len(data) // 2)
    path.write_bytes(bytes(data))
    with pytest.raises(SnapshotUnusable):
        Snapshot(path, 1, snapshot.digest).check()


def test_half_made_and_forgotten_files_are_taken_away(shelf: Shelf) -> None:
    shelf.release("A wire costs 25 dollars.")
    for name in ("r0001.making", "r0001.part", "r0009.db", "r0009.npy"):
        (shelf.home / "r" / name).touch()
    snapshotfile.remove(shelf.home / "r", {1})
    left = sorted(path.name for path in (shelf.home / "r").iterdir())
    assert {"r0001.db", "r0001.npy"} <= set(left)
    assert "r0009.db" not in left


def test_a_release_knows_how_many_passages_hold_a_word(shelf: Shelf) -> None:
    snapshot = shelf.release("# First\n\nOne fee.\n", "# Second\n\nFees and two limits.\n")
    held = snapshot.lexicon.holding(("fee", "fees", "limit", "mortgage", "two limits", "..."))
    assert list(held.values()) == [2, 2, 1, 0, 1, 0]


def test_a_large_release_is_written_by_a_process_of_its_own_just_as_here(shelf: Shelf) -> None:
    here = shelf.release("# Fees\n\nA wire costs 25 dollars.\n", "# Hours\n\nWe open at nine.\n")
    apart = shelf.home / "apart"
    snapshotprocess.build(shelf.store, here.release, here.digest, apart, "m/1", passages=0)
    there = Snapshot(snapshotfile.path_of(apart, here.release), here.release, here.digest)
    assert there.complete
    assert found_by(there, "wire") == found_by(here, "wire")
    assert there.numbers == here.numbers
    snapshotfile.path_of(apart, here.release).with_suffix(".npy").unlink()
    snapshotprocess.write_vectors(shelf.store, here.release, apart, "m/1", passages=0)
    again = Snapshot(snapshotfile.path_of(apart, here.release), here.release, here.digest)
    assert again.complete


def test_a_full_disk_is_named_from_the_other_process_too(shelf: Shelf) -> None:
    """/dev/full refuses every write as a full disk does."""
    here = shelf.release("# Fees\n\nA wire costs 25 dollars.\n")
    apart = shelf.home / "apart"
    apart.mkdir()
    (apart / "r0001.part").symlink_to("/dev/full")
    with pytest.raises(DeviceFull, match="the live one answers on"):
        snapshotprocess.build(shelf.store, here.release, here.digest, apart, "m/1", passages=0)
    assert not snapshotfile.path_of(apart, here.release).exists()
