"""A caller who talks without end: says a WAV over and over, records both sides, hangs up when its input closes.

    python -m scripts.desk_caller sip:bank@127.0.0.1 --wav said.wav --record call.wav < /dev/stdin

Prints one line of JSON when the call is up (``answered``) and one when it is over (``closed``): monotonic seconds of
this machine, the start of the recording (left: said, right: heard). A process of its own, as the SIP library wants.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from contracts.audio import FRAME_BYTES
from telephony.lines import read_wav
from telephony.sip.caller import CallerSettings, SipCaller


def looped(pcm: bytes) -> Callable[[float], bytes]:
    """Frame after frame, again from the beginning at the end."""
    frames = [pcm[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\0") for at in range(0, len(pcm), FRAME_BYTES)]
    count = 0

    def next_frame(now: float) -> bytes:
        nonlocal count
        count += 1
        return frames[(count - 1) % len(frames)]

    return next_frame


async def call(uri: str, wav: Path, record: Path) -> None:
    """Until standard input ends or the operator hangs up."""
    pcm = read_wav(wav)
    loop = asyncio.get_running_loop()
    hang_up = asyncio.Event()

    def read() -> None:
        if not os.read(sys.stdin.fileno(), 64):
            loop.remove_reader(sys.stdin)
            hang_up.set()

    loop.add_reader(sys.stdin, read)
    async with SipCaller(CallerSettings()) as caller:
        one = await caller.dial(uri, record=record)
        one.speak_from(looped(pcm))
        print(json.dumps({"answered": one.answered_at, "call_id": one.sip_call_id}), flush=True)
        closed = asyncio.ensure_future(one.wait_closed())
        await asyncio.wait({closed, asyncio.ensure_future(hang_up.wait())}, return_when=asyncio.FIRST_COMPLETED)
        await one.hangup()
        print(json.dumps({"closed": one.close_text}), flush=True)


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("uri")
    parser.add_argument("--wav", type=Path, required=True)
    parser.add_argument("--record", type=Path, required=True)
    options = parser.parse_args()
    asyncio.run(call(options.uri, options.wav, options.record))


if __name__ == "__main__":
    main()
