from __future__ import annotations

from http import HTTPStatus

import pytest
from pydantic import ValidationError

from telephony.websocket.auth import Gatekeeper, signature
from telephony.websocket.settings import WebSocketSettings

AUTH = "12345"
TOKEN = "a-token-of-decent-length"
FAR = "203.0.113.9"


def keeper(**settings: object) -> Gatekeeper:
    return Gatekeeper(WebSocketSettings.model_validate(settings))


def status(gate: Gatekeeper, target: str = "/twilio", address: str = FAR, **headers: str) -> int:
    verdict = gate.judge(target, {name.replace("_", "-"): value for name, value in headers.items()}, address)
    return 101 if verdict.refused is None else int(verdict.refused)


def test_the_signature_is_hmac_sha1_of_the_url_in_base64() -> None:
    # printf '%s' wss://example.com/twilio | openssl dgst -sha1 -hmac 12345 -binary | base64
    assert signature(AUTH, "wss://example.com/twilio") == "4qZsm0/0bGQYw36gQ+0YyAX07W0="


def test_without_any_check_configured_nobody_from_afar_is_admitted() -> None:
    assert status(keeper()) == 403
    assert status(keeper(), address="127.0.0.1") == 403


def test_loopback_is_admitted_unsigned_only_where_the_settings_say_so_and_no_proxy_speaks() -> None:
    gate = keeper(allow_unsigned_loopback=True)
    assert status(gate, address="127.0.0.1") == 101
    assert status(gate, address="::1") == 101
    assert status(gate, address=FAR) == 403
    assert status(gate, address="127.0.0.1", x_forwarded_for="203.0.113.9") == 403
    assert status(gate, address="127.0.0.1", forwarded="") == 403


def test_a_signed_url_is_admitted_and_a_wrong_or_missing_signature_is_not() -> None:
    gate = keeper(auth_token=AUTH)
    signed = signature(AUTH, "wss://voice.example.com/twilio")
    assert status(gate, host="voice.example.com", x_twilio_signature=signed) == 101
    assert status(gate, host="voice.example.com") == 401
    assert status(gate, host="voice.example.com", x_twilio_signature="nonsense ä") == 403
    assert status(gate, host="other.example.com", x_twilio_signature=signed) == 403
    other = signature("other", "wss://voice.example.com/twilio")
    assert status(gate, host="voice.example.com", x_twilio_signature=other) == 403


@pytest.mark.parametrize(
    "url", ["wss://v.example.com/twilio", "wss://v.example.com/twilio/", "wss://v.example.com:443/twilio"]
)
def test_spellings_of_the_same_url_are_all_taken(url: str) -> None:
    gate = keeper(auth_token=AUTH, public_url="wss://v.example.com/twilio")
    assert status(gate, host="10.0.0.7:8081", x_twilio_signature=signature(AUTH, url)) == 101


def test_a_public_url_leaves_the_host_header_without_say() -> None:
    gate = keeper(auth_token=AUTH, public_url="wss://v.example.com/twilio")
    forged = signature(AUTH, "wss://evil.example.com/twilio")
    assert status(gate, host="evil.example.com", x_twilio_signature=forged) == 403


def test_a_shared_token_counts_in_path_and_query_and_may_follow_with_start() -> None:
    gate = keeper(shared_token=TOKEN)
    assert status(gate, f"/twilio/{TOKEN}") == 101
    assert status(gate, f"/twilio?token={TOKEN}") == 101
    assert status(gate, "/twilio/wrong") == 403
    assert status(gate, "/twilio?token=wrong") == 403
    assert gate.judge("/twilio", {}, FAR).token_due
    assert gate.token_matches(TOKEN)
    assert not gate.token_matches("")
    assert not gate.token_matches(TOKEN + "\ud800")


def test_with_both_checks_configured_both_must_pass() -> None:
    gate = keeper(auth_token=AUTH, shared_token=TOKEN)
    url = f"wss://v.example.com/twilio/{TOKEN}"
    assert status(gate, f"/twilio/{TOKEN}", host="v.example.com") == 401
    assert status(gate, f"/twilio/{TOKEN}", host="v.example.com", x_twilio_signature=signature(AUTH, url)) == 101


@pytest.mark.parametrize("target", ["/", "/admin", "/twilioX", "/twilio/extra", "//twilio", "/twilio%2f", "*"])
def test_other_paths_do_not_exist(target: str) -> None:
    gate = keeper(allow_unsigned_loopback=True)
    verdict = gate.judge(target, {}, "127.0.0.1")
    assert verdict.refused is HTTPStatus.NOT_FOUND


def test_a_query_of_a_thousand_fields_carries_no_token_and_raises_nothing() -> None:
    target = "/twilio?" + "&".join(f"token={TOKEN}" for _ in range(1000))
    assert keeper(shared_token=TOKEN).judge(target, {}, FAR).token_due


def test_a_short_shared_token_is_a_settings_error() -> None:
    with pytest.raises(ValidationError, match="16 or more"):
        WebSocketSettings.model_validate({"shared_token": "short"})
