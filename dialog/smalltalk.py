"""Turns that ask nothing of the documents: thanks, a greeting, "say that again", a goodbye. They get prepared words."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from contracts.events import TurnEnded
from dialog.conversation import Conversation
from dialog.intents import ENDING, LINES, PARTING, Intent, classify
from dialog.measure import TurnMeasure
from dialog.speaking import Speaking


@dataclass(slots=True)
class SmallTalk:
    """Of one call."""

    speaking: Speaking
    conversation: Conversation
    parting: bool = False
    """Our goodbye is being said; whoever goes on talking is listened to."""

    def parted(self, event: TurnEnded) -> bool:
        """Is it a caller's goodbye to ours?"""
        return self.parting and classify(event.transcript.text) in PARTING

    async def answer(self, intent: Intent, event: TurnEnded) -> bool:
        """Say what belongs to it. True: it was a goodbye, ours has been said to its end, and the call is over."""
        match intent:
            case Intent.WAIT:
                return False
            case Intent.REPEAT | Intent.SLOWER:
                await self._again(intent, event)
                return False
            case _ if intent not in ENDING:
                await self.speaking.prepared(event, LINES[intent], str(intent))
                return False
            case _ if self.conversation.turn == 1:
                # "Hi" is short and is heard as "Bye": nobody calls to say goodbye, so the first turn never ends a call.
                await self.speaking.prepared(event, "greeting", f"{intent} as the first turn")
                return False
        self.parting = True
        try:
            await self.speaking.prepared(event, "goodbye", str(intent))
        except asyncio.CancelledError:
            self.parting = False  # the caller went on talking: the call goes on too
            raise
        return True

    async def _again(self, intent: Intent, event: TurnEnded) -> None:
        if again := self.conversation.last_said:
            await self.speaking.measured(TurnMeasure(event.timings), again, f"asked for: {intent}")
        else:
            await self.speaking.prepared(event, "slower" if intent is Intent.SLOWER else "nothing_to_repeat")
