"""Pieces come out as they went in, however the stream was cut; what is no piece ends the line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.audio import FRAME_BYTES
from contracts.soundline import MAX_WORDS, LineBroken, Pieces, object_of, sound, words

PIECES: st.SearchStrategy[bytes | dict[str, str]] = st.one_of(
    st.binary(min_size=FRAME_BYTES, max_size=FRAME_BYTES), st.just({"do": "listen"}), st.just({})
)


@given(st.lists(PIECES, max_size=6), st.integers(1, 900))
def test_a_stream_is_cut_into_what_was_sent(sent: list[bytes | dict[str, str]], step: int) -> None:
    stream = b"".join(sound(one) if isinstance(one, bytes) else words(one) for one in sent)
    pieces = Pieces()
    got = [one for at in range(0, len(stream), step) for one in pieces.feed(stream[at : at + step])]
    assert got == sent


@pytest.mark.parametrize(
    "bad",
    [b"\x12\x00\x01\x00", b"\x99\x00\x00", b"\x01\xff\xff", words({"a": 1})[:3] + b"[1,2,3]x", b"\x01\x00\x02[]"],
)
def test_what_is_no_piece_ends_the_line(bad: bytes) -> None:
    with pytest.raises(LineBroken):
        Pieces().feed(bad + bytes(MAX_WORDS))


def test_words_are_one_object_of_bounded_size() -> None:
    assert object_of('{"do": "here"}') == {"do": "here"}
    for bad in ("", "7", '{"a": "' + "x" * MAX_WORDS + '"}', "[" * 4000):
        with pytest.raises(LineBroken):
            object_of(bad)
