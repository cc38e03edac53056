"""Debian's own SIP peers against our server: sipp, baresip, and raw packets. linphonec and Asterisk: scripts/peers/."""

from __future__ import annotations

import asyncio
import random
import shutil
import socket
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scripts.peers import sipp
from telephony.sip.caller import CallerSettings, SipCaller

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(shutil.which("sipp") is None or shutil.which("sox") is None, reason=f"needs: {sipp.INSTALL}"),
]


async def run_sipp(folder: Path, steps: Sequence[str], port: int, service: str, **options: Any) -> None:
    """Run a scenario to its end; fails with sipp's own errors."""
    scenario = sipp.write(folder / "scenario.xml", steps)
    process = await asyncio.create_subprocess_exec(
        *sipp.command(scenario, port, service, **options),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0, errors.decode() + _logs(folder)


def _logs(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.glob("*_errors.log"))


async def test_sipp_calls_with_sound_and_hears_of_no_trouble(start_bot: Any, tmp_path: Path) -> None:
    bot = await start_bot()
    steps = sipp.answered(sipp.play(sipp.speech(tmp_path)), sipp.pause(3000), sipp.hang_up(2))
    await run_sipp(tmp_path, steps, bot.port, "tone", calls=5)
    closed = [await bot.event("closed") for _ in range(5)]
    assert {event["reason"] for event in closed} == {"caller"}
    assert all(140 <= event["frames"] <= 170 and event["concealed"] <= 15 for event in closed)


async def test_sipp_over_tcp(start_bot: Any, tmp_path: Path) -> None:
    bot = await start_bot()
    await run_sipp(tmp_path, sipp.answered(sipp.pause(500), sipp.hang_up(2)), bot.port, "tone", tcp=True)
    assert (await bot.event("closed"))["reason"] == "caller"


async def test_a_refused_call_is_told_486(start_bot: Any, tmp_path: Path) -> None:
    bot = await start_bot()
    invite = sipp.request("INVITE", 1, sipp.sdp(), first=True)
    await run_sipp(tmp_path, [invite, sipp.expect(486), sipp.request("ACK", 1, first=True)], bot.port, "reject")


async def test_cancel_while_it_rings(start_bot: Any, tmp_path: Path) -> None:
    bot = await start_bot()
    await run_sipp(tmp_path, sipp.cancel(), bot.port, "wait")
    await bot.event("gone")


async def test_keys_by_sip_info(start_bot: Any, tmp_path: Path) -> None:
    bot = await start_bot()
    steps = sipp.answered(sipp.key(2, "7"), sipp.pause(200), sipp.key(3, "#"), sipp.pause(200), sipp.hang_up(4))
    await run_sipp(tmp_path, steps, bot.port, "echo")
    await bot.event("closed")
    assert [event["digit"] for event in bot.seen if event["event"] == "dtmf"] == ["7", "#"]


async def test_a_flood_of_keys_is_cut_to_the_rate_and_the_call_goes_on(start_bot: Any, tmp_path: Path) -> None:
    bot = await start_bot("--set", "dtmf_per_second=5", "--set", "dtmf_burst=5")
    flood = [sipp.key(cseq, "1") for cseq in range(2, 62)]
    await run_sipp(tmp_path, sipp.answered(*flood, sipp.hang_up(62)), bot.port, "echo")
    assert (await bot.event("closed"))["reason"] == "caller"
    keys = [event for event in bot.seen if event["event"] == "dtmf"]
    assert 5 <= len(keys) < 60


async def test_hold_resume_and_another_codec_by_re_invite(start_bot: Any, tmp_path: Path) -> None:
    bot = await start_bot()

    def again(cseq: int, body: str) -> str:
        return sipp.request("INVITE", cseq, body) + sipp.expect(200, dialog=True) + sipp.request("ACK", cseq)

    steps = sipp.answered(
        sipp.play(sipp.speech(tmp_path)),
        sipp.pause(500),
        again(2, sipp.sdp("sendonly")),
        sipp.pause(500),
        again(3, sipp.sdp()),
        sipp.pause(500),
        again(4, sipp.sdp(payload=0)),
        sipp.pause(500),
        sipp.hang_up(5),
    )
    await run_sipp(tmp_path, steps, bot.port, "tone")
    assert (await bot.event("closed"))["reason"] == "caller"
    assert [event["held"] for event in bot.seen if event["event"] == "hold"] == [True, False]


async def test_a_refer_that_succeeds_ends_with_our_bye(start_bot: Any, tmp_path: Path) -> None:
    bot = await start_bot("--target", "sip:200@127.0.0.1:5999")
    steps = sipp.answered(
        sipp.pause(300),
        sipp.key(2, "*"),
        sipp.receive("REFER", "202 Accepted"),
        sipp.notify(3, "100 Trying", "active;expires=60"),
        sipp.pause(300),
        sipp.notify(4, "200 OK", "terminated;reason=noresource"),
        sipp.receive("BYE"),
    )
    await run_sipp(tmp_path, steps, bot.port, "echo")
    assert (await bot.event("transfer"))["ok"] is True
    assert next(event for event in bot.seen if event["event"] == "closed")["reason"] == "transferred"


@pytest.mark.parametrize("answer", ["486 Busy Here", "503 Service Unavailable"])
async def test_a_refer_that_fails_leaves_the_call_up(start_bot: Any, tmp_path: Path, answer: str) -> None:
    bot = await start_bot("--target", "sip:200@127.0.0.1:5999")
    steps = sipp.answered(
        sipp.pause(300),
        sipp.key(2, "*"),
        sipp.receive("REFER", "202 Accepted"),
        sipp.notify(3, answer, "terminated;reason=noresource"),
        sipp.pause(500),
        sipp.key(4, "5"),
        sipp.hang_up(5),
    )
    await run_sipp(tmp_path, steps, bot.port, "echo")
    assert (await bot.event("closed"))["reason"] == "caller"
    result = next(event for event in bot.seen if event["event"] == "transfer")
    assert result["ok"] is False
    assert result["status"].startswith(answer[:3])
    assert any(event.get("digit") == "5" for event in bot.seen)


async def test_a_refer_that_is_declined_leaves_the_call_up(start_bot: Any, tmp_path: Path) -> None:
    bot = await start_bot("--target", "sip:200@127.0.0.1:5999")
    steps = sipp.answered(
        sipp.pause(300), sipp.key(2, "*"), sipp.receive("REFER", "603 Decline"), sipp.pause(500), sipp.hang_up(3)
    )
    await run_sipp(tmp_path, steps, bot.port, "echo")
    assert (await bot.event("closed"))["reason"] == "caller"
    result = next(event for event in bot.seen if event["event"] == "transfer")
    assert (result["ok"], result["status"][:3]) == (False, "603")


async def test_a_caller_who_vanishes_is_reaped(start_bot: Any, tmp_path: Path) -> None:
    bot = await start_bot("--set", "rtp_timeout_s=2")
    # sipp sends no RTP at all and waits for our BYE.
    await run_sipp(tmp_path, sipp.answered(sipp.receive("BYE")), bot.port, "mute")
    closed = await bot.event("closed")
    assert closed["reason"] == "media_timeout"
    assert closed["concealed"] == closed["frames"] > 50


async def test_packets_of_strangers_and_of_wrong_types_do_no_harm(start_bot: Any) -> None:
    low = random.randrange(24000, 29000, 2)
    bot = await start_bot("--set", f"rtp_port_min={low}", "--set", f"rtp_port_max={low + 1}")
    async with SipCaller(CallerSettings()) as caller:
        call = await caller.dial(f"sip:echo@127.0.0.1:{bot.port}")
        pieces: list[bytes] = []
        call.listen(lambda pcm, at: pieces.append(pcm))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for number in range(500):
                header = struct.pack("!BBHII", 0x80, (8, 0, 77, 101, 127)[number % 5], number, number * 160, 0xBAD)
                for target in (low, low + 1, bot.port):
                    stranger.sendto(header + b"\x55" * 160, ("127.0.0.1", target))
                    stranger.sendto(bytes(random.randrange(256) for _ in range(number % 40)), ("127.0.0.1", target))
                await asyncio.sleep(0.002)
        said = call.send(b"\x00\x10\x00\xf0" * 8000)
        await call.said(said)
        assert not call.closed
        assert len(b"".join(pieces)) > 16000
        await call.hangup()
    assert (await bot.event("closed"))["reason"] == "caller"
    await bot.idle()
