"""Kills the real operator (-9) while a person's telephone rings for a caller, starts it again, and reads its record.

    python -m scripts.kill_waiting

An operator of its own is started (temporary home, free ports, the demo bank); somebody at the desk is ready at a
telephone that rings and is not answered. The caller asks for a person, is claimed, and the process is killed. After the
restart the caller must be called back, once, their hand-over failed and their call ended, each step in the event log.
Exit status 0 if so.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path

from operations.callbacks import Callbacks
from operations.database import open_database
from operations.records import Records
from scripts.bench_handover import PersonBot, config, phone
from scripts.operator_process import OperatorProcess, ports_apart
from server.control_client import ask
from telephony.sip.caller import CallerSettings, SipCaller

NUMBER = "+15551234567"
PATIENCE_S = 60.0
STEPS = ["call.started", "queue.moved entered", "queue.moved claimed", "callback.wanted", "call.ended"]


async def killed_while_it_rings(operator: OperatorProcess, reach: str) -> None:
    """A caller is claimed, their person's telephone rings, and the operator is gone."""
    control = operator.settings.control_socket
    await ask(control, "queue_ready", by="agent", skills=[], reach=reach)
    async with SipCaller(CallerSettings(user=NUMBER, codecs=("pcma",))) as caller:
        call = await caller.dial(operator.sip_uri.replace("sip:bank@", "sip:queue@"))
        await asyncio.sleep(5.0)  # the disclosure
        await call.dtmf("0")
        async with asyncio.timeout(PATIENCE_S):
            while not any(one["state"] == "claimed" for one in (await ask(control, "queue"))["waiting"]):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await asyncio.sleep(1.0)
        os.kill(operator.pid, signal.SIGKILL)


async def record_of(operator: OperatorProcess) -> tuple[list[str], list[str], list[str]]:
    """Whom to call back, how hand-overs stand, and what the event log has of the call."""
    settings = operator.settings
    engine = open_database(settings.operations.database_url, settings.home_dir)
    records = Records(engine)
    async with asyncio.timeout(PATIENCE_S):
        while records.list_calls()[0]["ended_at"] is None:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.2)
    events = records.get_call(records.list_calls()[0]["call_id"]).events
    told = [f"{one['kind']} {one['body'].get('step', '')}".strip() for one in events]
    tickets = [one.caller for one in Callbacks(engine).to_do()]
    return tickets, [f"{one.status}: {one.detail}" for one in records.list_handoffs()], told


async def main() -> int:
    """Exit status 0 if nobody was lost."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as name:
        env = {**ports_apart(), "CALLWRIGHT_HOME": f"{name}/home"}
        async with PersonBot() as person:
            path = config(Path(name), person.port)
            async with OperatorProcess(path, env=env) as operator:
                await killed_while_it_rings(operator, phone(person.port))
            async with OperatorProcess(path, env=env) as operator:
                tickets, handoffs, told = await record_of(operator)
    print(f"to be called back: {tickets}\nhand-overs: {handoffs}\nevents: {', '.join(told)}")
    inorder = iter(told)
    fine = tickets == [NUMBER] and handoffs[0].startswith("failed") and all(step in inorder for step in STEPS)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
