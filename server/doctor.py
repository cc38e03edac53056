"""Looks at a machine and says what would keep an operator from answering: one line each, with what to do about it.

Takes plain values; server/checkup.py fills them in from the settings.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

State = Literal["ok", "warn", "fail"]
MIN_MEMORY_GB = 4.0
MIN_DISK_GB = 2.0


@dataclass(slots=True, frozen=True)
class CheckLine:
    """One finding; ``advice`` says what to do when it is not ok."""

    name: str
    state: State
    text: str
    advice: str = ""


@dataclass(slots=True, frozen=True)
class Port:
    """A port that the operator wants: ``kind`` is udp or tcp."""

    name: str
    host: str
    number: int
    kind: Literal["udp", "tcp"]
    setting: str


def check_cpu(cpuinfo: str) -> CheckLine:
    """The instructions that the models need; ``cpuinfo`` is the text of /proc/cpuinfo."""
    flags: set[str] = set()
    for line in cpuinfo.splitlines():
        if line.startswith("flags"):
            flags = set(line.partition(":")[2].split())
            break
    cores = os.cpu_count() or 1
    if not flags:
        return CheckLine("cpu", "warn", f"{cores} cores, instruction set not known", "nothing, if models load")
    if "avx2" not in flags:
        return CheckLine("cpu", "warn", f"{cores} cores without AVX2", "expect answers several times slower")
    best = "AVX-512" if "avx512f" in flags else "AVX2"
    amx = "; AMX is listed and never used" if any(flag.startswith("amx") for flag in flags) else ""
    state: State = "ok" if cores >= 2 else "warn"
    return CheckLine("cpu", state, f"{cores} cores with {best}{amx}", "" if cores >= 2 else "two cores are the least")


def check_memory(meminfo: str) -> CheckLine:
    """Enough memory for all models; ``meminfo`` is the text of /proc/meminfo."""
    total = next((int(line.split()[1]) / 1e6 for line in meminfo.splitlines() if line.startswith("MemTotal")), 0.0)
    if total < MIN_MEMORY_GB:
        advice = f"{MIN_MEMORY_GB:g} GB are needed for both language models; set engines.large to an empty name"
        return CheckLine("memory", "fail", f"{total:.1f} GB", advice)
    return CheckLine("memory", "ok", f"{total:.1f} GB")


def check_python() -> CheckLine:
    """The interpreter and the packages that come as extras."""
    version = ".".join(map(str, sys.version_info[:3]))
    lacking = [name for name in ("llama_cpp", "piper", "baresip", "chromadb") if importlib.util.find_spec(name) is None]
    if lacking:
        return CheckLine("python", "fail", f"{version}, without {', '.join(lacking)}", "run python3 scripts/setup.py")
    return CheckLine("python", "ok", f"{version} with all packages")


def check_disk(name: str, folder: Path) -> CheckLine:
    """Free space and the right to write where ``folder`` is or will be."""
    existing = folder
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free / 1e9
    if not os.access(existing, os.W_OK):
        return CheckLine(name, "fail", f"{folder} cannot be written", f"chown it, or set {name.upper()} elsewhere")
    if free < MIN_DISK_GB:
        return CheckLine(
            name, "warn", f"{folder}: {free:.1f} GB free", "free some space: recordings stop on a full disk"
        )
    return CheckLine(name, "ok", f"{folder}: {free:.0f} GB free")


def check_port(port: Port) -> CheckLine:
    """Can it be bound?"""
    kind = socket.SOCK_DGRAM if port.kind == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        if port.kind == "tcp":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.host, port.number))
        except OSError as error:
            text = f"{port.host}:{port.number}/{port.kind} cannot be used ({error.strerror}{_holder(port)})"
            advice = f"stop what holds it (ss -lnp 'sport = :{port.number}'), or set {port.setting}"
            return CheckLine(port.name, "fail", text, advice)
    return CheckLine(port.name, "ok", f"{port.host}:{port.number}/{port.kind} is free")


def _holder(port: Port) -> str:
    """ ", held by NAME (process ID)" if /proc tells; empty for other people's processes."""
    try:
        found = psutil.net_connections(port.kind)
    except psutil.AccessDenied:
        return ""
    for connection in found:
        waits = port.kind == "udp" or connection.status == psutil.CONN_LISTEN
        if waits and connection.pid and connection.laddr and connection.laddr.port == port.number:
            try:
                return f"; held by {psutil.Process(connection.pid).name()}, process {connection.pid}"
            except psutil.Error:
                return f"; held by process {connection.pid}"
    return ""


def check_rtp(low: int, high: int, calls: int) -> CheckLine:
    """Two ports a call (RTP and RTCP), and none that the kernel hands out by itself."""
    room = (high - low + 1) // 2
    text = f"RTP ports {low} to {high}: room for {room} calls"
    if room < calls:
        return CheckLine("rtp", "fail", f"{text}, {calls} are admitted", "widen telephony.sip.rtp_port_min and _max")
    own = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first, last = (int(part) for part in own.read_text().split()) if own.exists() else (0, -1)
    if low <= last and high >= first:
        advice = f"keep them out of {first} to {last}, from which the kernel takes ports for other programs"
        return CheckLine("rtp", "warn", text, advice)
    return CheckLine("rtp", "ok", text)


def check_models(faults: Sequence[str], count: int, deep: bool) -> list[CheckLine]:
    """Model files; ``faults`` as workers.manifest.ModelStore.faults says them."""
    if faults:
        return [CheckLine("models", "fail", fault, "run callwright models fetch") for fault in faults]
    return [CheckLine("models", "ok", f"{count} models are here{' and unchanged' if deep else ''}")]


def check_sqlite(folder: Path) -> CheckLine:
    """Does write-ahead logging work on that file system?"""
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".check.db"
    try:
        connection = sqlite3.connect(probe)
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        connection.execute("CREATE TABLE IF NOT EXISTS probe (x)")
        connection.close()
    except sqlite3.Error as error:
        return CheckLine("database", "fail", f"{folder}: {error}", "put CALLWRIGHT_HOME on a local disk")
    finally:
        for suffix in ("", "-wal", "-shm"):
            probe.with_name(probe.name + suffix).unlink(missing_ok=True)
    if mode != "wal":
        return CheckLine(
            "database", "fail", f"{folder}: no write-ahead log here", "put CALLWRIGHT_HOME on a local disk"
        )
    return CheckLine("database", "ok", f"SQLite {sqlite3.sqlite_version}, write-ahead log works")
