"""Handing a caller to a person: the rule's sentence, the record, the transfer, and what happens when nobody comes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from contracts.errors import DeviceFull, LegClosed, LegError, RecordError
from contracts.events import EventKind, Rung
from contracts.handoff import HandoffRecord, TranscriptLine
from contracts.leg import CallLeg, TransferResult
from dialog.conversation import Conversation, Said
from dialog.services import DialogServices
from dialog.speaking import Speaking
from escalation.handover import Attempt, CallSoFar, build, settled, transferring
from escalation.rules import Firing

log = structlog.get_logger()


@dataclass(slots=True)
class HandingOver:
    """Hand-overs of one call."""

    leg: CallLeg
    services: DialogServices
    speaking: Speaking
    conversation: Conversation
    started_at: datetime

    async def hand_over(self, firing: Firing) -> bool:
        """True: the caller is with a person and the call is over for us. False: the caller was told, and stays."""
        asked_at = datetime.now(UTC)
        record = build(self._so_far(), firing, asked_at, self.services.escalation)
        await self._save(record)
        target = self.services.targets.get(firing.target, "")
        if not target:
            self.speaking.record(
                EventKind.TRANSFER_ENDED, {"target": firing.target, "ok": False, "status": "no target"}
            )
            await self._save(settled(record, TransferResult(False, "no target configured"), datetime.now(UTC)))
            await self._nobody(firing, "transfer_impossible")
            return False
        await self.speaking.text(firing.say, interruptible=False, first=True)
        await self._save(transferring(record))
        result = await self._transfer(target, record)
        await self._save(settled(record, result, datetime.now(UTC)))
        if not result.ok:
            await self._nobody(firing, "transfer_failed")
        return result.ok

    async def _nobody(self, firing: Firing, line: str) -> None:
        """No person comes: a crisis has its own sentence, which says whom to call, and cannot be talked over."""
        if firing.alone:
            await self.speaking.text(firing.alone, interruptible=False)
        else:
            await self.speaking.line(line)

    async def _transfer(self, target: str, record: HandoffRecord) -> TransferResult:
        self.speaking.record(EventKind.TRANSFER_BEGUN, {"target": target, "reason": str(record.reason)})
        context = {"reason": str(record.reason), "handoff": record.call_id}
        try:
            async with asyncio.timeout(self.services.settings.transfer_timeout_s):
                result = await self.leg.transfer(target, context)
        except TimeoutError:
            result = TransferResult(False, "no final word in time")
        except LegClosed:
            result = TransferResult(False, "the caller hung up")
        except LegError as error:
            result = TransferResult(False, str(error) or type(error).__name__)
        body = {"target": target, "ok": result.ok, "status": result.status}
        self.speaking.record(EventKind.TRANSFER_ENDED, body)
        return result

    async def _save(self, record: HandoffRecord) -> None:
        """Kept if it can be; a full disk or a locked database must not keep a caller from a person."""
        try:
            await self.services.handoffs.save(record)
        except (RecordError, DeviceFull) as error:
            log.error("handoff.not_saved", call_id=record.call_id, error=str(error))
            self.speaking.record(EventKind.TROUBLE, {"what": "handoff", "detail": str(error)})

    def _so_far(self) -> CallSoFar:
        said = self.conversation.said
        transcript = [TranscriptLine(speaker=one.speaker, text=one.text, turn=one.turn, at=one.at) for one in said]
        return CallSoFar(
            info=self.leg.info,
            started_at=self.started_at,
            transcript=transcript,
            attempts=_attempts(said),
            config_digest=self.services.config_digest,
        )


def _attempts(said: list[Said]) -> list[Attempt]:
    questions = {one.turn: one.text for one in said if one.speaker == "caller"}
    return [
        Attempt(one.turn, questions.get(one.turn, ""), Rung(one.note), one.text)
        for one in said
        if one.speaker == "operator" and one.turn in questions and one.note in set(Rung)
    ]
