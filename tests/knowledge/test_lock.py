from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.errors import KnowledgeError
from knowledge.lock import OwnerLock

ROOT = Path(__file__).parents[2]
HOLD = (
    "import sys; from pathlib import Path; from knowledge.lock import OwnerLock; lock = OwnerLock(Path(sys.argv[1])); "
    "lock.acquire(); print('held', flush=True); sys.stdin.read()"
)


def test_a_second_owner_is_refused_with_the_first_ones_pid(tmp_path: Path) -> None:
    first, second = OwnerLock(tmp_path / "sub" / "k.lock"), OwnerLock(tmp_path / "sub" / "k.lock")
    first.acquire()
    with pytest.raises(KnowledgeError, match=f"pid {os.getpid()}"):
        second.acquire()
    first.release()
    first.release()
    second.acquire()
    second.release()


def test_a_killed_owner_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "k.lock"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    with pytest.raises(KnowledgeError, match=f"pid {process.pid}"):
        OwnerLock(path).acquire()
    process.kill()
    process.communicate()
    lock = OwnerLock(path)
    lock.acquire(wait_s=5.0)
    lock.release()
