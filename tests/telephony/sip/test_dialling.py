"""Calls that the operator makes: a server in one process calls another, for a caller in this one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.dialling import Introduction
from scripts.peers.compare import match, read
from telephony.sip.caller import CallerCall, CallerSettings, SipCaller
from telephony.sip.dialling import asserted, introduction
from telephony.sip.refer import parse_uui
from telephony.sip.settings import SipSettings
from tests.telephony.sip.test_leg import Heard, chirp

SILENCE = bytes(6400)
"""0.2 s."""


async def join(start_bot: Any, person: str, *more: str) -> tuple[Any, Any]:
    """A bot that calls ``person`` on the other bot at a key."""
    desk = await start_bot("--record", more[0]) if more else await start_bot()
    operator = await start_bot("--target", f"sip:{person}@127.0.0.1:{desk.port}")
    return operator, desk


async def answered(caller: SipCaller, port: int, key: str) -> CallerCall:
    """A caller whom nobody echoes, who presses the key."""
    call = await caller.dial(f"sip:mute@127.0.0.1:{port}")
    await call.dtmf(key)
    return call


async def test_a_bridged_person_and_the_caller_hear_each_other(start_bot: Any, tmp_path: Path) -> None:
    operator, desk = await join(start_bot, "wav", str(tmp_path))
    async with SipCaller(CallerSettings(codecs=("pcma",))) as caller:
        call = await answered(caller, operator.port, "#")
        assert (await operator.event("dialled"))["end"] == "answered"
        person = await desk.event("answered")
        # The silence is on its way while the last of the chirp arrives.
        await call.said(call.send(chirp(2.0) + SILENCE))
        await call.hangup()
        assert (await desk.event("closed"))["reason"] == "caller"  # the person's call ends with the caller's
    assert match(read(tmp_path / f"{person['call_id']}.wav"), chirp(2.0)) > 0.95


async def test_what_a_bridged_person_says_reaches_the_caller(start_bot: Any) -> None:
    operator, _ = await join(start_bot, "echo")
    async with SipCaller(CallerSettings(codecs=("pcma",))) as caller:
        call = await answered(caller, operator.port, "#")
        await operator.event("dialled")
        heard = Heard(call)
        await call.said(call.send(chirp(2.0)))
        await heard.more(0.5)
        await call.hangup()
    assert match(heard.pcm, chirp(2.0)) > 0.9


async def test_a_person_who_hangs_up_leaves_the_caller_with_us(start_bot: Any) -> None:
    operator, _ = await join(start_bot, "bye")
    async with SipCaller(CallerSettings(codecs=("pcma",))) as caller:
        call = await answered(caller, operator.port, "#")
        assert (await operator.event("left"))["reason"] == "caller"
        assert not call.closed
        await call.hangup()


@pytest.mark.parametrize(
    ("person", "end", "status"),
    [("reject", "busy", "486"), ("wait", "no_answer", "no answer within 3 s")],
)
async def test_whoever_does_not_answer_says_why(start_bot: Any, person: str, end: str, status: str) -> None:
    operator, _ = await join(start_bot, person)
    async with SipCaller(CallerSettings(codecs=("pcma",))) as caller:
        call = await answered(caller, operator.port, "#")
        dialled = await operator.event("dialled")
        assert (dialled["end"], status in dialled["status"]) == (end, True)
        assert not call.closed
        await call.hangup()


async def test_where_nobody_listens_nobody_is_reached(start_bot: Any) -> None:
    operator = await start_bot("--target", "sip:person@127.0.0.1:9", "--set", "connect_timeout_s=1.0")
    async with SipCaller(CallerSettings(codecs=("pcma",))) as caller:
        call = await answered(caller, operator.port, "#")
        assert (await operator.event("dialled"))["end"] == "unreachable"
        await call.hangup()


async def test_a_call_taken_back_while_it_rings_stops_ringing(start_bot: Any) -> None:
    operator, desk = await join(start_bot, "wait")
    async with SipCaller(CallerSettings(codecs=("pcma",))) as caller:
        call = await answered(caller, operator.port, "#")
        await operator.event("ringing")
        await call.hangup()
        await operator.event("taken_back")
        await desk.event("gone")


async def test_the_called_phone_is_told_who_calls_and_why(start_bot: Any) -> None:
    desk = await start_bot("--set", 'expose_headers=["X-Callwright-Handoff","P-Asserted-Identity","User-to-User"]')
    operator = await start_bot("--target", f"sip:echo@127.0.0.1:{desk.port}")
    async with SipCaller(CallerSettings(user="alice", codecs=("pcma",))) as caller:
        call = await answered(caller, operator.port, "#")
        headers = (await desk.event("incoming"))["headers"]
        await call.hangup()
    handoff = headers["X-Callwright-Handoff"]
    assert parse_uui(headers["User-to-User"]) == {"reason": "asked", "handoff": handoff}
    assert headers["P-Asserted-Identity"].startswith("<sip:alice@127.0.0.1")


async def test_a_far_end_that_cannot_replace_leaves_both_calls_up_and_off_hold(start_bot: Any) -> None:
    """The caller's agent does not follow transfers, as many trunks do not."""
    operator, _ = await join(start_bot, "echo")
    async with SipCaller(CallerSettings(codecs=("pcma",), follow_transfers=False)) as caller:
        call = await answered(caller, operator.port, "0")
        assert not (await operator.event("attended"))["ok"]
        heard = Heard(call)
        await call.said(call.send(chirp(2.0)))
        await heard.more(0.5)
        await call.hangup()
    assert match(heard.pcm, chirp(2.0)) > 0.9


@pytest.mark.parametrize(
    ("caller", "address"),
    [
        ("sip:alice@10.0.0.1:5060;transport=udp", "sip:alice@10.0.0.1:5060"),
        ("+49301234", "sip:+49301234@us:5060"),
        ("sip:a@b>\r\nEvil: 1", ""),
        ("Anonymous", ""),
        ('sip:"x"@host', ""),
    ],
)
def test_what_is_no_address_is_asserted_for_nobody(caller: str, address: str) -> None:
    assert asserted(caller, "us:5060") == address


def test_headers_hold_tokens_only() -> None:
    headers = introduction(Introduction("Anonymous", "abc\r\nEvil: 1", "fraud"), "us", caller=True)
    assert headers == {"X-Callwright-Reason": "fraud", "User-to-User": "726561736f6e3d6672617564;encoding=hex"}


def test_a_password_that_would_end_the_library_s_line_is_refused() -> None:
    with pytest.raises(ValidationError, match="without quotation marks"):
        SipSettings.model_validate({"dial_password": 'a"b'})
