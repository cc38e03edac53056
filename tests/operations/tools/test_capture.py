"""The payment endpoint's client: what it sends, what it keeps of an answer, what it does when none comes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from contracts.capture import Keyed, Order
from contracts.errors import ConfigError, ToolError, ToolRefused, ToolUnavailable, ToolUncertain
from contracts.virtual_time import run_virtual
from operations.tools.capture import HttpPayments, body_of
from operations.tools.settings import CaptureSettings

CARD = "4539578763621486"
APPROVED = {"status": "approved", "token": "tok_1", "last_four": "1486", "brand": "Visa", "reference": "P-1"}


def order() -> Order:
    keyed = {"card_number": Keyed(), "expiry": Keyed()}
    for name, digits in (("card_number", CARD), ("expiry", "1228")):
        for digit in digits:
            keyed[name].add(digit)
    return Order("pay", "call-1", "key-1", keyed, {"customer": "c-100", "due_cents": 24510})


class Endpoint(httpx.AsyncBaseTransport):
    """Answers in turn; an exception is raised, a callable awaited. ``sent``: bodies and headers, as they came."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.sent: list[tuple[bytes, httpx.Headers]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.answers.pop(0)
        if isinstance(answer, httpx.ConnectError):
            raise answer
        self.sent.append((await request.aread(), request.headers))
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            await answer()
        status, data = answer if isinstance(answer, tuple) else (200, answer)
        content = data if isinstance(data, bytes) else json.dumps(data).encode()
        return httpx.Response(status, stream=httpx.ByteStream(content))


def post(endpoint: Endpoint, made: Order | None = None, **more: Any) -> Any:
    async def work() -> Any:
        settings = CaptureSettings.model_validate(
            {"url": "https://pay.test/in", "hosts": ["pay.test"], "token": "s3cret", **more}
        )
        payments = HttpPayments(settings, endpoint)
        try:
            return await payments.post(made or order())
        finally:
            await payments.close()

    return run_virtual(work())


def test_the_digits_are_posted_once_as_json_and_wiped() -> None:
    endpoint, made = Endpoint(APPROVED), order()
    reply = post(endpoint, made)
    body, headers = endpoint.sent[0]
    assert json.loads(body) == {
        "task": "pay", "call_id": "call-1", "details": {"customer": "c-100", "due_cents": 24510},
        "keyed": {"card_number": CARD, "expiry": "1228"},
    }  # fmt: skip
    assert headers["idempotency-key"] == "key-1"
    assert headers["authorization"] == "Bearer s3cret"
    assert headers["content-length"] == str(len(body))
    assert "transfer-encoding" not in headers
    assert reply.approved
    assert reply.values == {key: value for key, value in APPROVED.items() if key != "status"}
    assert [len(one) for one in made.keyed.values()] == [0, 0]


def test_the_body_fits_whatever_is_keyed() -> None:
    made = order()
    assert json.loads(bytes(body_of(made)))["keyed"]["card_number"] == CARD
    made.wipe()
    assert json.loads(bytes(body_of(made)))["keyed"] == {"card_number": "", "expiry": ""}


async def _hangs() -> None:
    await asyncio.sleep(100)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (_hangs, ToolUncertain),
        (httpx.ReadError("cut"), ToolUncertain),
        ((500, {"status": "approved"}), ToolUncertain),
        ((200, b"not json"), ToolUncertain),
        ((200, {"status": "perhaps"}), ToolUncertain),
        ((200, b" " * 70_000), ToolUncertain),
        ((302, {}), ToolUncertain),
        ((401, {"code": "no_token"}), ToolRefused),
        ({**APPROVED, "token": f"tok-{CARD}"}, ToolUncertain),
    ],
)
def test_each_failure_has_a_name_without_a_digit_and_is_not_sent_twice(answer: Any, error: type[ToolError]) -> None:
    endpoint, made = Endpoint(answer), order()
    with pytest.raises(error) as caught:
        post(endpoint, made)
    assert len(endpoint.sent) == 1
    for text in (str(caught.value), repr(caught.value), repr(caught.value.__cause__)):
        assert CARD[4:8] not in text
    assert [len(one) for one in made.keyed.values()] == [0, 0]


def test_what_never_left_is_tried_once_more() -> None:
    endpoint = Endpoint(httpx.ConnectError("refused"), APPROVED)
    assert post(endpoint).approved
    assert len(endpoint.sent) == 1
    with pytest.raises(ToolUnavailable):
        post(Endpoint(httpx.ConnectError("refused"), httpx.ConnectError("refused")))


def test_an_owner_whose_endpoint_does_a_key_once_may_have_it_sent_again() -> None:
    endpoint = Endpoint(httpx.ReadError("cut"), APPROVED)
    assert post(endpoint, once_more=True).approved
    assert [headers["idempotency-key"] for _, headers in endpoint.sent] == ["key-1", "key-1"]
    assert endpoint.sent[0][0] == endpoint.sent[1][0]


@pytest.mark.parametrize("answer", [(402, {"code": "Insufficient_Funds"}), {"status": "declined", "code": "x1"}])
def test_a_declined_card_is_an_answer(answer: Any) -> None:
    reply = post(Endpoint(answer))
    assert not reply.approved
    assert reply.code in ("insufficient_funds", "x")


@pytest.mark.parametrize(
    ("told", "kept"),
    [({"last_four": "4539"}, ("last_four", "")), ({"brand": "Visa 4539"}, ("brand", "")), ({"token": 7}, ("token", "")),
     ({"more": "things"}, ("brand", "Visa"))],
)  # fmt: skip
def test_only_what_may_be_kept_is_kept(told: dict[str, Any], kept: tuple[str, str]) -> None:
    values = post(Endpoint({**APPROVED, **told})).values
    assert values[kept[0]] == kept[1]
    assert set(values) == {"token", "last_four", "brand", "reference"}


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"url": "http://pay.test/", "hosts": ["pay.test"]}, "https"),
        ({"url": "https://pay.test/"}, "hosts"),
        ({"url": "https://me:pw@pay.test/", "hosts": ["pay.test"]}, "password"),
        ({"url": "https://127.0.0.1.pay.test/"}, "hosts"),
    ],
)
def test_an_endpoint_that_is_not_safe_is_refused(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        CaptureSettings.model_validate(given)


def test_this_very_machine_needs_no_tls() -> None:
    for url in ("http://127.0.0.1:8090/in", "http://localhost/in", "http://[::1]:9/in"):
        assert CaptureSettings.model_validate({"url": url}).url is not None


def test_the_token_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("abc\n")
    make: Callable[..., CaptureSettings] = lambda **more: CaptureSettings.model_validate(more)  # noqa: E731
    assert make(token_file=file).bearer() == "abc"
    assert "abc" not in repr(make(token="abc"))
    for wrong in ("", "a\x01b"):
        file.write_text(wrong)
        with pytest.raises(ConfigError, match="token_file"):
            make(token_file=file).bearer()
    with pytest.raises(ConfigError, match="ca_file"):
        HttpPayments(make(ca_file=tmp_path / "none"))
