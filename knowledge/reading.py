"""Reading a file in a process of its own, which may cost so much time and memory and no more.

::

    read(bytes) ──header, bytes──► child (RLIMIT_AS, RLIMIT_CPU, no files, no network) ──documents or refusal──► here
                 └─ wall clock: killed, and the file is refused ─┘

A file can at worst end its child. Files of text share a child; PDF, DOCX and HTML, whose libraries are large, get a
fresh one each.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from contracts.errors import DocumentRefused, KnowledgeError
from knowledge.documents import Document, clean_source, too_large
from knowledge.reading_child import LENGTH
from knowledge.settings import KnowledgeSettings

_ROOT = str(Path(__file__).parents[1])
_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from knowledge.reading_child import main; main()"
_PLAIN = frozenset({"markdown", "csv", "json"})
_MAX_ANSWER = 1 << 30
_PIPE = 1 << 16


class DocumentReader:
    """Reads files, one at a time; a second thread waits. ``close`` ends the child."""

    def __init__(self, settings: KnowledgeSettings) -> None:
        self._settings = settings
        self._sent = settings.model_dump(mode="json")
        self._child: subprocess.Popen[bytes] | None = None
        self._files = 0
        self._lock = threading.Lock()

    def __enter__(self) -> DocumentReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, data: bytes, source: str) -> list[Document]:
        """The documents of a file. Raises DocumentRefused, also when the child died over it."""
        source = clean_source(source)
        limit = self._settings.limits.max_document_bytes
        if len(data) > limit:
            raise too_large(source, len(data), limit)
        with self._lock:
            answer = self._ask(data, source)
            if "documents" not in answer or any(one["format"] not in _PLAIN for one in answer["documents"]):
                self._end()
        if "refused" in answer:
            raise DocumentRefused(str(answer["refused"]))
        if "memory" in answer:
            raise self._too_much(source, f"more than {self._settings.ingest.memory_mib} MiB of memory")
        return [Document.from_json(one) for one in answer["documents"]]

    def close(self) -> None:
        """End the child; the next file starts another."""
        with self._lock:
            self._end()

    def _ask(self, data: bytes, source: str) -> dict[str, Any]:
        ingest = self._settings.ingest
        if self._child is not None and (self._files >= ingest.files_per_process or self._child.poll() is not None):
            self._end()
        child = self._child or self._start()
        self._files += 1
        until = time.monotonic() + ingest.wall_s
        header = json.dumps({"source": source, "bytes": len(data), "settings": self._sent}).encode()
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            _write(child.stdin.fileno(), LENGTH.pack(len(header)) + header + data, until)
            size = LENGTH.unpack(_read(child.stdout.fileno(), LENGTH.size, until))[0]
            if size > _MAX_ANSWER:
                raise EOFError
            answer: dict[str, Any] = json.loads(_read(child.stdout.fileno(), size, until))
        except TimeoutError as error:
            self._end()
            raise self._too_much(source, f"more than {ingest.wall_s:g} seconds") from error
        except (EOFError, OSError) as error:
            code = self._end()
            raise self._died(source, code) from error
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        ingest = self._settings.ingest
        command = [sys.executable, "-I", "-c", _START, _ROOT, str(ingest.memory_mib), str(ingest.cpu_s)]
        env = {key: os.environ[key] for key in ("PATH", "LANG", "LC_ALL") if key in os.environ}
        env |= {"MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        try:
            child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, bufsize=0
            )
        except OSError as error:
            raise KnowledgeError(f"no process can be started to read documents ({error}); try again later") from error
        for stream in (child.stdin, child.stdout):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
        self._child, self._files = child, 0
        return child

    def _end(self) -> int:
        """Kill the child; returns how it ended."""
        child, self._child = self._child, None
        if child is None:
            return 0
        code = child.poll()
        child.kill()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                stream.close()
        ended = child.wait()
        return ended if code is None else code

    def _died(self, source: str, code: int) -> DocumentRefused:
        if code == -24:  # SIGXCPU
            return self._too_much(source, f"more than {self._settings.ingest.cpu_s} seconds of CPU")
        return DocumentRefused(
            f"{source}: cannot be read: the process that tried ended ({code}); save the document in another format"
        )

    def _too_much(self, source: str, what: str) -> DocumentRefused:
        return DocumentRefused(f"{source}: takes {what} to read; split or simplify it, or raise the limits in ingest")


def _write(descriptor: int, data: bytes, until: float) -> None:
    view = memoryview(data)
    while view:
        if not select.select([], [descriptor], [], max(0.0, until - time.monotonic()))[1]:
            raise TimeoutError
        view = view[os.write(descriptor, view[:_PIPE]) :]


def _read(descriptor: int, size: int, until: float) -> bytes:
    pieces: list[bytes] = []
    while size:
        if not select.select([descriptor], [], [], max(0.0, until - time.monotonic()))[0]:
            raise TimeoutError
        piece = os.read(descriptor, min(size, 1 << 20))
        if not piece:
            raise EOFError
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
