"""Phones that nobody here wrote call the real operator, ask it something, and what they heard is transcribed.

Needs: apt-get install baresip-core baresip-ffmpeg linphone-cli sox   and a running operator (callwright serve)

    python -m scripts.peers.real_call baresip --codec opus/48000/2
    python -m scripts.peers.real_call linphonec --start
    python -m scripts.peers.real_call sip --uri sip:100@127.0.0.1:5160     # our caller, such as through Asterisk

``--start`` starts the demo bank's operator first. Exit status 0 if the answer was heard.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from contracts.audio import RATE, SILENCE
from contracts.errors import CallwrightError
from scripts.operator_process import OperatorProcess
from scripts.peers import phones
from server.caller import converse
from server.engines import store_of
from server.settings import ROOT, load_settings, project_path
from telephony.lines import Speaker
from telephony.resample import resample
from telephony.robot import Line
from telephony.sip.caller import CallerSettings, SipCaller
from workers.engines.whisper import WhisperEngine

QUESTION = "When do you close on Friday?"
EXPECTED = ("6 p", "six p", "6 pm")
GREETING_S = 9.0
"""The phones play a file and have no manners: they say nothing while the operator opens."""
ANSWER_S = 9.0


class Lasting:
    """A Job without a deadline, for an engine that runs in this process."""

    deadline = float("inf")

    def checkpoint(self) -> None:
        return None

    def emit(self, body: object, blob: bytes = b"") -> None:
        return None


def transcribe(pcm: bytes) -> str:
    """What Whisper hears in internal PCM of any length, in pieces of 20 s."""
    settings = load_settings(ROOT / "configs" / "demo.yaml")
    store = store_of(settings.engines, settings.models_dir, project_path(settings.engines.manifest))
    engine = WhisperEngine({"path": str(store.folder(settings.engines.whisper)), "language": "en"})
    engine.load()
    piece = 20 * RATE * 2
    texts = [
        engine.run("transcribe", {}, pcm[at : at + piece], Lasting()).body["text"] for at in range(0, len(pcm), piece)
    ]
    return " ".join(texts)


def write_wav(path: Path, pcm: bytes, rate: int, channels: int) -> None:
    """Internal PCM as a WAV of that shape."""
    samples = np.frombuffer(resample(pcm, RATE, rate), dtype="<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(samples, channels).astype("<i2").tobytes())


async def by_phone(phone: str, codec: str, uri: str, folder: Path, said: bytes) -> bytes:
    """What the phone heard."""
    seconds = round(len(said) / 2 / RATE)

    def speech(where: Path, rate: int, channels: int) -> Path:
        write_wav(where / "speech.wav", said, rate, channels)
        return where / "speech.wav"

    with contextlib.ExitStack() as stack:
        # The phones' own checks say a fixed text for ten seconds; here they play our question instead.
        for name, value in (("speech", speech), ("_SECONDS", seconds)):
            stack.callback(setattr, phones, name, getattr(phones, name))
            setattr(phones, name, value)
        run = phones.baresip if phone == "baresip" else phones.linphonec
        return (await run(folder, uri, codec))[1]


async def by_us(uri: str, folder: Path, question: bytes) -> bytes:
    """What our own caller heard, through whatever ``uri`` leads to."""
    record = folder / "call.wav"
    async with SipCaller(CallerSettings(user="alice")) as caller:
        await converse(caller, uri, [Line(QUESTION, question)], record=record, timeout_s=60)
    with wave.open(str(record), "rb") as file:
        both = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)
        return resample(np.ascontiguousarray(both[:, 1]).tobytes(), file.getframerate(), RATE)


async def run(options: argparse.Namespace) -> int:
    """One call; the exit status."""
    question = Speaker().say(QUESTION)
    said = SILENCE * round(GREETING_S / 0.02) + question + SILENCE * round(ANSWER_S / 0.02)
    async with contextlib.AsyncExitStack() as stack:
        if options.start:
            await stack.enter_async_context(OperatorProcess(ROOT / "configs" / "demo.yaml"))
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if options.phone == "sip":
                heard = await by_us(options.uri, folder, question)
            else:
                heard = await by_phone(options.phone, options.codec, options.uri, folder, said)
    text = transcribe(heard)
    fine = any(words in text.lower().replace(".", "") for words in EXPECTED)
    print(f"{options.phone} {options.codec} heard: {text}")
    print("ok: the answer was heard" if fine else "FAILED: no answer in it")
    return 0 if fine else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phone", choices=("baresip", "linphonec", "sip"))
    parser.add_argument("--codec", default="pcma", help="baresip's name: pcma, pcmu, g722/16000/1, opus/48000/2")
    parser.add_argument("--uri", default="sip:bank@127.0.0.1:5060")
    parser.add_argument("--start", action="store_true", help="start the demo bank's operator first")
    try:
        return asyncio.run(run(parser.parse_args(arguments)))
    except CallwrightError as error:
        print(f"real_call: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
