"""A bank to try the operator's tools on: in memory, with made-up customers. Not a bank.

::

    .venv/bin/python -m scripts.demo_bank            # answers at http://127.0.0.1:8090, forgets everything when it ends

Its OpenAPI file is configs/demo/bank/openapi.yaml. A POST with an idempotency key that was seen gets its first answer.
POST /payments is the payment endpoint that keyed-in cards go to (docs/tools.md): it takes any card with a right check
digit, declines 4000 0000 0000 0002, and keeps no number.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any

from rapidfuzz import fuzz
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from stdnum import luhn

MAX_FAILURES = 6
"""Wrong answers about one customer until nobody is taken for that customer any more (until the bank is restarted)."""
ALIKE = 80
"""Names are as recognisers spell them: at least so alike (rapidfuzz ratio, 0..100)."""
OPENS, CLOSES, SATURDAY_CLOSES = time(9, 30), time(16, 0), time(11, 30)
"""First and last half hour of a day; see configs/demo/knowledge/appointments.md."""
AHEAD = 30
PAYMENT_TOKEN = "demo-bank"
"""The payment endpoint's bearer token; configs/demo.yaml has it too. A real one stands in no file of a project."""
DECLINED = "4000000000000002"
"""A test number that every card processor declines."""


@dataclass(slots=True)
class Customer:
    """A made-up customer. Cards: name → last four digits."""

    id: str
    name: str
    date_of_birth: str
    postcode: str
    last_four: str
    address: str
    cents: dict[str, tuple[int, int]]
    cards: dict[str, str]
    blocked: list[str] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    failures: int = 0
    due_cents: int = 0
    """On the credit card."""

    def knows(self, factors: dict[str, str]) -> int:
        """How many of the factors are this customer's."""
        given = {key: value for key, value in factors.items() if key != "name"}
        right = sum(bool(getattr(self, key) == value) for key, value in given.items())
        named = "name" in factors and fuzz.token_sort_ratio(factors["name"].lower(), self.name.lower()) >= ALIKE
        return right + int(named)


def made_up() -> list[Customer]:
    """The customers a bank starts with; two of them are easily confused."""
    return [
        Customer("c-100", "Linda Brown", "1984-03-05", "60614", "4277", "12 Oak Lane", {"checking": (125_050, 118_025),
                 "savings": (1_200_000, 1_200_000)}, {"debit": "8841", "credit": "1903"}, due_cents=24_510),
        Customer("c-101", "Robert Hale", "1951-11-23", "60615", "0906", "4 Mill Road", {"checking": (9_430, 9_430)},
                 {"debit": "5512"}),
        Customer("c-102", "Ann Hale", "1953-07-30", "60615", "0906", "4 Mill Road", {"checking": (-2_015, -2_015)},
                 {"debit": "7740"}),
    ]  # fmt: skip


class Bank:
    """Its books. ``done``: idempotency key → what was answered; ``served``: requests by operation."""

    def __init__(self, today: Callable[[], date] = date.today) -> None:
        self.today = today
        self.customers = {one.id: one for one in made_up()}
        self.taken: dict[tuple[str, str], str] = {}
        self.done: dict[str, tuple[str, int, dict[str, Any]]] = {}
        self.served: list[str] = []
        self.payments: list[dict[str, str]] = []
        """Approved ones: customer, cents, brand, last four."""

    def app(self) -> Starlette:
        """The HTTP service."""
        return Starlette(
            routes=[
                Route("/identity", self.identity, methods=["POST"]),
                Route("/customers/{customer}/balance", self.balance),
                Route("/customers/{customer}/checks/quote", self.quote),
                Route("/customers/{customer}/checks", self._once(self.order), methods=["POST"]),
                Route("/customers/{customer}/cards/{card}/block", self._once(self.block), methods=["POST"]),
                Route("/customers/{customer}/bill", self.bill),
                Route("/payments", self._once(self.pay), methods=["POST"]),
                Route("/appointments/free", self.free),
                Route("/customers/{customer}/appointments", self._once(self.book), methods=["POST"]),
            ]
        )

    def _once(self, work: Callable[[Request], Awaitable[JSONResponse]]) -> Callable[[Request], Awaitable[Response]]:
        """The same key: the same answer, and nothing is done again."""

        async def handle(request: Request) -> Response:
            key = request.headers.get("idempotency-key", "")
            if not key:
                return _no("no_key", 400)
            if key in self.done:
                path, status, body = self.done[key]
                return JSONResponse(body, status) if path == request.url.path else _no("key_of_another", 422)
            response = await work(request)
            self.done[key] = (request.url.path, response.status_code, json.loads(bytes(response.body)))
            return response

        return handle

    async def identity(self, request: Request) -> JSONResponse:
        """Who is it? All factors given must be one customer's; which one was wrong is not told."""
        self.served.append("identity")
        factors: dict[str, str] = await request.json()
        found = [one for one in self.customers.values() if one.knows(factors) == len(factors)]
        if len(found) > 1:
            return JSONResponse({"status": "more"})
        if found and found[0].failures < MAX_FAILURES:
            found[0].failures = 0
            return JSONResponse({"status": "verified", "customer": found[0].id})
        for one in self.customers.values():
            one.failures += one.knows(factors) > 0
        return _no("not_verified", 403)

    async def balance(self, request: Request) -> JSONResponse:
        """Of one account."""
        self.served.append("balance")
        customer, account = self._customer(request), request.query_params["account"]
        if customer is None or account not in customer.cents:
            return _no("no_such_account", 404)
        current, available = customer.cents[account]
        return JSONResponse({"account": account, "current_cents": current, "available_cents": available})

    async def quote(self, request: Request) -> JSONResponse:
        """What a box of checks would cost; from 65 years on it is free."""
        self.served.append("quote")
        customer = self._customer(request)
        if customer is None:
            return _no("no_such_customer", 404)
        born = date.fromisoformat(customer.date_of_birth)
        old = self.today().year - born.year - ((self.today().month, self.today().day) < (born.month, born.day)) >= 65
        return JSONResponse({"checks": 100, "price_cents": 0 if old else 1_800, "address": customer.address})

    async def order(self, request: Request) -> JSONResponse:
        """A box of checks, once."""
        self.served.append("order")
        customer = self._customer(request)
        if customer is None:
            return _no("no_such_customer", 404)
        customer.orders.append(f"k-{len(customer.orders) + 1}")
        return JSONResponse({"order": customer.orders[-1], "arrives": (self.today() + timedelta(14)).isoformat()}, 201)

    async def block(self, request: Request) -> JSONResponse:
        """A card can no longer be used, and a new one is mailed."""
        self.served.append("block")
        customer, card = self._customer(request), request.path_params["card"]
        if customer is None or card not in customer.cards:
            return _no("no_such_card", 404)
        if card not in customer.blocked:
            customer.blocked.append(card)
        replacement = (self.today() + timedelta(9)).isoformat()
        return JSONResponse({"card": card, "last_four": customer.cards[card], "replacement": replacement})

    async def bill(self, request: Request) -> JSONResponse:
        """What is due on the credit card."""
        self.served.append("bill")
        customer = self._customer(request)
        if customer is None or "credit" not in customer.cards:
            return _no("no_such_card", 404)
        return JSONResponse({"due_cents": customer.due_cents, "card": customer.cards["credit"]})

    async def pay(self, request: Request) -> JSONResponse:
        """The payment endpoint: a card is charged with what is due. What it was keyed in as is not kept."""
        self.served.append("pay")
        if request.headers.get("authorization") != f"Bearer {PAYMENT_TOKEN}":
            return _no("no_token", 401)
        wanted = await request.json()
        keyed, details = wanted["keyed"], wanted["details"]
        customer = self.customers.get(details.get("customer", ""))
        if customer is None or not luhn.is_valid(keyed["card_number"]):
            return _no("bad_request", 400)
        if keyed["card_number"] == DECLINED:
            return JSONResponse({"status": "declined", "code": "insufficient_funds"}, 402)
        brand = {"4": "Visa", "5": "Mastercard", "3": "American Express"}.get(keyed["card_number"][0], "Card")
        last_four, cents = keyed["card_number"][-4:], int(details["due_cents"])
        customer.due_cents -= cents
        self.payments.append({"customer": customer.id, "cents": str(cents), "brand": brand, "last_four": last_four})
        reference = f"P-{len(self.payments)}"
        token = f"tok_{hashlib.sha256(request.headers['idempotency-key'].encode()).hexdigest()[:16]}"
        return JSONResponse({"status": "approved", "token": token, "last_four": last_four, "brand": brand,
                             "reference": reference})  # fmt: skip

    async def free(self, request: Request) -> JSONResponse:
        """The free half hour nearest to a time of a day."""
        self.served.append("free")
        day, wanted = request.query_params["day"], request.query_params["time"]
        slots = [slot for slot in self._slots(date.fromisoformat(day)) if (day, slot) not in self.taken]
        if not slots:
            return _no("no_such_day", 409)
        nearest = min(slots, key=lambda slot: abs(_minutes(slot) - _minutes(wanted)))
        return JSONResponse({"day": day, "time": nearest})

    async def book(self, request: Request) -> JSONResponse:
        """A half hour, if it is still free."""
        self.served.append("book")
        customer, wanted = self._customer(request), await request.json()
        slot = (wanted["day"], wanted["time"])
        if customer is None or slot in self.taken or slot[1] not in self._slots(date.fromisoformat(slot[0])):
            return _no("taken", 409)
        self.taken[slot] = customer.id
        return JSONResponse({"day": slot[0], "time": slot[1]}, 201)

    def _customer(self, request: Request) -> Customer | None:
        return self.customers.get(request.path_params["customer"])

    def _slots(self, day: date) -> list[str]:
        if day.weekday() == 6 or not timedelta(0) < day - self.today() <= timedelta(AHEAD):
            return []
        last = SATURDAY_CLOSES if day.weekday() == 5 else CLOSES
        return [f"{at // 60:02}:{at % 60:02}" for at in range(_minutes(f"{OPENS}"), _minutes(f"{last}") + 1, 30)]


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")[:2]
    return int(hours) * 60 + int(minutes)


def _no(code: str, status: int) -> JSONResponse:
    return JSONResponse({"code": code}, status)


def main() -> None:
    """Answer until Ctrl-C."""
    import uvicorn

    parser = argparse.ArgumentParser(description="A made-up bank for the operator's tools; forgets all when it ends.")
    parser.add_argument("--port", type=int, default=8090)
    port = parser.parse_args().port
    print(f"demo bank at http://127.0.0.1:{port}; try as: Linda Brown, born March 5th 1984, 60614, account …4277")
    uvicorn.run(Bank().app(), host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main()
