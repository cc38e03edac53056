"""Asks the owner's service over HTTP: allowed operations only, with a deadline, a size limit and an idempotency key.

::

    arguments ─ allow-list ─ OpenAPI file ─► request ──► service
    answer    ◄ OpenAPI file ◄ size ◄ status ◄──────────────┘   each failure has a name (contracts/errors.py)

A write whose answer did not come is sent once more with the same key; the service must then do it once (its duty).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from contracts.errors import ToolError, ToolNotAllowed, ToolRefused, ToolUnavailable
from contracts.tools import Effect, Operation, ToolAnswer
from operations.tools.exchange import code_of, decoded, exchange, odd
from operations.tools.settings import ToolSettings
from operations.tools.spec import Route

TRIES = 2


class HttpTools:
    """contracts.tools.Tools on one service. ``transport``: instead of the network, such as httpx.ASGITransport."""

    def __init__(
        self, settings: ToolSettings, routes: Mapping[str, Route], transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._settings = settings
        self._routes = dict(routes)
        token = settings.token.get_secret_value()
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}  # no bombs of 1 KB that unpack to 1 GB
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._client = httpx.AsyncClient(
            base_url=str(settings.base_url or ""), headers=headers, timeout=None, follow_redirects=False,
            transport=transport, trust_env=False,
        )  # fmt: skip

    @property
    def operations(self) -> Mapping[str, Operation]:
        """What is allowed."""
        return {name: route.operation for name, route in self._routes.items()}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """contracts.tools.Tools.close."""
        await self._client.aclose()

    async def call(self, operation: str, arguments: Mapping[str, Any], *, key: str = "") -> ToolAnswer:
        """contracts.tools.Tools.call. Raises ToolError, by name."""
        route = self._routes.get(operation)
        if route is None:
            raise ToolNotAllowed(f"{operation!r} is not in tools.allow of the settings")
        writes = route.operation.effect is Effect.WRITE
        if writes and not key:
            raise ToolNotAllowed(f"{operation}: a write needs an idempotency key")
        request = self._build(route, arguments, key if writes else "")
        if writes and self._settings.dry_run:
            return ToolAnswer({}, dry_run=True)
        for left in reversed(range(TRIES)):
            try:
                return await self._once(route, request)
            except ToolError as error:
                if not error.retryable or not left:
                    raise
        raise AssertionError("unreachable")

    def _build(self, route: Route, arguments: Mapping[str, Any], key: str) -> httpx.Request:
        wanted = route.request(arguments)
        headers = {self._settings.idempotency_header: key} if key else {}
        # The base's own path is kept: http://host/api + /accounts.
        request = self._client.build_request(
            wanted.method, wanted.path.lstrip("/"), params=wanted.query or None, json=wanted.body, headers=headers
        )
        if len(request.content) > self._settings.max_request_bytes:
            raise ToolNotAllowed(f"{route.operation.name}: the request is larger than tools.max_request_bytes")
        return request

    async def _once(self, route: Route, request: httpx.Request) -> ToolAnswer:
        name = route.operation.name
        status, content = await exchange(
            self._client,
            request,
            name=name,
            timeout_s=route.timeout_s or self._settings.timeout_s,
            limit=self._settings.max_answer_bytes,
            writes=route.operation.effect is Effect.WRITE,
        )
        return ToolAnswer(_read(route, status, content))


def _read(route: Route, status: int, content: bytes) -> dict[str, Any]:
    name, useless = route.operation.name, odd(route.operation.effect is Effect.WRITE)
    if status in (429, 503):
        raise ToolUnavailable(f"{name}: the service takes no requests now ({status})")
    if status >= 500:
        raise useless(f"{name}: the service failed ({status})")
    data = decoded(content)
    if 400 <= status < 500:
        raise ToolRefused(f"{name}: the service said no ({status})", code_of(data))
    if not 200 <= status < 300 or not isinstance(data, dict):
        raise useless(f"{name}: the answer ({status}) is no JSON object")
    if route.answer is not None and not route.answer.is_valid(data):
        raise useless(f"{name}: the answer is not as the OpenAPI file describes it")
    return data
