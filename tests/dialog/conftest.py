"""Fixtures of the dialog room's tests."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from contracts.virtual_time import LoopClock, run_virtual
from tests.dialog.kit import Talk


@pytest.fixture
def talk() -> Any:
    """``talk(scenario, **parts)`` runs ``async scenario(Talk)`` on virtual time, from the opening to the hang-up."""

    def run(scenario: Any, **parts: Any) -> Talk:
        async def whole() -> Talk:
            conversation = Talk(LoopClock(asyncio.get_running_loop()), **parts)
            await conversation.begin()
            await scenario(conversation)
            await conversation.end()
            return conversation

        result: Talk = run_virtual(whole())
        return result

    return run
