"""Who may call the operator from a page."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from console.api import make_api
from tests.console.conftest import SETTINGS, Somebody


@pytest.mark.parametrize(
    ("allowed", "peer", "base", "status"),
    [
        (False, "127.0.0.1", "http://127.0.0.1:8080", 303),
        (True, "127.0.0.1", "http://127.0.0.1:8080", 200),
        (True, "127.0.0.1", "http://localhost:8080", 200),
        (True, "10.0.0.7", "http://desk.example.com", 303),
        (True, "127.0.0.1", "http://rebound.example.com", 303),
    ],
)
async def test_guests_call_from_this_machine_alone_and_only_if_the_settings_say_so(
    people: sa.Engine, tmp_path: Path, allowed: bool, peer: str, base: str, status: int
) -> None:
    settings = SETTINGS.model_copy(update={"phone_without_sign_in": allowed})
    transport = httpx.ASGITransport(make_api(settings, people, tmp_path / "control.sock"), client=(peer, 1234))
    async with httpx.AsyncClient(transport=transport, base_url=base) as http:
        page = await http.get("/phone")
    assert page.status_code == status
    assert ("Talk to the operator" in page.text) == (status == 200)


async def test_everybody_who_is_signed_in_may_call(somebody: Somebody) -> None:
    for name in ("agent", "auditor"):
        async with somebody(name) as http:
            assert "Talk to the operator" in (await http.get("/phone")).text
