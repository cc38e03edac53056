"""The client against the real demo bank, and against services that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from contracts.errors import ConfigError, ToolFailed, ToolNotAllowed, ToolRefused, ToolUnavailable, ToolUncertain
from contracts.tools import Effect
from contracts.virtual_time import run_virtual
from operations.tools.client import HttpTools
from operations.tools.settings import Allowed, ToolSettings
from operations.tools.spec import complaints, load_routes
from scripts.demo_bank import Bank

SPEC = Path(__file__).resolve().parents[3] / "configs" / "demo" / "bank" / "openapi.yaml"
READ, WRITE = Allowed(effect=Effect.READ), Allowed(effect=Effect.WRITE)
ALLOW = {"verifyIdentity": READ, "getBalance": READ, "blockCard": WRITE, "bookAppointment": WRITE}
MONDAY = date(2026, 11, 23)


def _tools(app: Any, **settings: Any) -> HttpTools:
    chosen = ToolSettings(base_url="http://bank.test/", allow=ALLOW, **settings)  # type: ignore[arg-type]
    return HttpTools(chosen, load_routes(SPEC, ALLOW), httpx.ASGITransport(app))


def _service(work: Callable[[Request], Awaitable[Response]]) -> Starlette:
    return Starlette(routes=[Route("/{rest:path}", work, methods=["GET", "POST"])])


def _call(app: Any, operation: str, arguments: dict[str, Any], key: str = "", **settings: Any) -> Any:
    async def work() -> Any:
        async with _tools(app, **settings) as tools:
            return await tools.call(operation, arguments, key=key)

    return run_virtual(work())


def test_a_balance_is_read() -> None:
    answer = _call(Bank().app(), "getBalance", {"customer": "c-100", "account": "checking"})
    assert answer.data == {"account": "checking", "current_cents": 125_050, "available_cents": 118_025}


def test_the_same_key_books_once() -> None:
    bank = Bank(lambda: MONDAY)
    wanted = {"customer": "c-100", "day": "2026-11-25", "time": "10:00"}
    answers = [_call(bank.app(), "bookAppointment", wanted, "k1").data for _ in range(2)]
    assert answers[0] == answers[1]
    assert bank.served == ["book"]
    with pytest.raises(ToolRefused) as refused:
        _call(bank.app(), "bookAppointment", wanted, "k2")
    assert refused.value.code == "taken"


def test_what_is_not_allowed_is_not_sent() -> None:
    bank = Bank()
    for operation, arguments, key in (
        ("orderChecks", {"customer": "c-100"}, "k"),
        ("blockCard", {"customer": "c-100", "card": "debit"}, ""),
        ("blockCard", {"customer": "c-100", "card": "gold"}, "k"),
        ("blockCard", {"customer": "../c-100", "card": "debit"}, "k"),
        ("getBalance", {"customer": "c-100"}, ""),
        ("getBalance", {"customer": "c-100", "account": "checking", "to": "me"}, ""),
    ):
        with pytest.raises(ToolNotAllowed):
            _call(bank.app(), operation, arguments, key)
    assert bank.served == []


def test_a_dry_run_sends_no_write_but_reads() -> None:
    bank = Bank()
    assert _call(bank.app(), "blockCard", {"customer": "c-100", "card": "debit"}, "k", dry_run=True).dry_run
    assert _call(bank.app(), "getBalance", {"customer": "c-100", "account": "savings"}, dry_run=True).data
    assert bank.served == ["balance"]


def test_wrong_factors_are_refused_without_saying_which() -> None:
    bank = Bank()
    with pytest.raises(ToolRefused) as refused:
        _call(bank.app(), "verifyIdentity", {"postcode": "60614", "last_four": "0000"})
    assert refused.value.code == "not_verified"
    assert "0000" not in str(refused.value)


def test_guessing_locks_a_customer_even_for_right_answers() -> None:
    bank = Bank()
    for guess in range(6):
        with pytest.raises(ToolRefused):
            _call(bank.app(), "verifyIdentity", {"postcode": "60614", "last_four": f"{guess:04}"})
    with pytest.raises(ToolRefused):
        _call(bank.app(), "verifyIdentity", {"postcode": "60614", "last_four": "4277"})


def test_a_write_without_an_answer_is_sent_again_with_its_key_and_then_uncertain() -> None:
    keys = []

    async def hang(request: Request) -> Response:
        keys.append(request.headers["idempotency-key"])
        await asyncio.sleep(60)
        return Response()

    with pytest.raises(ToolUncertain):
        _call(_service(hang), "blockCard", {"customer": "c-100", "card": "debit"}, "k7")
    assert keys == ["k7", "k7"]


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (PlainTextResponse("x" * 70_000), ToolFailed),
        (PlainTextResponse("<html>"), ToolFailed),
        (PlainTextResponse('{"current_cents": "1"}'), ToolFailed),
        (PlainTextResponse("[" * 5000), ToolFailed),
        (PlainTextResponse("", 302, {"location": "http://elsewhere.test/"}), ToolFailed),
        (PlainTextResponse("no", 500), ToolFailed),
        (PlainTextResponse("later", 503), ToolUnavailable),
        (PlainTextResponse("[]", 404), ToolRefused),
    ],
)
def test_a_service_that_misbehaves_has_a_name(response: Response, error: type[Exception]) -> None:
    async def answer(request: Request) -> Response:
        return response

    with pytest.raises(error):
        _call(_service(answer), "getBalance", {"customer": "c-100", "account": "savings"})


@pytest.mark.parametrize(
    "response", [PlainTextResponse("x" * 70_000), PlainTextResponse("<html>"), PlainTextResponse("[]", 201)]
)
def test_a_write_that_is_answered_oddly_may_have_been_done(response: Response) -> None:
    async def answer(request: Request) -> Response:
        return response

    with pytest.raises(ToolUncertain):
        _call(_service(answer), "blockCard", {"customer": "c-100", "card": "debit"}, "k8")


def test_an_unknown_operation_names_its_neighbour() -> None:
    with pytest.raises(ConfigError, match="did you mean 'getBalance'"):
        load_routes(SPEC, {"getBallance": READ})


def test_references_out_of_the_file_are_refused(tmp_path: Path) -> None:
    spec = tmp_path / "api.yaml"
    spec.write_text(SPEC.read_text().replace("#/components/schemas/Slot", "http://elsewhere.test/slot.json"))
    with pytest.raises(ConfigError, match="leads out of the file"):
        load_routes(spec, {"bookAppointment": WRITE})


def test_an_effect_that_does_not_fit_the_method_is_complained_of() -> None:
    assert complaints(load_routes(SPEC, ALLOW)) == []
    assert "changes nothing" in complaints(load_routes(SPEC, {"getBalance": WRITE}))[0]
