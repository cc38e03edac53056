"""Long work beside the searches: however it ends, its ticket says so, and the next is begun."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from contracts.errors import DocumentRefused
from knowledge.clerk import Clerk


@pytest.fixture
def clerk() -> Iterator[Clerk]:
    clerk = Clerk()
    yield clerk
    clerk.close()


def ended(clerk: Clerk, ticket: str) -> Mapping[str, Any]:
    """What became of it, once whatever was given before is done."""
    done = threading.Event()

    def finish() -> Mapping[str, Any]:
        done.set()
        return {}

    last = clerk.give(finish)
    while not done.wait(0.05):
        clerk.look(last)  # as an asker does; somebody has to see that the thread is gone
    return clerk.look(ticket)


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (DocumentRefused("too large"), "DocumentRefused", "too large"),
        (sqlite3.OperationalError("disk I/O error"), "KnowledgeError", "disk I/O error"),
    ],
)
def test_an_error_keeps_its_words(clerk: Clerk, error: Exception, kind: str, said: str) -> None:
    def work() -> Mapping[str, Any]:
        raise error

    found = ended(clerk, clerk.give(work))
    assert (found["done"], found["error"]) == (True, kind)
    assert said in found["message"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_nobody_expected_ends_its_ticket_and_not_the_next(clerk: Clerk) -> None:
    def work() -> Mapping[str, Any]:
        raise AssertionError("never thought of")

    found = ended(clerk, clerk.give(work))
    assert found["error"] == "KnowledgeError"
    assert "log of the knowledge worker" in found["message"]
