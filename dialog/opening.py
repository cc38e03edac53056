"""How a call begins: what the law wants said is said first, whole, and written down; then consent to recording.

::

    answer ──► disclosure (not interruptible) ──► announce: notice ──────────────► opening
                  │ call.disclosed                ask: question ─► yes, 1 ───────► opening
                  ▼ within DISCLOSED_WITHIN_S                   └► no, 2, else ──► unrecorded, opening
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import structlog

from contracts.events import EventKind, Rung
from contracts.recording import CallRecording
from dialog.services import DialogServices
from dialog.speaking import Speaking
from escalation.offers import answer_to_offer
from escalation.phrases import normalise
from voice.completeness import Expectation
from voice.ear import Ear
from voice.utterance import Utterance

log = structlog.get_logger()
DISCLOSED_WITHIN_S = 6.0
"""From the answer to the end of the sentence that says that this is a machine."""
_TRIES = 2
_AGREES = re.compile(
    r"\b(?:no (?:problem|problems|objection|objections|worries|that's (?:fine|ok|okay|all right|alright))"
    r"|(?:don't|do not|wouldn't) mind|that's (?:fine|ok|okay|all right|alright|good)|fine (?:with|by) me"
    r"|i (?:agree|consent)|you (?:may|can))\b|^(?:press |number )?(?:one|1)$"
)
_REFUSES = re.compile(
    r"\b(?:rather (?:not|you (?:didn't|don't|did not))|prefer (?:not|you (?:didn't|don't))"
    r"|(?:don't|do not) (?:record|want|consent|agree)|(?:not|without)(?: be| being)? (?:record|recorded|recording)"
    r"|no recording|i (?:object|refuse|mind))\b|^(?:press |number )?(?:two|2)$"
)


def consents(text: str) -> bool | None:
    """True: the call may be recorded; False: it may not; None: the caller said something else."""
    words = normalise(text)
    if _REFUSES.search(words):
        return False
    return True if _AGREES.search(words) else answer_to_offer(text)


class Opening:
    """Of one call. ``recording`` None: it is not recorded, and nothing is asked."""

    def __init__(self, services: DialogServices, speaking: Speaking, ear: Ear, recording: CallRecording | None) -> None:
        self._services = services
        self._speaking = speaking
        self._ear = ear
        self._recording = recording
        self._answered_at = services.clock.now()
        self._decided = False
        self._witness: asyncio.Task[bool] | None = None
        self.pending = recording is not None and services.settings.recording_consent == "ask"
        """Whether the call may be recorded is open."""
        self._untold = recording is not None and services.settings.recording_consent == "announce"

    async def disclose(self) -> None:
        """Say that this is a machine; said again if it could not be heard. Whoever talks meanwhile does not end it."""
        for attempt in range(_TRIES):
            text = self._speaking.lines.get("disclosure")
            utterance = self._speaking.say(text, interruptible=False, first=True)
            # A turn may replace what the session is doing while the sentence goes on: it is witnessed on its own.
            self._witness = asyncio.create_task(self._witnessed(utterance, text), name="disclosure")
            if await asyncio.shield(self._witness):
                return
            log.error("disclosure.not_said", attempt=attempt + 1)

    async def greet(self) -> None:
        """What comes after it: notice of recording, or the question, and the opening."""
        if self.pending:
            self._ear.expect(Expectation.YES_NO)
            await self._speaking.line("recording_question")
            return
        await self.tell()
        await self._speaking.line("opening")

    async def tell(self) -> None:
        """That the call may be recorded, unless it was said: a caller who talks at once is told before the answer."""
        if self._untold:
            self._untold = False
            await self._speaking.line("recording_notice", interruptible=False)
            self._decide(True, "announced")
        elif self._recording is not None and not self.pending and not self._decided:
            self._decide(True, "not asked")

    async def answered(self, text: str) -> bool:
        """The caller's first words while it is open. False: they were about something else, and are to be answered;
        without a yes the call is not recorded."""
        agreed = consents(text)
        if agreed is None:
            self._decide(False, "said neither")
            return False
        await self.choose(agreed, "said")
        return True

    async def choose(self, agreed: bool, how: str) -> None:
        """The caller has decided."""
        self._decide(agreed, how)
        await self._speaking.line("recording_yes" if agreed else "recording_no", first=True)
        await self._speaking.line("opening")

    def repeated(self) -> None:
        """The caller asked whether this is a machine, and was told."""
        self._disclosed(self._speaking.lines.get("robot"), whole=True, again=True)

    async def close(self) -> None:
        """The call is over: without an answer there is no recording."""
        if self.pending or self._untold:
            self._decide(False, "no answer" if self.pending else "not announced")
        if self._witness is not None and not self._witness.done():
            self._witness.cancel()
            await asyncio.wait({self._witness})

    async def _witnessed(self, utterance: Utterance, text: str) -> bool:
        played = await utterance.finished()
        self._speaking.said(utterance, text, played, Rung.PREPARED)
        whole = not (played.interrupted or played.failed)
        self._disclosed(text, whole=whole, again=False)
        return whole or played.interrupted  # interrupted: only a call that ends does that

    def _disclosed(self, text: str, *, whole: bool, again: bool) -> None:
        after_s = self._services.clock.now() - self._answered_at
        body: dict[str, Any] = {"text": text, "version": self._speaking.lines.version, "whole": whole, "again": again}
        body |= {"after_s": round(after_s, 2), "in_time": again or after_s <= DISCLOSED_WITHIN_S}
        self._speaking.record(EventKind.CALL_DISCLOSED, body)
        if not (body["in_time"] and whole):
            log.warning("disclosure.late", after_s=body["after_s"], whole=whole)

    def _decide(self, agreed: bool, how: str) -> None:
        self.pending, self._decided = False, True
        consent = self._services.settings.recording_consent
        self._speaking.record(EventKind.RECORDING_CHOSEN, {"consent": consent, "recorded": agreed, "how": how})
        if self._recording is not None:
            (self._recording.keep if agreed else self._recording.discard)()
