"""How long each phoneme of a Piper voice lasts. The network computes it; its file only does not name it as an output.

A VITS network predicts the frames of each phoneme and rounds them up with the only ``Ceil`` node of its graph. Protocol
Buffers join messages that are written one after the other, so a second ModelProto of a few bytes, appended to the
file's, adds that node's result to the graph's outputs: no package that writes ONNX is needed.
(https://protobuf.dev/programming-guides/encoding/#last-one-wins; the same as piper.patch_voice_with_alignment.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_GRAPH, _NODE, _OUTPUT = 7, 1, 12
"""Fields of ModelProto.graph, GraphProto.node and GraphProto.output (onnx.proto3)."""
_NODE_OUTPUT, _NODE_KIND, _NAME = 2, 4, 1
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MARKS = frozenset("ˈˌː")
"""Stress and length: they last, but are no sounds of their own."""
_EDGES = frozenset("^$_")
"""Beginning, end and padding of a sentence."""


def with_durations(model: bytes) -> bytes:
    """The ONNX ``model`` with phoneme durations as its last output.

    Raises ValueError when it is none, or has no one place for them.
    """
    names = {
        _one(model, node, _NODE_OUTPUT)
        for graph in _inside(model, (0, len(model)), _GRAPH)
        for node in _inside(model, graph, _NODE)
        if _one(model, node, _NODE_KIND) == b"Ceil"
    }
    if len(names) != 1:
        raise ValueError(f"{len(names)} Ceil nodes where a Piper voice has one")
    return model + _field(_GRAPH, _field(_OUTPUT, _field(_NAME, names.pop())))


def phonetic_words(phonemes: Iterable[tuple[str, int]]) -> list[tuple[int, int, int]]:
    """(phoneme, samples) in order → (first sample, sample after the last, phonemes) of each group between spaces.

    Groups without a sound (a lone comma) are left out; the pause that punctuation makes belongs to no group.
    """
    words: list[tuple[int, int, int]] = []
    at, start, end, count = 0, -1, 0, 0
    for phoneme, samples in phonemes:
        sound = phoneme in _MARKS or (phoneme.isalpha() and phoneme not in _EDGES)
        if phoneme.isspace():
            words += [(start, end, count)] if count else []
            start, count = -1, 0
        elif sound:
            start = at if start < 0 else start
            end = at + samples
            count += phoneme not in _MARKS
        at += samples
    return [*words, (start, end, count)] if count else words


def _inside(data: bytes, span: tuple[int, int], field: int) -> Iterator[tuple[int, int]]:
    """Where each length-delimited ``field`` of the message at ``span`` lies."""
    at, end = span
    while at < end:
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            _, at = _varint(data, at)
        elif kind == _BYTES:
            length, at = _varint(data, at)
            if key >> 3 == field:
                yield at, at + length
            at += length
        elif kind in (_FIXED32, _FIXED64):
            at += 4 if kind == _FIXED32 else 8
        else:
            raise ValueError("not an ONNX file")


def _one(data: bytes, span: tuple[int, int], field: int) -> bytes:
    first = next(_inside(data, span, field), None)
    return data[first[0] : first[1]] if first is not None else b""


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data):
            raise ValueError("not an ONNX file: it ends too soon")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _field(number: int, payload: bytes) -> bytes:
    return _encoded(number << 3 | _BYTES) + _encoded(len(payload)) + payload


def _encoded(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
