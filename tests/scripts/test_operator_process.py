"""An operator that a script started meets no other one, and does not outlive the script."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from scripts.operator_process import DIE_WITH_PARENT, RTP_PORTS, ports_apart
from server.settings import ROOT
from workers.manifest import ModelStore, load_manifest

PARENT = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], str(os.getpid()), "-c", sys.argv[2]])
print(child.pid, flush=True)
child.wait()
"""
SCRIPT = """
import asyncio, sys
from pathlib import Path
from scripts.operator_process import OperatorProcess

async def main():
    async with OperatorProcess(Path(sys.argv[1]), apart=True) as operator:
        print(operator.pid, operator.settings.home_dir, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
CONFIG = """
engines: {whisper: whisper-tiny-en, small: smollm2-135m, large: ""}
"""
PATIENCE_MS = 20_000


def gone(pid: int) -> bool:
    """The process ended within patience."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    try:
        return bool(poll.poll(PATIENCE_MS))
    finally:
        os.close(handle)


def test_two_operators_apart_share_no_port() -> None:
    first, second = ports_apart(), ports_apart()
    own = [value for name, value in first.items() if name.endswith("__PORT")]
    assert len(set(own)) == 3
    assert not set(own) & {value for name, value in second.items() if name.endswith("__PORT")}
    low = int(first["CALLWRIGHT_TELEPHONY__SIP__RTP_PORT_MIN"])
    assert int(first["CALLWRIGHT_TELEPHONY__SIP__RTP_PORT_MAX"]) == low + RTP_PORTS - 2


def test_a_range_with_a_port_in_use_is_not_taken() -> None:
    low = int(ports_apart()["CALLWRIGHT_TELEPHONY__SIP__RTP_PORT_MIN"])
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", low + 6))
        assert int(ports_apart()["CALLWRIGHT_TELEPHONY__SIP__RTP_PORT_MIN"]) != low


def test_what_was_started_ends_when_the_script_is_killed() -> None:
    waiting = "import signal; print('up', flush=True); signal.pause()"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, DIE_WITH_PARENT, waiting], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert parent.stdout.readline() == b"up\n"
    parent.kill()
    parent.wait()
    assert gone(child)


@pytest.mark.models
@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_of_the_operator_outlives_the_script(number: signal.Signals, tmp_path: Path) -> None:
    store = ModelStore(load_manifest())
    lacking = [name for name in store.manifest.select(["test"]) if store.faults(name)]
    if lacking:
        pytest.skip(f"{', '.join(lacking)} missing: run `callwright models fetch test`")
    config = tmp_path / "operator.yaml"
    config.write_text(CONFIG)
    script = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(config)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert script.stdout is not None
    pid, home = script.stdout.readline().split()
    operator = psutil.Process(int(pid))
    family = [operator.pid, *(child.pid for child in operator.children(recursive=True))]
    assert len(family) > 3
    script.send_signal(number)
    script.wait(PATIENCE_MS / 1000)
    assert all(gone(one) for one in family)
    if number is signal.SIGTERM:
        assert not Path(home.decode()).exists()
