"""Which passes of a turn count."""

from __future__ import annotations

import asyncio

from contracts.engines import Transcript
from voice.segments import Segment, latest, rejoined, results
from voice.words import WORKER, join


def words(passes: list[tuple[float, str]]) -> list[str]:
    return [one.text for one in latest([(start, Transcript(text)) for start, text in passes])]


def test_a_pass_that_heard_the_sound_again_replaces_the_words_before() -> None:
    assert words([(1.0, "I'd like to change"), (1.0, "I'd like to change my address")]) == [
        "I'd like to change my address"
    ]
    assert words([(1.0, "a"), (5.0, "b"), (5.0, "b c"), (5.0, "b c d")]) == ["a", "b c d"]
    assert words([(1.0, "a"), (5.0, "b"), (1.0, "a b c")]) == ["a b c"]


def test_consecutive_pieces_stand_one_after_the_other() -> None:
    assert words([(1.0, "a"), (14.0, "b"), (20.0, "c")]) == ["a", "b", "c"]


def test_a_second_hearing_without_words_replaces_nothing() -> None:
    lost = Transcript("", rejected=WORKER)
    looped = Transcript("", rejected="loop")
    assert [one.text for one in latest([(1.0, Transcript("yes")), (1.0, looped), (1.0, lost)])] == ["yes"]
    assert latest([(1.0, looped), (1.0, lost)]) == [lost]
    read = Transcript("", rejected="loop", alternatives=("4 2",))
    assert latest([(1.0, Transcript("4")), (1.0, read)]) == [read]


async def test_a_turn_that_goes_on_is_heard_from_its_beginning_while_it_fits() -> None:
    async def found(text: str) -> Transcript:
        return Transcript(text)

    segments = [Segment(at, asyncio.create_task(found(str(at)))) for at in (10.0, 14.0)]
    assert rejoined(segments, 18.0, 18.9, limit_s=9.0) == 10.0
    assert rejoined(segments, 18.0, 19.1, limit_s=9.0) == 14.0
    assert rejoined(segments, 18.0, 23.5, limit_s=9.0) == 18.0
    assert rejoined([], 18.0, 19.0, limit_s=9.0) == 18.0
    assert results(segments) == []
    await asyncio.sleep(0)
    assert results(segments) == [(10.0, Transcript("10.0")), (14.0, Transcript("14.0"))]


async def test_a_lost_pass_is_named_so() -> None:
    async def lost() -> Transcript:
        raise asyncio.CancelledError

    task = asyncio.create_task(lost())
    await asyncio.wait([task])
    assert [one.rejected for _, one in results([Segment(1.0, task)])] == [WORKER]


def test_other_readings_of_a_piece_are_readings_of_the_whole_turn() -> None:
    first = Transcript("one", readings=("won", "on"))
    second = Transcript("two", readings=("to", "too", "do"))
    assert join([first]).readings == ("won", "on")
    assert join([first, Transcript("two")]).readings == ("won two", "on two")
    assert join([first, second]).readings == ("won two", "one to", "on two"), "the best of each, three in all"
