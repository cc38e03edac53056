"""Names of a release that sound like words of a question."""

import pytest

from knowledge.sounding import SoundIndex, names_of

NAMES = (
    "Tacko", "Kitava", "Besharam", "Cityroomz", "Layne Hotel", "Lao Table", "RESTAURANT ONE SEVEN",
    "Flour + Water Pizzeria", "Jiangnan Cuisine", "caffe uno", "Tokyo Bar", "Old Mill Inn", "Gold Card: Fees",
)  # fmt: skip


@pytest.fixture(scope="module")
def index() -> SoundIndex:
    return SoundIndex([*NAMES, "What to do if a card was stolen while you were abroad"])


@pytest.mark.parametrize(
    ("heard", "name", "part"),
    [
        ("This tackle offer bike parking.", "Tacko", "tackle"),
        ("Does Basharim have vegan options?", "Besharam", "Basharim"),
        ("Is there a left at Citerums?", "Cityroomz", "Citerums"),
        ("What sort of atmosphere is it loud table?", "Lao Table", "loud table"),
        ("Any halal options at restaurant 1-7?", "RESTAURANT ONE SEVEN", "restaurant 1-7"),
        ("The ambience at Flower Plus Water Pizzeria?", "Flour + Water Pizzeria", "Flower Plus Water Pizzeria"),
        ("Can I park at This young and cuisine?", "Jiangnan Cuisine", "young and cuisine"),
        ("Does Casuno have wine?", "caffe uno", "Casuno"),
        ("What is the fee for the cold card?", "Gold Card", "cold card"),
    ],
)
def test_the_name_that_was_meant_is_the_most_alike(index: SoundIndex, heard: str, name: str, part: str) -> None:
    best = index.resembling(heard, 0.4, 5)[0]
    assert (best.name, heard[best.start : best.end]) == (name, part)


def test_nothing_is_alike_where_nothing_is(index: SoundIndex) -> None:
    assert index.resembling("How do I order checks?", 0.6, 5) == []
    assert index.resembling("", 0.4, 5) == []
    assert SoundIndex([]).resembling("cards at Takria", 0.4, 5) == []


def test_where_a_name_begins_may_be_heard_in_two_ways(index: SoundIndex) -> None:
    heard = "Can I park at This young and cuisine?"
    parts = {heard[one.start : one.end] for one in index.resembling(heard, 0.4, 9) if one.name == "Jiangnan Cuisine"}
    assert parts == {"young and cuisine", "This young and cuisine"}


def test_no_more_names_are_given_than_were_asked_for(index: SoundIndex) -> None:
    assert len(index.resembling("the old mill in at Tokyo bar", 0.1, 3)) == 3


def test_a_title_names_what_stands_before_the_colon_and_a_sentence_names_nothing() -> None:
    assert names_of("Gold Card: Fees") == ["Gold Card: Fees", "Gold Card"]
    assert names_of("What to do if a card was stolen while you were abroad") == []
