"""Chroma in a process of its own, with the manners of ``vectors.VectorIndex``.

Its writes hold the interpreter's lock for as long as they take (measured: 20 ms for 8 vectors, 100 ms and more at
100,000), and a damaged index can end its process. Here neither concerns a search: it asks with a short patience, and
whoever owns this goes elsewhere when there is no answer.

::

    indexer ─ upsert, delete ─►┐
    search ── query ──────────►┤ socket pair, pickled (id, method, arguments) ──► child: VectorIndex
                               └◄── (id, error or None, result)
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from knowledge.vectors import Vector, VectorIndex, VectorsUnusable

_ROOT = str(Path(__file__).parents[1])
_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from knowledge.vectorprocess import main; main()"
_PATIENCE_S = 600.0
"""For opening and writing; a hung child is then replaced."""
_NICENESS = 5


class VectorsBusy(Exception):
    """No answer within the asker's patience; the index is whole and will answer later."""


class VectorProcess:
    """An open index in a child. Not thread-safe; the indexer guards it. Raises VectorsUnusable like VectorIndex."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder = folder
        self._fingerprint = fingerprint
        self._child: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._asked = 0

    def open(self) -> set[str]:
        """Open or create the index in a new child, and return the ids it holds. Raises VectorsUnusable."""
        self.close()
        ours, theirs = socket.socketpair()
        try:
            number = theirs.fileno()
            command = [sys.executable, "-I", "-c", _START, _ROOT, str(number), str(self._folder), self._fingerprint]
            self._child = subprocess.Popen(command, pass_fds=(number,), stdin=subprocess.DEVNULL)
        except OSError as error:
            ours.close()
            raise VectorsUnusable(f"no process for the vector index: {error}") from error
        finally:
            theirs.close()
        self._pipe = Connection(ours.detach())
        found: set[str] = self._ask("open")
        return found

    def query(self, vector: Vector, count: int, *, patience_s: float = _PATIENCE_S) -> dict[str, float]:
        """Ids of the nearest passages with their cosine, best first. Raises VectorsUnusable, VectorsBusy."""
        found: dict[str, float] = self._ask("query", vector, count, patience_s=patience_s)
        return found

    def upsert(self, vectors: Mapping[str, Vector]) -> None:
        """Enter vectors under their ids. Raises VectorsUnusable, also when the disk is full."""
        self._ask("upsert", dict(vectors))

    def delete(self, ids: Sequence[str]) -> None:
        """Take ids out; unknown ones are ignored. Raises VectorsUnusable."""
        self._ask("delete", list(ids))

    def close(self) -> None:
        """End the child, which lets go of the files; harmless if there is none."""
        pipe, self._pipe = self._pipe, None
        child, self._child = self._child, None
        if pipe is not None:
            pipe.close()  # the child ends when it reads no more
        if child is not None:
            try:
                child.wait(5.0)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def destroy(self) -> None:
        """Close, and delete the folder, or what lies in its place."""
        self.close()
        VectorIndex(self._folder, self._fingerprint).destroy()

    def _ask(self, method: str, *arguments: Any, patience_s: float = _PATIENCE_S) -> Any:
        if self._pipe is None:
            raise VectorsUnusable("the vector index is not open")
        self._asked += 1
        try:
            self._pipe.send((self._asked, method, arguments))
            while self._pipe.poll(patience_s):
                number, error, result = self._pipe.recv()
                if number != self._asked:
                    continue  # the answer to somebody who did not wait for it
                if error is not None:
                    raise VectorsUnusable(error)
                return result
        except (EOFError, OSError) as error:
            raise VectorsUnusable(f"the process of the vector index has ended ({type(error).__name__})") from error
        if patience_s < _PATIENCE_S:
            raise VectorsBusy
        raise VectorsUnusable(f"the vector index did not answer for {patience_s:g} s")


def serve(pipe: Connection, index: VectorIndex) -> None:
    """Answer until the asker hangs up."""
    while True:
        try:
            number, method, arguments = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            answer: tuple[int, str | None, Any] = (number, None, getattr(index, method)(*arguments))
        except VectorsUnusable as error:
            answer = (number, str(error), None)
        with suppress(OSError):  # it hung up meanwhile
            pipe.send(answer)


def main() -> None:
    """Arguments: the descriptor of the socket, the folder, the fingerprint."""
    os.nice(_NICENESS)
    index = VectorIndex(Path(sys.argv[2]), sys.argv[3])
    serve(Connection(int(sys.argv[1])), index)
    index.close()


if __name__ == "__main__":
    main()
