"""What a measurement was made on: machine, commit, and the very files, so that it can be made again."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MAX_HASHED_BYTES = 1 << 28
"""Larger files are named with their size alone."""


def machine() -> dict[str, Any]:
    """Processor, cores, load, interpreter and commit, as JSON-ready values."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "load_before": [round(one, 2) for one in os.getloadavg()],
        "python": platform.python_version(),
        "commit": git("rev-parse", "--short", "HEAD"),
        "uncommitted_changes": bool(git("status", "--porcelain", "--untracked-files=no")),
    }


def matching(folder: Path, need: str) -> list[Path]:
    """What a suite's need ("a/b_*.csv|a/c.json": one of several patterns) finds below ``folder``."""
    return sorted(found for pattern in need.split("|") for found in folder.glob(pattern.strip()))


def described(folder: Path, needs: Iterable[str]) -> dict[str, str]:
    """Each file that the needs name → the beginning of its SHA-256; a folder → how many files are in it."""
    found = sorted({path for need in needs for path in matching(folder, need)})
    return {str(path.relative_to(folder)): _identity(path) for path in found}


def _identity(path: Path) -> str:
    if path.is_dir():
        return f"{sum(one.is_file() for one in path.rglob('*'))} files"
    size = path.stat().st_size
    if size > MAX_HASHED_BYTES:
        return f"{size} bytes"
    with path.open("rb") as source:
        return "sha256:" + hashlib.file_digest(source, "sha256").hexdigest()[:16]
