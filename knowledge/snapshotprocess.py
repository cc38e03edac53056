"""Writing a large release's files in a process of its own.

A hundred thousand passages are half a minute of work that holds the interpreter's lock again and again; beside it a
search of 15 ms took 60. A small release is written where it is asked for: starting a process takes longer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from contracts.errors import DeviceFull, KnowledgeError
from knowledge import background, snapshotfile
from knowledge.database import open_engine
from knowledge.store import DocumentStore

_ROOT = str(Path(__file__).parents[1])
_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from knowledge.snapshotprocess import main; main()"
_PATIENCE_S = 3600.0
_FULL = 3
"""Exit code: no space left."""


def build(store: DocumentStore, number: int, digest: str, folder: Path, fingerprint: str, passages: int) -> None:
    """``snapshotfile.build``, apart if the release has more than ``passages``. Raises DeviceFull, KnowledgeError."""
    if _large(store, number, passages):
        _run(store, {"number": number, "digest": digest, "folder": str(folder), "fingerprint": fingerprint})
    else:
        snapshotfile.build(store, number, digest, folder, fingerprint)


def write_vectors(store: DocumentStore, number: int, folder: Path, fingerprint: str, passages: int) -> None:
    """``snapshotfile.write_vectors``, apart if the release has more than ``passages``. Raises as ``build``."""
    if _large(store, number, passages):
        _run(store, {"number": number, "folder": str(folder), "fingerprint": fingerprint})
    else:
        snapshotfile.write_vectors(store, number, folder, fingerprint)


def _large(store: DocumentStore, number: int, passages: int) -> bool:
    url = store.engine.url
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        return False  # nobody else can open it
    return store.release_passages(number) > passages


def _run(store: DocumentStore, request: dict[str, Any]) -> None:
    """The database's URL goes by standard input: it may hold a password."""
    request["url"] = store.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-I", "-c", _START, _ROOT, str(os.getpid())]
    try:
        done = subprocess.run(command, input=json.dumps(request).encode(), capture_output=True, timeout=_PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KnowledgeError(f"the release could not be written ({error}); repeat it") from error
    tail = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    if done.returncode == _FULL:
        raise DeviceFull("".join(tail))
    if done.returncode:
        raise KnowledgeError(f"the release could not be written ({done.returncode}: {''.join(tail)}); repeat it")


def main() -> None:
    """Argument: the parent. Reads its orders from standard input."""
    background.die_with(int(sys.argv[1]))
    background.step_back()
    request = json.load(sys.stdin)
    store = DocumentStore(open_engine(request["url"], Path("/")))
    number, folder, fingerprint = int(request["number"]), Path(request["folder"]), str(request["fingerprint"])
    try:
        if "digest" in request:
            snapshotfile.build(store, number, str(request["digest"]), folder, fingerprint)
        else:
            snapshotfile.write_vectors(store, number, folder, fingerprint)
    except DeviceFull as error:
        print(error, file=sys.stderr)
        sys.exit(_FULL)
    finally:
        store.close()


if __name__ == "__main__":
    main()
