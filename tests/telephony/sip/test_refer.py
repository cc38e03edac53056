import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.leg import HangupReason
from telephony.sip.refer import UUI_OCTETS, address_of, close_reason, host_of, parse_uui, refer_uri, uui_octets


def test_a_bare_extension_is_completed_with_the_domain() -> None:
    assert refer_uri("200", "pbx:5080", {}) == "sip:200@pbx:5080"


def test_a_whole_uri_is_left_alone() -> None:
    assert refer_uri("sip:200@pbx;transport=tcp", "other", {}) == "sip:200@pbx;transport=tcp"
    assert refer_uri("queue@pbx", "other", {}) == "sip:queue@pbx"


def test_the_context_travels_as_user_to_user_in_hex() -> None:
    uri = refer_uri("200", "pbx", {"reason": "asked", "handoff": "h1"})
    assert uri == f"sip:200@pbx?User-to-User={b'reason=asked;handoff=h1'.hex()}%3Bencoding%3Dhex"
    assert parse_uui(uri.partition("User-to-User=")[2].replace("%3B", ";")) == {"reason": "asked", "handoff": "h1"}


def test_the_context_can_be_left_out() -> None:
    assert refer_uri("200", "pbx", {"reason": "asked"}, uui=False) == "sip:200@pbx"


@pytest.mark.parametrize("target", ["", "two words", "200\r\nX: y", "<sip:a@b>", "200?Replaces=x", "a&b"])
def test_what_cannot_be_a_target_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="not a transfer target"):
        refer_uri(target, "pbx", {})


@given(st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=90), max_size=6))
def test_user_to_user_never_passes_its_limit(context: dict[str, str]) -> None:
    assert len(uui_octets(context)) <= UUI_OCTETS


def test_pairs_that_do_not_fit_are_left_out_whole() -> None:
    assert uui_octets({"a": "1", "long": "x" * 200, "b": "2"}) == b"a=1;b=2"


def test_user_to_user_from_a_stranger_is_not_trusted_to_be_ours() -> None:
    assert parse_uui("zz;encoding=hex") == {}
    assert parse_uui("ff00;encoding=hex") == {}


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("sip:bob@10.0.0.1:5080;transport=udp", "10.0.0.1:5080"),
        ("sip:pbx", "pbx"),
        ("<sip:a@[::1]:5060>", "[::1]:5060"),
        ("tel:+123", ""),
    ],
)
def test_the_host_of_a_uri(uri: str, host: str) -> None:
    assert host_of(uri) == host


def test_the_address_of_a_header() -> None:
    assert address_of('"Bank" <sip:bank@h;transport=udp>;tag=1') == "sip:bank@h"
    assert address_of("sip:bank@h;tag=1") == "sip:bank@h"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Connection reset by peer [104]", HangupReason.CALLER),
        ("Call transfered", HangupReason.TRANSFERRED),
        ("rtp stream error", HangupReason.MEDIA_TIMEOUT),
        ("487 Request Terminated", HangupReason.CALLER),
        (None, HangupReason.CALLER),
        ("Protocol error [71]", HangupReason.ERROR),
    ],
)
def test_the_librarys_words_become_reasons(text: str | None, reason: HangupReason) -> None:
    assert close_reason(text)[0] is reason
