"""Every byte and every sample against sox, which nobody here wrote."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import numpy as np
import pytest

from telephony.websocket.g711 import alaw_to_linear, linear_to_alaw, linear_to_ulaw, ulaw_to_linear

EVERY_BYTE = bytes(range(256))
EVERY_SAMPLE = np.arange(-32768, 32768).astype("<i2").tobytes()
LAWS = [("mu-law", ulaw_to_linear, linear_to_ulaw), ("a-law", alaw_to_linear, linear_to_alaw)]


def sox(law: str, data: bytes, *, encode: bool) -> bytes:
    wire = ["-t", "raw", "-r", "8000", "-c", "1", "-e", law, "-b", "8", "-"]
    linear = ["-t", "raw", "-r", "8000", "-c", "1", "-e", "signed", "-b", "16", "-"]
    ends = [*linear, *wire] if encode else [*wire, *linear]
    return subprocess.run(["sox", "-D", *ends], input=data, capture_output=True, check=True).stdout


@pytest.mark.skipif(shutil.which("sox") is None, reason="apt-get install sox")
@pytest.mark.parametrize(("law", "decode", "encode"), LAWS)
def test_every_byte_and_every_sample_is_coded_as_sox_does(
    law: str, decode: Callable[[bytes], bytes], encode: Callable[[bytes], bytes]
) -> None:
    assert decode(EVERY_BYTE) == sox(law, EVERY_BYTE, encode=False)
    assert encode(EVERY_SAMPLE) == sox(law, EVERY_SAMPLE, encode=True)


@pytest.mark.parametrize(("law", "decode", "encode"), LAWS)
def test_a_decoded_byte_is_coded_back_to_itself(
    law: str, decode: Callable[[bytes], bytes], encode: Callable[[bytes], bytes]
) -> None:
    there_and_back = encode(decode(EVERY_BYTE))
    differing = [byte for byte in range(256) if there_and_back[byte] != byte]
    assert differing == ([0x7F] if law == "mu-law" else [])  # µ-law has two zeros


def test_the_values_of_the_recommendation_are_met() -> None:
    # G.711 tables 1a and 2a: the ends of the scale and the smallest steps, scaled to 16 bits
    assert np.frombuffer(ulaw_to_linear(b"\x80\x00\xff\xfe"), dtype="<i2").tolist() == [32124, -32124, 0, 8]
    assert np.frombuffer(alaw_to_linear(b"\xaa\x2a\xd5\x55"), dtype="<i2").tolist() == [32256, -32256, 8, -8]


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError):
        linear_to_ulaw(b"\x00\x01\x02")


def test_nothing_gives_nothing() -> None:
    assert linear_to_ulaw(b"") == ulaw_to_linear(b"") == b""
