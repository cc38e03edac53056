"""SipServer and SipLeg in a process of their own, called by SipCaller from this one."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import telephony.sip.caller
from contracts.errors import ConfigError, DialFailed, LegClosed
from scripts.peers.compare import match
from telephony.sip.caller import CallerCall, CallerSettings, SipCaller
from telephony.sip.settings import Codec
from telephony.sip.stack import usable_port

CODECS: list[Codec] = ["pcma", "pcmu", "g722", "opus"]


def chirp(seconds: float) -> bytes:
    t = np.arange(int(16000 * seconds)) / 16000
    return (8000 * np.sin(2 * np.pi * (300 * t + 250 * t * t))).astype("<i2").tobytes()


async def until(condition: Any, timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - a peer's progress, there is no event to wait for
            await asyncio.sleep(0.01)


class Heard:
    """What a call received."""

    def __init__(self, call: CallerCall) -> None:
        self.pieces: list[tuple[float, bytes]] = []
        call.listen(lambda pcm, at: self.pieces.append((at, pcm)))

    @property
    def pcm(self) -> bytes:
        return b"".join(pcm for _, pcm in self.pieces)

    async def more(self, seconds: float) -> None:
        """Until so much more was heard."""
        enough = len(self.pcm) + int(seconds * 32000)
        await until(lambda: len(self.pcm) >= enough)


@pytest.mark.parametrize("codec", CODECS)
async def test_sound_survives_both_ways_in_every_codec(start_bot: Any, codec: Codec, tmp_path: Path) -> None:
    bot = await start_bot()
    async with SipCaller(CallerSettings(codecs=(codec,))) as caller:
        call = await caller.dial(f"sip:echo@127.0.0.1:{bot.port}", record=tmp_path / "call.wav")
        heard = Heard(call)
        said = call.send(chirp(2.0))
        await call.said(said)
        await heard.more(0.5)
        await call.hangup()
    assert match(heard.pcm, chirp(2.0)) > 0.98
    assert len(said.left_at) == 100
    assert said.ended_at is not None
    answered = await bot.event("answered")
    assert answered["codec"] == {"pcma": "g711", "pcmu": "g711"}.get(codec, codec)
    closed = await bot.event("closed")
    assert closed["reason"] == "caller"
    assert closed["concealed"] < 0.2 * closed["frames"]
    assert (tmp_path / "call.wav").stat().st_size > 2 * 64000


async def test_a_port_that_was_taken_in_between_is_given_up_for_another(
    start_bot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = await start_bot()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        ports = iter([taken])
        monkeypatch.setattr(
            telephony.sip.caller, "usable_port", lambda host, port: next(ports, usable_port(host, port))
        )
        async with SipCaller(CallerSettings(transport="tcp")) as caller:
            call = await caller.dial(f"sip:tone@127.0.0.1:{bot.port}")
            await Heard(call).more(0.1)
            await call.hangup()


async def test_a_call_by_tcp_is_answered(start_bot: Any) -> None:
    bot = await start_bot()
    async with SipCaller(CallerSettings(transport="tcp")) as caller:
        call = await caller.dial(f"sip:tone@127.0.0.1:{bot.port}")
        heard = Heard(call)
        await heard.more(1.0)
        await call.hangup()
    samples = np.frombuffer(heard.pcm, "<i2").astype(float)[-8000:]
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.argmax(spectrum) * 2 == pytest.approx(500, abs=2)


async def test_the_leg_knows_who_calls_whom(start_bot: Any) -> None:
    bot = await start_bot()
    async with SipCaller(CallerSettings(user="alice")) as caller:
        call = await caller.dial(f"sip:echo@127.0.0.1:{bot.port}", headers={"X-Tenant": "acme", "X-Secret": "no"})
        await call.hangup()
        incoming = await bot.event("incoming")
        assert incoming["external_id"] == call.sip_call_id
    assert incoming["caller"].startswith("sip:alice@127.0.0.1:")
    assert incoming["called"] == f"sip:echo@127.0.0.1:{bot.port}"
    assert incoming["headers"] == {"X-Tenant": "acme"}


async def test_a_rejected_call_gets_486(start_bot: Any) -> None:
    bot = await start_bot()
    async with SipCaller(CallerSettings()) as caller:
        with pytest.raises(DialFailed, match="486"):
            await caller.dial(f"sip:reject@127.0.0.1:{bot.port}")
    await bot.idle()


async def test_a_handler_that_raises_costs_only_its_own_call(start_bot: Any) -> None:
    bot = await start_bot()
    async with SipCaller(CallerSettings()) as caller:
        with pytest.raises(DialFailed, match="486"):
            await caller.dial(f"sip:crash@127.0.0.1:{bot.port}")
        call = await caller.dial(f"sip:echo@127.0.0.1:{bot.port}")
        await bot.event("answered")
        await call.hangup()
        assert (await bot.event("closed"))["reason"] == "caller"


async def test_a_port_that_raises_ends_only_its_own_call(start_bot: Any) -> None:
    bot = await start_bot()
    async with SipCaller(CallerSettings()) as caller:
        good = await caller.dial(f"sip:tone@127.0.0.1:{bot.port}")
        bad = await caller.dial(f"sip:badport@127.0.0.1:{bot.port}")
        await asyncio.wait_for(bad.wait_closed(), 10)
        closed = await bot.event("closed")
        assert closed["reason"] == "error"
        assert "a port that fails" in closed["detail"]
        heard = Heard(good)
        await heard.more(0.2)
        assert not good.closed


async def test_a_caller_who_gives_up_while_it_rings_is_noticed(start_bot: Any) -> None:
    bot = await start_bot()
    async with SipCaller(CallerSettings()) as caller:
        with pytest.raises(DialFailed):
            await caller.dial(f"sip:wait@127.0.0.1:{bot.port}", timeout_s=0.5)
        await bot.event("gone")


async def test_we_hang_up_and_both_sides_know(start_bot: Any) -> None:
    bot = await start_bot()
    async with SipCaller(CallerSettings()) as caller:
        call = await caller.dial(f"sip:bye@127.0.0.1:{bot.port}")
        await asyncio.wait_for(call.wait_closed(), 10)
        closed = await bot.event("closed")
        assert (closed["reason"], closed["detail"]) == ("operator", "said goodbye")
        with pytest.raises(LegClosed):
            call.send(bytes(640))


async def test_keys_arrive_once_each_and_in_order(start_bot: Any) -> None:
    bot = await start_bot()
    async with SipCaller(CallerSettings()) as caller:
        call = await caller.dial(f"sip:echo@127.0.0.1:{bot.port}")
        heard = Heard(call)
        await heard.more(0.3)
        await call.dtmf("12#0A")
        await call.hangup()
    await bot.event("closed")
    assert [event["digit"] for event in bot.seen if event["event"] == "dtmf"] == list("12#0A")


async def test_hold_and_resume_are_reported_and_sound_comes_back(start_bot: Any) -> None:
    bot = await start_bot()
    async with SipCaller(CallerSettings()) as caller:
        call = await caller.dial(f"sip:echo@127.0.0.1:{bot.port}")
        await Heard(call).more(0.3)
        await call.hold()
        assert (await bot.event("hold"))["held"] is True
        await call.hold(False)
        assert (await bot.event("hold"))["held"] is False
        heard = Heard(call)
        await call.said(call.send(chirp(2.0)))
        await heard.more(0.5)
        await call.hangup()
    assert match(heard.pcm, chirp(2.0)) > 0.98


async def test_a_transfer_is_followed_and_our_leg_ends_as_transferred(start_bot: Any) -> None:
    human = await start_bot()
    bot = await start_bot("--target", f"sip:tone@127.0.0.1:{human.port}")
    async with SipCaller(CallerSettings()) as caller:
        call = await caller.dial(f"sip:echo@127.0.0.1:{bot.port}")
        await Heard(call).more(0.3)
        await call.dtmf("*")
        result = await bot.event("transfer")
        assert (result["ok"], result["status"]) == (True, "200")
        closed = next(event for event in bot.seen if event["event"] == "closed")
        assert closed["reason"] == "transferred"
        await until(lambda: call.transferred_to)
        assert "User-to-User=" in call.transferred_to
        await Heard(call).more(0.3)
        assert not call.closed
        await human.event("answered")


async def test_a_refused_transfer_leaves_the_call_up(start_bot: Any) -> None:
    bot = await start_bot("--target", "sip:nobody@127.0.0.1:9")
    async with SipCaller(CallerSettings(follow_transfers=False)) as caller:
        call = await caller.dial(f"sip:echo@127.0.0.1:{bot.port}")
        await Heard(call).more(0.3)
        await call.dtmf("*")
        result = await bot.event("transfer")
        assert result["ok"] is False
        assert "603" in result["status"]
        heard = Heard(call)
        await call.said(call.send(chirp(2.0)))
        await heard.more(0.3)
        assert match(heard.pcm, chirp(2.0)) > 0.98


async def test_a_transfer_that_is_never_reported_on_times_out(start_bot: Any) -> None:
    busy = await start_bot()
    bot = await start_bot("--target", f"sip:wait@127.0.0.1:{busy.port}", "--set", "transfer_timeout_s=1")
    async with SipCaller(CallerSettings()) as caller:
        call = await caller.dial(f"sip:echo@127.0.0.1:{bot.port}")
        await Heard(call).more(0.3)
        await call.dtmf("*")
        result = await bot.event("transfer")
        assert result["ok"] is False
        await Heard(call).more(0.3)
        assert not call.closed


async def test_draining_refuses_new_calls_and_waits_for_the_present_one(start_bot: Any) -> None:
    bot = await start_bot()
    async with SipCaller(CallerSettings()) as caller:
        call = await caller.dial(f"sip:tone@127.0.0.1:{bot.port}")
        bot.process.terminate()
        await bot.event("draining")
        with pytest.raises(DialFailed, match="486"):
            await caller.dial(f"sip:tone@127.0.0.1:{bot.port}")
        await Heard(call).more(0.3)
        assert not call.closed
        await call.hangup()
        assert await asyncio.wait_for(bot.process.wait(), 10) == 0


async def test_fifty_calls_one_after_another_leave_nothing_behind(start_bot: Any) -> None:
    bot = await start_bot()
    async with SipCaller(CallerSettings()) as caller:
        before: dict[str, Any] = {}
        for number in range(52):
            call = await caller.dial(f"sip:tone@127.0.0.1:{bot.port}")
            await Heard(call).more(0.04)
            await call.hangup()
            await bot.event("closed")
            if number == 1:
                before = await bot.idle()
    after = await bot.idle()
    assert after["on_beat"] == 0
    for what in ("threads", "native_threads", "descriptors", "tasks"):
        assert after[what] <= before[what], what


def test_a_taken_port_is_named() -> None:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=str(port)):
            usable_port("127.0.0.1", port)
