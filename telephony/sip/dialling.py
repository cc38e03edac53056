"""Calls that we make: what goes into the INVITE, and what its answers mean.

::

    INVITE (X-, User-to-User, P-Asserted-Identity, Referred-By) ─► 180 ─► 200: SipLeg
                    └ no 18x within connect_timeout_s: CANCEL, unreachable └ ring_s over: CANCEL, no answer
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from urllib.parse import quote

from baresip import BaresipError, Call, CallFailed, CallState, Event, StackEvent

from contracts.dialling import DialEnd, Dialled, Introduction, end_of
from telephony.sip.refer import uui_octets

_ADDRESS = re.compile(r"^sips?:[A-Za-z0-9+._*#-]{1,64}@[A-Za-z0-9.\[\]:-]{1,128}$")
_NUMBER = re.compile(r"^\+?[0-9*#]{2,24}$")
_TOKEN = re.compile(r"^[A-Za-z0-9._-]{1,64}$")


def introduction(who: Introduction, domain: str, *, caller: bool) -> dict[str, str]:
    """Headers of the INVITE. What a stranger said is passed on only where it is an address or a number.

    ``domain``: ours, as host or host:port; ``caller``: name the caller at all.
    """
    headers: dict[str, str] = {}
    pairs = {"reason": who.reason, "handoff": who.handoff}
    safe = {name: value for name, value in pairs.items() if _TOKEN.match(value)}
    if "handoff" in safe:
        headers["X-Callwright-Handoff"] = safe["handoff"]
        headers["Referred-By"] = f"<sip:{safe['handoff']}@{domain}>"
    if "reason" in safe:
        headers["X-Callwright-Reason"] = safe["reason"]
    if safe:
        headers["User-to-User"] = f"{uui_octets(safe).hex()};encoding=hex"
    if caller and (address := asserted(who.caller, domain)):
        headers["P-Asserted-Identity"] = f"<{address}>"
    return headers


def asserted(caller: str, domain: str) -> str:
    """The caller's address as a URI; empty if it is none."""
    plain = caller.partition(";")[0].strip()
    if _ADDRESS.match(plain):
        return plain
    if _NUMBER.match(plain):
        return f"sip:{quote(plain, safe='+*')}@{domain}"
    return ""


def failed(error: CallFailed) -> Dialled:
    """What a failed INVITE means."""
    if error.status is None:
        return Dialled(DialEnd.UNREACHABLE, str(error.reason or error))
    status = f"{error.status} {error.reason}".strip()
    return Dialled(end_of(status), status)


async def answered(
    call: Call, *, ring_s: float, connect_s: float, on_ringing: Callable[[], None] | None
) -> Dialled | None:
    """Wait for the answer: None, or how the attempt ended; then, and when cancelled, nothing of it is left."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Dialled | None] = loop.create_future()
    rings = asyncio.Event()

    def heard(event: StackEvent) -> None:
        if event.event in (Event.CALL_RINGING, Event.CALL_PROGRESS) and not rings.is_set():
            rings.set()
            if on_ringing is not None:
                on_ringing()
        elif event.event is Event.CALL_ESTABLISHED and not outcome.done():
            outcome.set_result(None)
        elif event.event is Event.CALL_CLOSED and not outcome.done():
            outcome.set_result(failed(CallFailed.from_close_reason(event.text or "")))

    call.on(heard)
    try:
        if call.state is CallState.ESTABLISHED:
            return None
        if call.state is CallState.CLOSED:
            return Dialled(DialEnd.FAILED, "closed at once")
        done, _ = await asyncio.wait({outcome}, timeout=min(connect_s, ring_s))
        if not done and rings.is_set() and ring_s > connect_s:
            done, _ = await asyncio.wait({outcome}, timeout=ring_s - connect_s)
        if done:
            return outcome.result()
        await _withdraw(call)
        if rings.is_set():
            return Dialled(DialEnd.NO_ANSWER, f"no answer within {ring_s:g} s")
        return Dialled(DialEnd.UNREACHABLE, f"does not ring within {min(connect_s, ring_s):g} s")
    except asyncio.CancelledError:
        await asyncio.shield(_withdraw(call))
        raise
    finally:
        call.off(heard)


async def _withdraw(call: Call) -> None:
    """CANCEL, or BYE if it was answered in that moment."""
    try:
        await call.hangup()
    except BaresipError:
        return  # it is over already
