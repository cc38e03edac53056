"""Titles found in conversations, as they are said and as they are misheard."""

from __future__ import annotations

import pytest

from knowledge.names import NameIndex, spoken_words
from knowledge.settings import NameSettings

TITLES = dict(
    enumerate(
        [
            "Alder Park Lodge",
            "Park",
            "Smokin' Barrel - Mill Street",
            "Smokin' Barrel - Station Road",
            "Laurel Court, a Quiet Hotel",
            "Birchwood Café",
            "S. F. Citadel",
            "Time and Tide",
            "Pier 7 Grill",
            *(f"{name} Hotel" for name in ("Orchard", "Tilden", "Harbour", "Meadow", "Queen", "Victor", "Willow")),
        ]
    )
)
COMMON = {"time": 0.2, "the": 1.0, "and": 1.0, "park": 0.02, "phone": 0.05, "tide": 0.0}


@pytest.fixture(scope="module")
def index() -> NameIndex:
    return NameIndex(TITLES, NameSettings(), lambda words: {word: COMMON.get(word, 0.0) for word in words})


def best(index: NameIndex, *turns: str) -> list[str]:
    """Titles that are said most surely, all of one score."""
    found = index.mentioned([[turn] for turn in turns])
    top = max(found.values(), default=0.0)
    return [TITLES[key] for key, score in found.items() if score > 0.999 * top]


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("i found one place and it's called alder park lodge", "Alder Park Lodge"),
        ("how about the laurel court", "Laurel Court, a Quiet Hotel"),
        ("we have the birch wood cafe", "Birchwood Café"),
        ("the s. f. citadel is open", "S. F. Citadel"),
        ("and does the tildon hotel have parking", "Tilden Hotel"),
        ("is pier seven grill any good", "Pier 7 Grill"),
    ],
)
def test_a_title_is_found_as_people_and_recognisers_say_it(index: NameIndex, said: str, title: str) -> None:
    assert best(index, said) == [title]


def test_what_is_said_before_a_dash_means_all_that_begin_so(index: NameIndex) -> None:
    assert best(index, "the smoking barrel") == [TITLES[2], TITLES[3]]
    assert best(index, "the smokin barrel on mill street") == [TITLES[2]]


def test_everyday_words_name_nothing(index: NameIndex) -> None:
    assert best(index, "what time and what day is it") == []
    assert best(index, "it is a hotel") == []


def test_a_telephone_number_names_nothing(index: NameIndex) -> None:
    assert best(index, "it's four one five seven seven two") == []


def test_the_latest_name_counts_in_full_and_earlier_ones_less(index: NameIndex) -> None:
    talk = [["the orchard hotel"], ["what else"], ["the tilden hotel"], ["thanks"], ["what is their address"]]
    found = index.mentioned(talk)
    alone = index.mentioned([["the tilden hotel"]])
    by_title = {TITLES[key]: score for key, score in found.items()}
    assert by_title["Tilden Hotel"] == pytest.approx(max(alone.values()))
    assert 0.5 < by_title["Orchard Hotel"] / by_title["Tilden Hotel"] < 0.9


def test_any_of_a_recognisers_readings_may_hold_the_name(index: NameIndex) -> None:
    heard = index.mentioned([["the hard shape inn", "the harbour hotel"]])
    assert max(heard, key=lambda key: heard[key]) == next(key for key, one in TITLES.items() if one == "Harbour Hotel")


def test_nothing_is_named_by_nothing(index: NameIndex) -> None:
    assert index.mentioned([]) == {}
    assert NameIndex({}, NameSettings()).mentioned([["hello"]]) == {}


def test_spoken_words() -> None:
    assert spoken_words("Joe's Café & Bar, S. F., 7-D") == ("joe", "cafe", "and", "bar", "sf", "seven", "d")
