"""A tiny real engine for the pool's tests; runs in a real subprocess."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.errors import ModelFileError
from contracts.worker import Job, Reply


class TestEngine:
    """echo, count, spin, deadlock, boom, die: whatever a supervisor has to cope with."""

    __test__ = False

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options

    def load(self) -> None:
        """Fail in the way the options ask for."""
        fail = self._options.get("fail")
        if fail == "missing":
            raise ModelFileError("/nowhere/model.bin is missing; run `callwright models fetch`")
        if fail == "value":
            raise ValueError("a bad option")
        if fail == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        flag = self._options.get("die_if_exists")
        if flag and Path(flag).exists():
            os._exit(7)
        slow = self._options.get("slow_if_exists")
        while slow and Path(slow).exists():
            time.sleep(0.01)

    def run(self, method: str, params: Mapping[str, Any], blob: bytes, job: Job) -> Reply:
        """One of the methods below."""
        if method == "echo":
            return Reply({"params": dict(params), "pid": os.getpid(), "options": dict(self._options)}, blob[::-1])
        if method == "count":
            for number in range(params["to"]):
                job.checkpoint()
                job.emit({"n": number})
            return Reply({"done": True})
        if method == "spin":
            job.emit({"pid": os.getpid()})
            while True:
                job.checkpoint()
        if method == "stuck":
            job.emit({"pid": os.getpid()})
            threading.Event().wait()
        if method == "deadlock":
            job.emit({"pid": os.getpid()})
            ctypes.PyDLL(None).sleep(60)  # PyDLL keeps the interpreter lock: no thread of the process gets on
        if method == "boom":
            raise RuntimeError("the engine's own words")
        raise ValueError(f"no method {method}")
