from telephony.sip.digits import DigitGate


def test_keys_at_a_fingers_speed_pass() -> None:
    gate = DigitGate(5)
    assert all(gate.admit(key, at) for key, at in zip("0123456789*#ABCD", (i * 0.25 for i in range(16)), strict=True))
    assert gate.dropped == 0


def test_a_flood_is_cut_to_the_rate() -> None:
    gate = DigitGate(5)
    passed = sum(gate.admit("1", i / 100) for i in range(1000))
    assert passed == 50
    assert gate.dropped == 950


def test_what_is_no_key_is_dropped() -> None:
    gate = DigitGate(5)
    assert not gate.admit("", 0.0)
    assert not gate.admit("R", 0.0)
    assert not gate.admit("12", 0.0)
