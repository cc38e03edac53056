"""A recording on its call's page: who may hear it, in ranges, written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from operations.audit import AuditLog
from operations.tables import calls
from telephony.wav import wav_header
from tests.console.conftest import Somebody
from tests.operations.kit import call_events, keep

DATA = wav_header(8000, 8000) + b"\x01\x00" * 16000


@pytest.fixture
def recorded(people: object, tmp_path: Path) -> None:
    """``call-1``, with a second of sound; ``call-2`` without."""
    for name in ("call-1", "call-2"):
        keep(people, tmp_path / "spool", call_events(name))  # type: ignore[arg-type]
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "call-1.wav").write_bytes(DATA)
    assert calls.name == "calls"


@pytest.mark.usefixtures("recorded")
async def test_whoever_reads_transcripts_hears_the_recording_in_ranges_and_it_is_written_down(
    somebody: Somebody, people: object
) -> None:
    async with somebody("auditor") as http:
        page = (await http.get("/calls/call-1")).text
        assert 'src="/calls/call-1/recording"' in page
        assert 'data-jump="' in page
        whole = await http.get("/calls/call-1/recording")
        assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, DATA, "audio/wav")
        part = await http.get("/calls/call-1/recording", headers={"range": "bytes=44-143"})
        assert (part.status_code, part.content) == (206, DATA[44:144])
        assert part.headers["content-range"] == f"bytes 44-143/{len(DATA)}"
        assert 'id="recording"' not in (await http.get("/calls/call-2")).text
        assert (await http.get("/calls/call-2/recording")).status_code == 404
        assert (await http.get("/calls/../../record/recording")).status_code == 404
    played = [one for one in AuditLog(people).latest() if one["action"] == "recording.play"]  # type: ignore[arg-type]
    assert [one["what"] for one in played] == ["call-1"]


@pytest.mark.usefixtures("recorded")
async def test_others_neither_see_nor_hear_it(somebody: Somebody) -> None:
    async with somebody("agent") as http:
        assert 'id="recording"' not in (await http.get("/calls/call-1")).text
        assert (await http.get("/calls/call-1/recording")).status_code == 403
