"""ITU-T G.711 µ-law and A-law by table: one byte a sample on the wire, s16le in the house.

Segments and steps of both laws, as 8 bits after the wire's inversion::

    s eee mmmm      µ-law: ((2·m + 33) << e) - 33, times 4 (14 → 16 bits), all bits inverted on the wire
                    A-law: (2·m + 1 [+ 32 if e]) << max(e - 1, 0), times 8 (13 → 16 bits), even bits inverted

G.711 defines its decision values on 14 (µ) and 13 (A) bits; 16-bit samples are rounded to them, not cut off, so that
no offset arises. For every 16-bit value the result is that of sox.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ULAW_SILENCE = 0xFF
"""µ-law zero."""
ALAW_SILENCE = 0xD5
"""A-law's smallest positive step; the law has no zero."""

_ULAW_BIAS = 33
_ULAW_CLIP = 8158


def _ulaw_decode_table() -> NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = (((2 * mantissa + _ULAW_BIAS) << exponent) - _ULAW_BIAS) * 4
    table: NDArray[np.int16] = np.where(code & 0x80, -magnitude, magnitude).astype("<i2")
    return table


def _alaw_decode_table() -> NDArray[np.int16]:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    step = 2 * mantissa + 1 + np.where(exponent > 0, 32, 0)
    magnitude = (step << np.maximum(exponent - 1, 0)) * 8
    table: NDArray[np.int16] = np.where(code & 0x80, magnitude, -magnitude).astype("<i2")
    return table


def _segment(magnitude: NDArray[np.int32], first: int) -> NDArray[np.int32]:
    """Which of eight segments, the first ending below ``first``, each later one twice as far."""
    ends = first << np.arange(7)
    return np.searchsorted(ends, magnitude, side="right").astype(np.int32)


def _every_sample(bits: int) -> NDArray[np.int32]:
    """All 16-bit samples in the order of their unsigned bits, rounded to ``bits`` without overflow."""
    drop = 16 - bits
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    rounded: NDArray[np.int32] = np.minimum((sample + (1 << (drop - 1))) >> drop, (1 << (bits - 1)) - 1)
    return rounded


def _ulaw_encode_table() -> NDArray[np.uint8]:
    """Indexed by the sample as unsigned 16 bits."""
    sample = _every_sample(bits=14)
    magnitude = np.minimum(np.abs(sample), _ULAW_CLIP) + _ULAW_BIAS
    exponent = _segment(magnitude, 64)
    code = (exponent << 4) | ((magnitude >> (exponent + 1)) & 15) | np.where(sample < 0, 0x80, 0)
    return (~code & 0xFF).astype(np.uint8)


def _alaw_encode_table() -> NDArray[np.uint8]:
    """Indexed by the sample as unsigned 16 bits. Negative samples are complemented, so that -1 is the step of 0."""
    sample = _every_sample(bits=13)
    magnitude = np.where(sample < 0, ~sample, sample)
    exponent = _segment(magnitude, 32)
    code = (exponent << 4) | ((magnitude >> np.maximum(exponent, 1)) & 15) | np.where(sample < 0, 0, 0x80)
    return (code ^ 0x55).astype(np.uint8)


_ULAW_TO_LINEAR = _ulaw_decode_table()
_ALAW_TO_LINEAR = _alaw_decode_table()
_LINEAR_TO_ULAW = _ulaw_encode_table()
_LINEAR_TO_ALAW = _alaw_encode_table()


def ulaw_to_linear(ulaw: bytes) -> bytes:
    """s16le, two bytes for each µ-law byte."""
    return bytes(_ULAW_TO_LINEAR[np.frombuffer(ulaw, dtype=np.uint8)].tobytes())


def alaw_to_linear(alaw: bytes) -> bytes:
    """s16le, two bytes for each A-law byte."""
    return bytes(_ALAW_TO_LINEAR[np.frombuffer(alaw, dtype=np.uint8)].tobytes())


def linear_to_ulaw(pcm: bytes) -> bytes:
    """One µ-law byte for each s16le sample. Raises ValueError for an odd number of bytes."""
    return bytes(_LINEAR_TO_ULAW[np.frombuffer(pcm, dtype="<u2")].tobytes())


def linear_to_alaw(pcm: bytes) -> bytes:
    """One A-law byte for each s16le sample. Raises ValueError for an odd number of bytes."""
    return bytes(_LINEAR_TO_ALAW[np.frombuffer(pcm, dtype="<u2")].tobytes())
