"""A person for demos and tests: a SIP phone that answers, says a sentence in the caller's voice engine, and hangs up.

python -m scripts.person --port 5090 --say "Hello, this is Dana. I have your notes in front of me."
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

from contracts.audio import FRAME_BYTES, AudioFrame
from contracts.clock import MonotonicClock
from contracts.leg import CallLeg, HangupReason
from telephony.lines import Speaker, read_wav
from telephony.sip.server import SipServer
from telephony.sip.settings import SipSettings
from telephony.ticker import MediaTicker

GREETING = "Hello, this is Dana at the bank. I have your notes in front of me, so you need not repeat anything."
DELAY_FRAMES = 40
"""A person takes a breath before speaking: 0.8 s."""


class Phone:
    """contracts.leg.LegPort: says its sentence once, keeps what it hears."""

    def __init__(self, pcm: bytes) -> None:
        self._pcm = bytes(FRAME_BYTES * DELAY_FRAMES) + pcm
        self._at = 0
        self.said = asyncio.Event()
        self.closed = asyncio.Event()
        self.heard = bytearray()

    def on_frame(self, frame: AudioFrame) -> None:
        """The caller's sound."""
        self.heard += frame.pcm

    def next_frame(self) -> bytes | None:
        """The sentence, then silence."""
        frame = self._pcm[self._at : self._at + FRAME_BYTES]
        self._at += FRAME_BYTES
        if not frame:
            self.said.set()
            return None
        return frame.ljust(FRAME_BYTES, b"\0")

    def on_dtmf(self, digit: str) -> None:
        """Ignored."""

    def on_hold(self, held: bool) -> None:
        """Ignored."""

    def on_closed(self, reason: HangupReason, detail: str) -> None:
        """The call is over."""
        self.closed.set()
        self.said.set()


async def serve(port: int, pcm: bytes, stay_s: float) -> None:
    """Answer calls on ``port`` until SIGTERM."""
    clock = MonotonicClock()
    ticker = MediaTicker(clock)
    ticker.start()

    async def answer(leg: CallLeg) -> None:
        phone = Phone(pcm)
        await leg.answer(phone)
        await phone.said.wait()
        try:
            await asyncio.wait_for(phone.closed.wait(), stay_s)
        except TimeoutError:
            await leg.hangup(HangupReason.OPERATOR)

    settings = SipSettings(port=port, user="person", codecs=("pcmu", "pcma"), rtp_port_min=30000, rtp_port_max=30998)
    server = SipServer(settings, ticker, clock)
    await server.start(answer)
    print(f"person: listening on sip:person@127.0.0.1:{port}", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await server.close()
    await ticker.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else None,
        epilog="Example: python -m scripts.person --port 5090",
    )
    parser.add_argument("--port", type=int, default=5090)
    parser.add_argument("--say", default=GREETING)
    parser.add_argument("--wav", type=Path, help="play this instead")
    parser.add_argument("--stay", type=float, default=3.0, help="seconds on the line after the sentence")
    options = parser.parse_args(arguments)
    pcm = read_wav(options.wav) if options.wav else Speaker().say(options.say)
    asyncio.run(serve(options.port, pcm, options.stay))


if __name__ == "__main__":
    main()
