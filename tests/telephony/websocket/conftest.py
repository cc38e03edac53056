"""Fixtures: a WebSocketServer on a free port."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from contracts.clock import Clock, MonotonicClock
from telephony.websocket.settings import WebSocketSettings
from tests.telephony.websocket.kit import House, MakeHouse


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    """What was logged. The default renderer draws tracebacks with locals, which holds the loop for a second."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture
def make_house() -> MakeHouse:
    """``async with make_house(settings=…, clock=…) as house``: unsigned loopback streams unless told otherwise."""

    @contextlib.asynccontextmanager
    async def make(clock: Clock | None = None, **settings: object) -> AsyncIterator[House]:
        values: dict[str, object] = {"port": 0, "allow_unsigned_loopback": True, **settings}
        house = House(WebSocketSettings.model_validate(values), clock or MonotonicClock())
        await house.server.start(house.handle)
        if clock is None:
            house.ticker.start()
        try:
            yield house
        finally:
            await house.server.close()
            await house.ticker.close()

    return make


@pytest.fixture
async def house(make_house: MakeHouse) -> AsyncIterator[House]:
    async with make_house() as running:
        yield running
