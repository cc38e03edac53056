"""Cards keyed in during calls: their digits are in no table, file, log, metric or recording, however the call ends."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.audio import FRAME_BYTES, FRAME_S, RATE, AudioFrame
from contracts.events import Event, EventKind
from operations.database import migrate, open_database
from operations.eventlog import EventLog
from operations.metrics import Metrics
from operations.settings import EventLogSettings
from scripts.demo_bank import Bank
from scripts.eval_spoken_cards import cells
from server.control import LiveEvents, event_to_json
from server.records_link import HandoffKeeper
from server.switchboard import RecorderTap
from telephony.recording import Recordings, RecordingSettings
from tests.dialog.bankkit import CARD, KEYS, LINDA, MONDAY, counter, leaked

_PLACE = 2 * np.pi * np.arange(FRAME_BYTES // 2) / RATE
TONE = (6000 * (np.sin(770 * _PLACE) + np.sin(1209 * _PLACE))).astype("<i2").tobytes()
"""20 ms of the key 4: what a telephone sends whose keys are sounds."""


async def _press(call: Any, keys: str) -> None:
    for key in keys:
        call.front.on_dtmf(key)
        for _ in range(8):
            call.bay.on_frame(AudioFrame(TONE, call.clock.now()))
            await asyncio.sleep(FRAME_S)


class _Watched:
    """Live events as the desk's pages get them."""

    def __init__(self) -> None:
        self.live = LiveEvents()
        self.lines: list[str] = []

    def append(self, event: Event) -> None:
        self.lines.append(json.dumps(event_to_json(event), default=str))


@pytest.mark.parametrize(
    ("how", "keys", "says"),
    [
        ("paid", "".join(KEYS), "ending in 1486 went through"),
        ("wrong twice", (CARD[:-1] + "0#") * 2, "nothing was charged"),
        ("hang-up", CARD + "#12", ""),
        ("slow", "".join(KEYS), "can't tell whether"),
        ("down", "".join(KEYS), "Nothing was done"),
        ("late", CARD[:9], "nothing was charged"),
    ],
)
def test_a_keyed_card_is_found_nowhere(
    talk: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], how: str,
    keys: str, says: str,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    engine = open_database("sqlite:///callwright.db", tmp_path)
    migrate(engine)
    events = EventLog(engine, tmp_path / "events.spool", EventLogSettings(group_commit_ms=1))
    metrics, watched, bank = Metrics(), _Watched(), Bank(lambda: MONDAY)
    span: list[float] = []

    async def scenario(call: Any) -> None:
        await call.ask("I'd like to pay my credit card bill.")
        for words in (*LINDA, "Yes."):
            await call.ask(words)
        failing = {"slow": ("", 20.0), "down": ("requests", 0.0)}.get(how, ("", 0.0))
        call.session._desk._secure._payments = counter(bank, *failing).payments
        span.append(call.clock.now() - began[0])
        for part in re.findall(r"[^#]+#?", keys):
            await _press(call, part)
            span[1:] = [call.clock.now() - began[0]]
            await call.quiet()
        if how != "hang-up":
            await asyncio.sleep({"slow": 12, "late": 45}.get(how, 4))

    recordings: list[Recordings] = []
    began: list[float] = []

    def record(clock: Any) -> Any:
        recordings.append(Recordings(RecordingSettings(enabled=True, min_free_mb=0), tmp_path / "recordings", clock))
        began.append(clock.now())
        return recordings[0].open("call-1")

    call = talk(
        scenario, counter=counter(bank), recording=record, also=[events, metrics, watched],
        tap=lambda call: RecorderTap(call.recording, call.clock), handoffs=HandoffKeeper(events),
    )  # fmt: skip
    call.recording.close().wait(10)
    recordings[0].close()
    events.close()
    engine.dispose()
    shown = [line for line in metrics.render().splitlines() if "_created" not in line]  # moments, by chance anything
    (tmp_path / "metrics.txt").write_text("\n".join(shown))
    (tmp_path / "live.txt").write_text("\n".join(watched.lines))
    (tmp_path / "log.txt").write_text(caplog.text + "".join(capsys.readouterr()))

    said = [body["text"] for body in call.record.bodies(EventKind.TURN_OPERATOR)]
    assert says in " ".join(said)
    assert len(bank.payments) == (how in ("paid", "slow"))
    _nowhere(tmp_path)
    _silent(tmp_path / "recordings" / "call-1.wav", *span)


def _nowhere(home: Path) -> None:
    """Neither any four digits of the number (the last four may stay) nor the code: in no cell, line or file."""
    texts = [cell for told in cells(home).values() for cell in told]
    texts += [(home / name).read_text() for name in ("metrics.txt", "live.txt", "log.txt")]
    assert any("[secure capture]" in text for text in texts), "the record of the call is looked at"
    assert [(text, found) for text in texts if (found := leaked(text))] == []
    windows = [CARD[at : at + 7].encode() for at in range(len(CARD) - 6)]
    for path in sorted(home.rglob("*")):
        if path.is_file() and path.suffix != ".wav":
            assert not [one for one in windows if one in path.read_bytes()], path


def _silent(path: Path, start: float, end: float) -> None:
    """Both sides, from the first key to the last; and not before."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        rate = file.getframerate()
    assert not samples[round(start * rate) : round(end * rate)].any()
    assert samples[: round(start * rate), 1].any()
