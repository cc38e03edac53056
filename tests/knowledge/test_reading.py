"""Files are read in a process of their own: whatever a file does to it, here it is a refusal, and the next is read."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.errors import DocumentRefused
from knowledge.reading import DocumentReader
from knowledge.settings import IngestSettings, KnowledgeSettings


@pytest.fixture
def reader() -> Iterator[DocumentReader]:
    with DocumentReader(KnowledgeSettings()) as made:
        yield made


def limited(**limits: object) -> DocumentReader:
    return DocumentReader(KnowledgeSettings(ingest=IngestSettings.model_validate(limits)))


def child_of(reader: DocumentReader) -> int:
    assert reader._child is not None
    return reader._child.pid


def test_documents_and_refusals_come_back_and_text_shares_a_process(reader: DocumentReader) -> None:
    (first,) = reader.read(b"# Wires\n\nA wire costs 25 dollars.", "wires.md")
    assert (first.title, first.passages[0].text) == ("Wires", "A wire costs 25 dollars.")
    child = child_of(reader)
    assert len(reader.read(b"question,answer\na?,b\nc?,d\n", "faq.csv")) == 2
    assert child_of(reader) == child
    with pytest.raises(DocumentRefused, match=r"x\.md: is binary"):
        reader.read(b"a\0b", "x.md")
    reader.read(b"<html><body><p>A wire costs 25 dollars.</p></body></html>", "x.html")
    assert reader._child is None


def test_the_process_is_confined(reader: DocumentReader) -> None:
    reader.read(b"text", "x.md")
    limits = Path(f"/proc/{child_of(reader)}/limits").read_text()
    rows = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()}
    assert rows["Max address space"] == [str(1024 << 20)] * 2
    assert rows["Max file size"] == ["0", "0"]
    assert rows["Max core file size"] == ["0", "0"]
    assert int(rows["Max cpu time"][0]) <= 45
    status = Path(f"/proc/{child_of(reader)}/status").read_text()
    assert "NoNewPrivs:\t1" in status


def test_a_file_of_200_mb_is_refused_before_any_process_sees_it(reader: DocumentReader) -> None:
    with pytest.raises(DocumentRefused, match=r"200\.0 MiB is more than the limit of 15\.0 MiB; split it"):
        reader.read(bytes(200 << 20), "huge.pdf")
    assert reader._child is None


def test_a_file_that_takes_too_long_is_refused_and_the_next_is_read() -> None:
    with limited(wall_s=0.001) as hasty, pytest.raises(DocumentRefused, match=r"takes more than 0\.001 seconds"):
        hasty.read(b"text", "x.md")
    slow = b"question,answer\n" + b"\n".join(b"q%d?,a %d" % (n, n) for n in range(200_000))
    with limited(cpu_s=1, max_documents=1_000_000) as poor:
        with pytest.raises(DocumentRefused, match="seconds of CPU"):
            poor.read(slow, "x.csv")
        assert poor.read(b"text", "x.md")


def test_a_file_that_takes_too_much_memory_is_refused_and_the_next_is_read() -> None:
    with limited(memory_mib=256) as small:
        with pytest.raises(DocumentRefused, match="256 MiB of memory"):
            small.read(b"ab " * 4_900_000, "x.md")
        assert small.read(b"text", "x.md")


def test_a_zip_bomb_is_refused_within_the_limits(reader: DocumentReader) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("word/document.xml", "w", force_zip64=True) as member:
            for _ in range(400):
                member.write(b"\0" * (1 << 20))
    began = time.monotonic()
    with pytest.raises(DocumentRefused, match="unpack to far too much"):
        reader.read(buffer.getvalue(), "bomb.docx")
    assert time.monotonic() - began < 30


def test_a_killed_process_is_a_refusal_and_is_replaced(reader: DocumentReader) -> None:
    reader.read(b"text", "x.md")
    os.kill(child_of(reader), signal.SIGSTOP)
    stopped = child_of(reader)
    threading.Timer(0.3, os.kill, (stopped, signal.SIGKILL)).start()
    with pytest.raises(DocumentRefused, match="the process that tried ended"):
        reader.read(b"text", "x.md")
    assert reader.read(b"text", "x.md")


def test_the_process_ends_with_its_parent(reader: DocumentReader) -> None:
    reader.read(b"text", "x.md")
    child = child_of(reader)
    reader.close()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
