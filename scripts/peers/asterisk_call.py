"""The call that asterisk.sh makes: caller → Asterisk → our server, sound both ways, then REFER to Asterisk's echo."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from scripts.peers.compare import match, read
from scripts.peers.phones import speech
from telephony.sip.caller import CallerCall, CallerSettings, SipCaller


async def _next(bot: asyncio.subprocess.Process, name: str) -> dict[str, Any]:
    assert bot.stdout is not None
    async with asyncio.timeout(30):
        while line := await bot.stdout.readline():
            event: dict[str, Any] = json.loads(line)
            print("   server:", line.decode().strip())
            if event["event"] == name:
                return event
    raise SystemExit(f"the server ended before {name}")


async def _hear_oneself(call: CallerCall, said: bytes) -> float:
    """Speak and listen to the echo."""
    pieces: list[bytes] = []
    call.listen(lambda pcm, at: pieces.append(pcm))
    await call.said(call.send(said))
    await asyncio.sleep(0.6)
    return match(b"".join(pieces), said)


async def main() -> int:
    """Status 0 if sound went both ways before and after the transfer."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        said = read(speech(folder, 16000, 1))[: 5 * 32000]
        bot = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "scripts.peers.sip_bot", "--port", "5170", "--target", "700", "--record", name),
            stdout=asyncio.subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            await _next(bot, "ready")
            async with SipCaller(CallerSettings(user="alice", codecs=("pcma",))) as caller:
                call = await caller.dial("sip:100@127.0.0.1:5160")
                answered = await _next(bot, "answered")
                before = await _hear_oneself(call, said)
                await call.dtmf("*")
                transfer = await _next(bot, "transfer")
                await asyncio.sleep(0.5)
                after = await _hear_oneself(call, said)
                still_up = not call.closed
        finally:
            bot.send_signal(signal.SIGINT)
            await bot.wait()
        heard = match(read(folder / f"{answered['call_id']}.wav"), said)
    print(f"heard by our server {heard:.3f}, echo through Asterisk {before:.3f}; transfer {transfer['status']}; ")
    print(f"after the transfer: call up {still_up}, echo by Asterisk {after:.3f}")
    return 0 if min(heard, before, after) > 0.85 and transfer["ok"] and still_up else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
