import logging

import pytest

from telephony.sip.digits import DigitGate, without_keys
from telephony.sip.settings import SipSettings


def test_keys_at_a_fingers_speed_pass() -> None:
    gate = DigitGate(5, 5)
    assert all(gate.admit(key, at) for key, at in zip("0123456789*#ABCD", (i * 0.25 for i in range(16)), strict=True))
    assert gate.dropped == 0


def test_a_card_with_its_date_and_code_passes_in_one_burst() -> None:
    settings = SipSettings()
    gate = DigitGate(settings.dtmf_per_second, settings.dtmf_burst)
    assert all(gate.admit(key, 7.0) for key in "4539578763621486#1228#737#")


def test_a_flood_is_cut_to_the_rate() -> None:
    gate = DigitGate(5, 5)
    passed = sum(gate.admit("1", i / 100) for i in range(1000))
    assert 50 <= passed <= 55
    assert gate.dropped == 1000 - passed


def test_what_is_no_key_is_dropped() -> None:
    gate = DigitGate(5, 5)
    assert not gate.admit("", 0.0)
    assert not gate.admit("R", 0.0)
    assert not gate.admit("12", 0.0)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("call: received SIP INFO DTMF: '4' (duration=160ms)", False),
        (
            "INFO sip:bank@127.0.0.1 SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=4\r\nDuration=160",
            False,
        ),
        ("Signal= 7", False),
        ("INVITE sip:bank@127.0.0.1 SIP/2.0\r\nAccept: application/sdp, application/dtmf-relay", True),
        ("call: media established", True),
    ],
)
def test_the_librarys_log_tells_no_key(line: str, kept: bool) -> None:
    record = logging.LogRecord("baresip.native.sip", logging.DEBUG, "", 0, "%s", (line,), None)
    assert without_keys(record) is kept
