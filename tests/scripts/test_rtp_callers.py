from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from contracts.audio import FRAME_BYTES, RATE
from scripts.rtp_callers import SILENT_PAYLOAD
from scripts.rtp_voices import PAUSE_PACKETS, Arrivals, HeldVoice, quiet_line, sounding, span_of
from scripts.sip_message import Message, audio_port
from telephony.resample import StreamResampler
from telephony.websocket.g711 import linear_to_ulaw

ANSWER = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=1\r\nVia: SIP/2.0/UDP b;branch=2\r\nTo: <sip:x@y>;tag=77\r\n"
    b"CSeq: 1 INVITE\r\nContact: <sip:x@127.0.0.1:5060>\r\n\r\nv=0\r\nm=audio 20042 RTP/AVP 0\r\n"
)


def tone(seconds: float) -> bytes:
    n = np.arange(round(seconds * RATE))
    return (8000 * np.sin(2 * np.pi * 440 * n / RATE)).astype("<i2").tobytes()


def packets(pcm: bytes) -> list[bytes]:
    resampler = StreamResampler(RATE, 8000)
    return [linear_to_ulaw(resampler.process(pcm[at : at + FRAME_BYTES])) for at in range(0, len(pcm), FRAME_BYTES)]


def listen(payloads: list[bytes], *, skip: int = -1) -> HeldVoice:
    voice = HeldVoice([SILENT_PAYLOAD], Arrivals(), Counter(), judge_from=0.0)
    for number, payload in enumerate(payloads):
        if number != skip:
            voice.heard(payload, number & 0xFFFF, 1.0 + number * 0.02)
    return voice


def test_a_message_keeps_its_repeated_headers_in_order() -> None:
    message = Message.parse(ANSWER)
    assert (message.status, message.method) == (200, "INVITE")
    assert message.headers["via"].split("\n") == ["SIP/2.0/UDP a;branch=1", "SIP/2.0/UDP b;branch=2"]
    assert audio_port(message.body) == 20042


def test_what_is_no_sip_is_refused() -> None:
    with pytest.raises(ValueError, match="not SIP"):
        Message.parse(b"\x80\x00nonsense")


def test_an_utterance_is_as_long_as_its_own_sound() -> None:
    pcm = tone(1.0)
    quiet = [SILENT_PAYLOAD] * (PAUSE_PACKETS + 5)
    voice = listen([*quiet, *packets(pcm), *quiet])
    assert voice.spans == {span_of(pcm): 1}
    assert voice.arrivals.lost == voice.arrivals.missed == 0


def test_a_frame_that_came_too_late_to_the_wire_makes_it_longer() -> None:
    pcm = tone(1.0)
    sent = packets(pcm)
    quiet = [SILENT_PAYLOAD] * (PAUSE_PACKETS + 5)
    voice = listen([*quiet, *sent[:20], SILENT_PAYLOAD, *sent[20:], *quiet])
    assert voice.spans == {span_of(pcm) + 1: 1}


def test_a_lost_packet_and_a_late_one_are_counted() -> None:
    voice = listen([SILENT_PAYLOAD] * 10, skip=5)
    assert voice.arrivals.lost == 1
    voice.heard(SILENT_PAYLOAD, 10, 1.0 + 9 * 0.02 + 0.09)
    assert voice.arrivals.missed == 1
    assert voice.arrivals.quantile_ms(0.5) == 20.0


def test_a_number_that_wraps_is_no_loss() -> None:
    voice = HeldVoice([SILENT_PAYLOAD], Arrivals(), Counter(), judge_from=0.0)
    for step, number in enumerate((0xFFFE, 0xFFFF, 0, 1)):
        voice.heard(SILENT_PAYLOAD, number, 1.0 + step * 0.02)
    assert voice.arrivals.lost == 0


def test_a_quiet_line_is_no_sound_of_the_operator_but_no_digital_silence_either() -> None:
    line = quiet_line(-55.0)
    assert all(sounding(payload) for payload in line)
    assert not sounding(SILENT_PAYLOAD)
    assert line == quiet_line(-55.0)
