from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.wire import MAX_BLOB, MAX_HEADER, Decoder, Message, WireError, encode

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
headers = st.dictionaries(st.text(), json_values, max_size=4)
messages = st.lists(st.tuples(headers, st.binary(max_size=200)), max_size=5)


@given(messages, st.data())
def test_messages_survive_any_cutting_of_the_stream(
    sent: list[tuple[dict[str, Any], bytes]], data: st.DataObject
) -> None:
    try:
        stream = b"".join(encode(header, blob) for header, blob in sent)
    except WireError:
        return  # lone surrogates are not UTF-8: refused before anything is sent
    decoder, got, position = Decoder(), list[Message](), 0
    while position < len(stream):
        size = data.draw(st.integers(1, max(1, len(stream) - position)))
        got += decoder.feed(stream[position : position + size])
        position += size
    assert [(dict(m.header), m.blob) for m in got] == sent
    assert decoder.pending == 0


@given(st.lists(st.binary(max_size=64), max_size=20))
def test_any_bytes_give_messages_or_a_wire_error_and_nothing_else(chunks: list[bytes]) -> None:
    decoder = Decoder()
    try:
        for chunk in chunks:
            for message in decoder.feed(chunk):
                assert isinstance(message.header, dict)
    except WireError:
        pass


@given(st.binary(min_size=1, max_size=300))
def test_a_header_of_any_bytes_gives_an_object_or_a_wire_error(text: bytes) -> None:
    try:
        (message,) = Decoder().feed(struct.pack(">II", len(text), 0) + text)
        assert isinstance(message.header, dict)
    except WireError:
        pass


@pytest.mark.parametrize("sizes", [(MAX_HEADER + 1, 0), (2, MAX_BLOB + 1), (0xFFFFFFFF, 0xFFFFFFFF)])
def test_an_announced_size_beyond_the_limit_is_refused_at_once(sizes: tuple[int, int]) -> None:
    with pytest.raises(WireError, match="too large"):
        Decoder().feed(struct.pack(">II", *sizes))


def test_deep_nesting_is_refused() -> None:
    text = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    with pytest.raises(WireError):
        Decoder().feed(struct.pack(">II", len(text), 0) + text)


@pytest.mark.parametrize("text", [b"[]", b"1", b"null", b'"x"', b""])
def test_a_header_that_is_not_an_object_is_refused(text: bytes) -> None:
    with pytest.raises(WireError):
        Decoder().feed(struct.pack(">II", len(text), 0) + text)


def test_what_cannot_be_sent_is_refused_by_the_encoder() -> None:
    with pytest.raises(WireError, match="not JSON"):
        encode({"x": object()})
    with pytest.raises(WireError, match="too large"):
        encode({}, bytes(MAX_BLOB + 1))
    with pytest.raises(WireError, match="too large"):
        encode({"x": "y" * MAX_HEADER})
