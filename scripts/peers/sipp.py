"""sipp scenarios from building blocks, and running them. Needs: apt-get install sip-tester sox espeak-ng

python -m scripts.peers.sipp --load 50 --seconds 20     # 50 calls x 20 s with audio against a sip_bot of its own
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from telephony.sip.stack import usable_port

INSTALL = "apt-get install -y --no-install-recommends sip-tester sox espeak-ng"

_DIALOG = """\
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
{routes}From: sipp <sip:sipp@[local_ip]:[local_port]>;tag=[pid]tag[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>{to_tag}
Call-ID: [call_id]
CSeq: {cseq}
Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70"""


def sdp(direction: str = "sendrecv", payload: int = 8, port: str = "[rtpstream_audio_port]") -> str:
    """A G.711 offer."""
    name = {8: "PCMA", 0: "PCMU"}[payload]
    return (
        "v=0\no=sipp 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [media_ip]\nt=0 0\n"
        f"m=audio {port} RTP/AVP {payload} 101\na=rtpmap:{payload} {name}/8000\n"
        f"a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=ptime:20\na={direction}"
    )


def request(method: str, cseq: int, body: str = "", kind: str = "application/sdp", *, first: bool = False) -> str:
    """A request inside the dialog (or the INVITE that makes it)."""
    head = _DIALOG.format(
        routes="" if first else "[routes]\n",
        to_tag="" if first else "[peer_tag_param]",
        cseq=f"{cseq} {method}",
    )
    target = "sip:[service]@[remote_ip]:[remote_port]" if first else "[next_url]"
    content = f"\nContent-Type: {kind}" if body else ""
    retrans = "" if method == "ACK" else ' retrans="500"'
    text = f"{method} {target} SIP/2.0\n{head}{content}\nContent-Length: [len]\n\n{body}"
    return f"<send{retrans}><![CDATA[\n\n{text}\n\n]]></send>"


def expect(code: int, *, dialog: bool = False) -> str:
    """Wait for a response; provisional ones before it are let through. ``dialog``: it makes or renews the route set."""
    routes = ' rrs="true"' if dialog else ""
    provisional = "".join(f'<recv response="{c}" optional="true"/>' for c in (100, 180, 183))
    return f'{provisional}<recv response="{code}"{routes}/>'


def receive(method: str, reply: str = "200 OK") -> str:
    """Wait for a request and answer it."""
    return (
        f'<recv request="{method}"/><send><![CDATA[\n\nSIP/2.0 {reply}\n[last_Via:]\n[last_From:]\n[last_To:]\n'
        "[last_Call-ID:]\n[last_CSeq:]\nContact: <sip:sipp@[local_ip]:[local_port]>\nContent-Length: 0\n\n]]></send>"
    )


def notify(cseq: int, line: str, state: str) -> str:
    """Report on a REFER, and have it acknowledged."""
    sent = request("NOTIFY", cseq, f"SIP/2.0 {line}", "message/sipfrag;version=2.0")
    return sent.replace("\nContent-Type", f"\nEvent: refer\nSubscription-State: {state}\nContent-Type") + expect(200)


def pause(milliseconds: int) -> str:
    """Let time pass."""
    return f'<pause milliseconds="{milliseconds}"/>'


def play(raw_alaw: Path) -> str:
    """Send a raw A-law file as RTP, looped."""
    return f'<nop><action><exec rtp_stream="{raw_alaw},-1,8"/></action></nop>'


def key(cseq: int, digit: str) -> str:
    """A key press by SIP INFO."""
    return request("INFO", cseq, f"Signal={digit}\nDuration=100", "application/dtmf-relay") + expect(200)


def cancel() -> list[str]:
    """Ring, give up, be told 487. CANCEL and this ACK carry the INVITE's own branch (RFC 3261 9.1, 17.1.1.3)."""
    head = "[last_Via:]\n[last_From:]\n{to}\n[last_Call-ID:]\nCSeq: 1 {method}\nMax-Forwards: 70\nContent-Length: 0"
    plain = "To: <sip:[service]@[remote_ip]:[remote_port]>"

    def bare(method: str, to: str) -> str:
        line = f"{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0"
        return f"<send><![CDATA[\n\n{line}\n{head.format(to=to, method=method)}\n\n]]></send>"

    ringing = '<recv response="100" optional="true"/><recv response="180"/>'
    invite = request("INVITE", 1, sdp(), first=True)
    done = '<recv response="200"/><recv response="487"/>'
    return [invite, ringing, pause(300), bare("CANCEL", plain), done, bare("ACK", "[last_To:]")]


def answered(*steps: str) -> list[str]:
    """INVITE, 200, ACK, then ``steps``."""
    return [request("INVITE", 1, sdp(), first=True), expect(200, dialog=True), request("ACK", 1), *steps]


def hang_up(cseq: int) -> str:
    """BYE and its 200."""
    return request("BYE", cseq) + expect(200)


def write(path: Path, steps: Sequence[str]) -> Path:
    """The scenario as a file."""
    head = '<?xml version="1.0"?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">'
    body = "\n".join(steps)
    path.write_text(f'{head}\n<scenario name="{path.stem}">\n{body}\n</scenario>\n')
    return path


def command(scenario: Path, port: int, service: str, *, calls: int = 1, rate: int = 10, tcp: bool = False) -> list[str]:
    """sipp's command line; run it in a scratch folder. Its exit status is 0 only if every call went as written."""
    return [
        *("sipp", "-sf", str(scenario), f"127.0.0.1:{port}", "-s", service, "-i", "127.0.0.1", "-mi", "127.0.0.1"),
        *("-m", str(calls), "-l", str(calls), "-r", str(rate), "-nostdin", "-trace_err", "-timeout", "120"),
        *("-p", str(usable_port("127.0.0.1", 0)), "-t", "t1" if tcp else "u1"),
    ]


def speech(folder: Path) -> Path:
    """Twenty seconds of espeak-ng as raw A-law."""
    wav, raw = folder / "speech.wav", folder / "speech.alaw"
    text = "I would like to know the balance of my account, and when the branch opens on Saturday. " * 4
    subprocess.run(["espeak-ng", "-w", str(wav), text], check=True)
    subprocess.run(["sox", str(wav), "-r", "8000", "-t", "raw", "-e", "a-law", "-b", "8", str(raw)], check=True)
    return raw


async def load(calls: int, seconds: int, codecs: str) -> int:
    """Simultaneous calls with audio both ways; prints what sipp and the bot saw. Returns sipp's status."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        steps = answered(play(speech(folder)), pause(seconds * 1000), hang_up(2))
        scenario = write(folder / "load.xml", steps)
        bot = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "scripts.peers.sip_bot", "--codecs", codecs), stdout=asyncio.subprocess.PIPE
        )
        assert bot.stdout is not None
        port = json.loads(await bot.stdout.readline())["port"]
        sipp = await asyncio.create_subprocess_exec(
            *command(scenario, port, "tone", calls=calls),
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        status = await sipp.wait()
        bot.send_signal(signal.SIGTERM)
        closed: list[dict[str, Any]] = []
        health: dict[str, Any] = {}
        while line := await bot.stdout.readline():
            event = json.loads(line)
            if event["event"] == "closed":
                closed.append(event)
            elif event["event"] == "health":
                health = event
        await bot.wait()
    frames, concealed = (sum(event[what] for event in closed) for what in ("frames", "concealed"))
    there, back = (sum(event.get(what, 0) for event in closed) for what in ("packets_in", "packets_out"))
    expected = calls * seconds * 50
    print(f"sipp status {status}; {len(closed)} calls closed by {sorted({e['reason'] for e in closed})}")
    print(f"frames heard {frames} of about {expected}, concealed {concealed} ({concealed / max(1, frames):.2%})")
    print(f"packets received {there}, sent {back}")
    print(json.dumps(health))
    return status


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--load", type=int, default=50, metavar="CALLS")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--codecs", default="pcma")
    args = parser.parse_args()
    sys.exit(asyncio.run(load(args.load, args.seconds, args.codecs)))


if __name__ == "__main__":
    main()
