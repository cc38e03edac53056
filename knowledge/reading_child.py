"""The process that reads files: takes its limits, then requests from standard input, one answer each.

Started by ``knowledge.reading``, never imported by it. A request is 8 bytes of header length, a JSON header, and the
file's bytes; an answer is 8 bytes of length and JSON. Nothing here can write a file, and, where the kernel lets an
unprivileged process have namespaces, nothing reaches a network.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import struct
import sys
from typing import IO, Any

LENGTH = struct.Struct(">Q")
_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_NEWIPC = 0x10000000, 0x40000000, 0x08000000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


def confine(memory_mib: int, cpu_s: int) -> None:
    """Take the limits. Those of memory and CPU must hold; the kernel's namespaces are taken where it gives them."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC) != 0:
        libc.unshare(_CLONE_NEWNET)
    for limit, value in (
        (resource.RLIMIT_AS, memory_mib << 20),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(limit, (value, value))
    grant_cpu(cpu_s)


def grant_cpu(seconds: int) -> None:
    """So many more seconds of CPU from now on; then the kernel ends the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def answer(header: dict[str, Any], data: bytes) -> dict[str, Any]:
    """The documents of one file, or why it is refused."""
    from contracts.errors import DocumentRefused
    from knowledge.formats import read_documents
    from knowledge.settings import KnowledgeSettings

    settings = KnowledgeSettings.model_validate(header["settings"])
    grant_cpu(settings.ingest.cpu_s)
    try:
        found = read_documents(data, header["source"], settings)
    except DocumentRefused as error:
        return {"refused": str(error)}
    except MemoryError:
        return {"memory": True}
    except RecursionError:
        return {"refused": f"{header['source']}: is nested too deeply to be a document; simplify it"}
    return {"documents": [one.to_json() for one in found]}


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer until the asker hangs up."""
    while len(head := requests.read(LENGTH.size)) == LENGTH.size:
        header = json.loads(requests.read(LENGTH.unpack(head)[0]))
        data = requests.read(int(header["bytes"]))
        try:
            body = json.dumps(answer(header, data), default=str).encode()
        except MemoryError:
            body = b'{"memory": true}'
        answers.write(LENGTH.pack(len(body)) + body)
        answers.flush()


def main() -> None:
    """Arguments: memory in MiB, CPU seconds."""
    confine(int(sys.argv[1]), int(sys.argv[2]))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not stand between answers
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
