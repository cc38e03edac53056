"""Debian's baresip (all four codecs) and linphonec (Opus) call our server; sound is compared both ways.

Needs: apt-get install baresip-core linphone-cli sox espeak-ng

    python -m scripts.peers.phones baresip
    unshare -n sh -c 'ip link set lo up && python -m scripts.peers.phones linphonec'   # outside it may choose IPv6
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from scripts.peers.compare import match, read

_BARESIP_CODECS = {"pcma": (8000, 1), "pcmu": (8000, 1), "g722/16000/1": (16000, 1), "opus/48000/2": (48000, 2)}
_SECONDS = 10
_NEAR = 0.85
"""Lossy codecs: Opus at 28 kbit/s gives 0.9 and more on speech."""

_BARESIP_CONFIG = """\
poll_method epoll
sip_listen 127.0.0.1:{port}
net_interface 127.0.0.1
audio_player aufile,{folder}/player.wav
audio_source aufile,{folder}/speech.wav
audio_alert aufile,/dev/null
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
audio_buffer 20-160
rtp_ports 40000-40100
jitter_buffer_type fixed
jitter_buffer_delay 1-5
module_path /usr/lib/baresip/modules
module stdio.so
module g711.so
module g722.so
module opus.so
module aufile.so
module sndfile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
snd_path {folder}
opus_bitrate 28000
"""

_LINPHONE_CONFIG = """\
[sip]
contact="lp" <sip:lp@127.0.0.1>
sip_port={port}
sip_tcp_port=0
sip_tls_port=0
guess_hostname=0
default_proxy=-1
media_encryption=none
ipv6_migration_done=1
use_ipv6=0
[rtp]
audio_rtp_port=42000
nortp_timeout=30
[sound]
echocancellation=0
remote_ring=
[video]
enabled=0
capture=0
display=0
[audio_codec_0]
mime=opus
rate=48000
channels=2
enabled=1
[audio_codec_1]
mime=PCMU
rate=8000
channels=1
enabled=0
[audio_codec_2]
mime=PCMA
rate=8000
channels=1
enabled=0
[audio_codec_3]
mime=speex
rate=16000
channels=1
enabled=0
[audio_codec_4]
mime=speex
rate=8000
channels=1
enabled=0
"""


def speech(folder: Path, rate: int, channels: int) -> Path:
    """espeak-ng's voice as a WAV of that shape."""
    wav = folder / "speech.wav"
    text = "I would like to know the balance of my account. When does the branch open on Saturday? " * 3
    subprocess.run(["espeak-ng", "-w", str(folder / "raw.wav"), text], check=True)
    shape = ["-r", str(rate), "-c", str(channels), "-b", "16", str(wav)]
    subprocess.run(["sox", "-v", "0.7", str(folder / "raw.wav"), *shape], check=True)
    return wav


async def baresip(folder: Path, uri: str, codec: str) -> tuple[bytes, bytes]:
    """One call; what it said and what it heard."""
    said = read(speech(folder, *_BARESIP_CODECS[codec]))
    (folder / "config").write_text(_BARESIP_CONFIG.format(port=5081, folder=folder))
    (folder / "accounts").write_text(f"<sip:alice@127.0.0.1:5081;transport=udp>;regint=0;audio_codecs={codec}\n")
    (folder / "contacts").write_text("")
    arguments = ("-f", str(folder), "-e", f"/dial {uri}", "-t", str(_SECONDS))
    process = await asyncio.create_subprocess_exec(
        "baresip", *arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    await process.wait()
    return said, read(_decoded(folder))


def _decoded(folder: Path) -> Path:
    return next(folder.glob("dump-*-dec.wav"))


async def linphonec(folder: Path, uri: str, _: str) -> tuple[bytes, bytes]:
    """One call; what it said and what it heard."""
    said = read(speech(folder, 48000, 1))
    (folder / ".local/share/linphone").mkdir(parents=True)  # without its database it opens no SIP port
    (folder / "linphonerc").write_text(_LINPHONE_CONFIG.format(port=5086))
    process = await asyncio.create_subprocess_exec(
        *("linphonec", "-d", "1", "-c", str(folder / "linphonerc")),
        env={**os.environ, "HOME": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    script = [
        (2, "soundcard use files"),
        (0.5, f"play {folder}/speech.wav"),
        (0.5, f"record {folder}/heard.wav"),
        (0.5, f"call {uri}"),
        (_SECONDS, "terminate"),
        (1, "quit"),
    ]
    for wait, line in script:
        await asyncio.sleep(wait)
        process.stdin.write(f"{line}\n".encode())
        await process.stdin.drain()
    await asyncio.wait_for(process.wait(), 20)
    return said, read(folder / "heard.wav")


async def call(phone: Any, codec: str) -> bool:
    """Start a bot that echoes and records, let the phone call it, compare."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bot = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "scripts.peers.sip_bot", "--record", name),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert bot.stdout is not None
        port = json.loads(await bot.stdout.readline())["port"]
        try:
            said, heard_back = await phone(folder, f"sip:wav@127.0.0.1:{port}", codec)
        finally:
            bot.send_signal(signal.SIGINT)
            events = [json.loads(line) for line in (await bot.stdout.read()).splitlines()]
            await bot.wait()
        by_name = {event["event"]: event for event in events}
        if "answered" not in by_name:
            print(f"{codec:13} FAILED: the call was not answered; {events}")
            return False
        there = match(read(folder / f"{by_name['answered']['call_id']}.wav"), said)
        back = match(heard_back, said)
        closed = by_name["closed"]
        fine = there > _NEAR and back > _NEAR and closed["reason"] in ("caller", "drained")
        print(
            f"{codec:13} {'ok' if fine else 'FAILED'}: wire {by_name['answered']['codec']} "
            f"{by_name['answered']['wire_rate']} Hz, heard by us {there:.3f}, echo heard by it {back:.3f}, "
            f"{closed['frames']} frames, {closed['concealed']} concealed, ended by {closed['reason']}"
        )
        return fine


async def main() -> int:
    """Status 0 if all calls were fine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phone", choices=["baresip", "linphonec"])
    phone = parser.parse_args().phone
    runs = [(baresip, codec) for codec in _BARESIP_CODECS] if phone == "baresip" else [(linphonec, "opus")]
    return 0 if all([await call(run, codec) for run, codec in runs]) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
