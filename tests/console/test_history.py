"""Finding calls that were."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts.events import Event, EventKind
from operations.audit import AuditLog
from tests.console.conftest import Somebody
from tests.operations.kit import START, call_events, keep
from tests.postgres import BOTH

pytestmark = pytest.mark.parametrize("people", BOTH, indirect=True)


@pytest.fixture
def record(people: sa.Engine, tmp_path: Path) -> sa.Engine:
    """An escalated call about a fee, and a plain one a day later about 100 % cash."""
    later = START + timedelta(days=1)
    plain = [
        Event(EventKind.CALL_STARTED, "call-2", {"caller": "sip:bo@example.org"}, 0, later),
        Event(EventKind.TURN_CALLER, "call-2", {"turn": 1, "text": "Is it 100% cash?"}, 1, later),
    ]
    told = Event(EventKind.TURN_PERSON, "call-2", {"by": "sofia", "text": "Yes, at Zürich 5 % less."}, 1, later)
    asked = Event(EventKind.DESK_SUGGESTED, "call-1", {"text": "Zürich"}, 1, START)
    keep(people, tmp_path / "spool", [*call_events(), asked, *plain, told])
    return people


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, {"call-1", "call-2"}),
        ({"q": "WHAT is the fee"}, {"call-1"}),
        ({"q": "thirty dollars"}, {"call-1"}),
        ({"q": "bo@example"}, {"call-2"}),
        ({"q": "100%"}, {"call-2"}),
        ({"q": "%"}, {"call-2"}),
        ({"q": "at zürich"}, {"call-2"}),
        ({"q": "Zürich 5 %"}, {"call-2"}),
        ({"q": "sofia"}, set()),
        ({"escalated": "yes"}, {"call-1"}),
        ({"until": START.date().isoformat()}, {"call-1"}),
        ({"q": "nothing of the kind"}, set()),
    ],
)
async def test_calls_are_found(record: sa.Engine, somebody: Somebody, asked: dict[str, str], found: set[str]) -> None:
    async with somebody("auditor") as http:
        page = (await http.get("/history", params=asked)).text
    assert {one for one in ("call-1", "call-2") if f'href="/calls/{one}"' in page} == found


async def test_a_search_is_written_down_and_needs_the_right_to_read(record: sa.Engine, somebody: Somebody) -> None:
    async with somebody("supervisor") as http:
        await http.get("/history", params={"q": "fee"})
        assert (await http.get("/history", params={"until": "soon"})).status_code == 400
    async with somebody("agent") as http:
        assert (await http.get("/history", params={"q": "fee"})).status_code == 403
    noted = [(one["by"], one["what"]) for one in AuditLog(record).latest() if one["action"] == "history.search"]
    assert noted == [("supervisor", "fee")]
