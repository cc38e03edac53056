"""A callback dialled by the operator through Asterisk: a telephone (Debian's baresip) rings first, then the number.

    CALL=scripts.peers.callback scripts/peers/asterisk.sh

Needs what asterisk.sh needs, and: apt-get install baresip-core sox espeak-ng

::

    stream caller +49… ─ key 0, nobody there ─► ticket ─ claimed ─► callback_call ─► 200: baresip, key 1
                                                                                    ─► +49…: Asterisk's echo

The telephone must hear itself: its sound went to the operator, to Asterisk's echo, back to the operator and back to it.
Exit status 0 if it did.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import yaml

from operations.callbacks import Callback, CallbackOutcome, Callbacks
from operations.database import open_database
from scripts.operator_process import OperatorProcess
from scripts.peers.compare import match, read
from scripts.peers.handover import NEAR, OPERATOR_PORT, Streaming, config, sayings, telephone
from scripts.peers.handover_cases import ASTERISK, HUMAN
from scripts.peers.real_call import transcribe
from server.control_client import ask
from telephony.websocket.client import TwilioClient

NUMBER = "+4930123456"
BRIEFED_S, TALK_S = 4.0, 8.0
ENDS = {"reached", "not reached", "not taken", "not answered"}


def tickets(operator: OperatorProcess) -> Callbacks:
    """Of its record."""
    settings = operator.settings
    return Callbacks(open_database(settings.operations.database_url, settings.home_dir))


async def promised(operator: OperatorProcess) -> Callback:
    """Somebody calls, asks for a person, and is promised a callback."""
    callbacks = tickets(operator)
    websocket = operator.settings.telephony.websocket
    url = f"ws://{websocket.host}:{websocket.port}{websocket.path}"
    async with TwilioClient(url, parameters={"from": NUMBER, "to": "sip:900@stream"}) as client:
        caller = Streaming(client)
        await asyncio.sleep(4.0)  # the disclosure
        await caller.press("0")
        async with asyncio.timeout(60):
            while not (found := await asyncio.to_thread(callbacks.to_do)):  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.2)
        await asyncio.sleep(6.0)
        print(f"the caller was told: {transcribe(caller.heard()).strip()}", flush=True)
    await operator.idle()
    callbacks.claim(found[0].ticket, "ann")
    return found[0]


def steps(operator: OperatorProcess) -> list[str]:
    """So far."""
    return [one["body"]["step"] for one in operator.events if one["kind"] == "callback.step"]


async def called_back(operator: OperatorProcess, folder: Path) -> float:
    """The correlation of what the telephone said and heard."""
    said, _ = sayings(folder)
    ticket = await promised(operator)
    async with telephone(folder, said) as keyboard:
        control = operator.settings.control_socket
        await ask(control, "callback_call", by="ann", ticket=ticket.ticket, reach=HUMAN)
        await asyncio.sleep(BRIEFED_S)
        keyboard.write(b"1")
        await keyboard.drain()
        async with asyncio.timeout(30):
            while not ENDS & set(steps(operator)):  # noqa: ASYNC110 - its events
                await asyncio.sleep(0.1)
        await asyncio.sleep(TALK_S)
        keyboard.write(b"b")  # hangs up
        await keyboard.drain()
        await asyncio.sleep(2.0)  # the telephone writes its recording when the call has ended
    heard = read(max(folder.glob("dump-*-dec.wav")))  # noqa: ASYNC240 - nothing else runs any more
    print(f"the person was told: {transcribe(heard[: round(BRIEFED_S * 32000)]).strip()}", flush=True)
    return match(read(said), heard[-round((TALK_S - 2) * 32000) : -32000])


async def main() -> int:
    """Exit status 0 if both heard each other."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = config(folder)
        data = yaml.safe_load(path.read_text())
        data["escalation"]["queue"]["callback_route"] = f"sip:{{number}}@{ASTERISK}"
        path.write_text(yaml.safe_dump(data))
        env = {"CALLWRIGHT_TELEPHONY__SIP__PORT": str(OPERATOR_PORT)}
        async with OperatorProcess(path, env=env, apart=True) as operator:
            heard = await called_back(operator, folder)
            (ticket,) = tickets(operator).to_do()
            tickets(operator).close(ticket.ticket, "ann", CallbackOutcome.REACHED)
            print(f"steps: {', '.join(steps(operator))}; the telephone hears its echo: {heard:.3f}")
            fine = heard > NEAR and steps(operator) == ["dialled", "calling", "reached", "ended"]
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
