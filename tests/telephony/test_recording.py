from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import threading
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.audio import FRAME_S, RATE, AudioFrame
from contracts.clock import ManualClock
from contracts.errors import DeviceFull
from telephony.recording import Channel, Recorder, Recordings, RecordingSettings

ROOT = Path(__file__).resolve().parents[2]


def tone(hertz: float, frame: int, amplitude: float = 8000) -> bytes:
    """One frame of an endless sine."""
    t = (np.arange(320) + 320 * frame) / RATE
    return (amplitude * np.sin(2 * np.pi * hertz * t)).astype("<i2").tobytes()


def sides(path: Path) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (2, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)
    return samples[:, 0], samples[:, 1]


def peak(samples: NDArray[np.int16], rate: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate / len(samples))


def recordings(directory: Path, clock: ManualClock, **settings: object) -> Recordings:
    return Recordings(RecordingSettings.model_validate({"min_free_mb": 0, "hold_s": 0, **settings}), directory, clock)


def speak(recorder: Recorder, clock: ManualClock, seconds: float, *, operator: bool = True) -> None:
    for n in range(round(seconds / FRAME_S)):
        now = clock.advance(FRAME_S)
        recorder.caller(AudioFrame(tone(400, n), now))
        recorder.operator(tone(1000, n) if operator else None)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_caller_is_left_operator_is_right_and_both_last_as_long_as_the_clock(tmp_path: Path, rate: int) -> None:
    clock = ManualClock()
    house = recordings(tmp_path, clock, rate=rate)
    recorder = house.open("call1")
    speak(recorder, clock, 3.0)
    assert recorder.close().wait(10)
    left, right = sides(tmp_path / "call1.wav")
    assert abs(len(left) - 3 * rate) <= 0.03 * rate
    assert abs(peak(left, rate) - 400) < 2
    assert abs(peak(right, rate) - 1000) < 2
    assert 7000 < left.max() < 9000
    assert stat.S_IMODE(os.stat(tmp_path / "call1.wav").st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / "call1.wav"]
    house.close()


def test_what_is_said_after_a_silence_stands_where_the_clock_says(tmp_path: Path) -> None:
    clock = ManualClock()
    house = recordings(tmp_path, clock)
    recorder = house.open("c")
    speak(recorder, clock, 2.0, operator=False)
    speak(recorder, clock, 1.0)
    recorder.close().wait(10)
    left, right = sides(tmp_path / "c.wav")
    first = int(np.argmax(np.abs(right) > 1000))
    assert abs(first - 2 * RATE) <= 0.07 * RATE
    assert np.abs(left[: 2 * RATE]).max() > 7000
    house.close()


def test_a_channel_without_sound_does_not_hold_the_other_back(tmp_path: Path) -> None:
    clock = ManualClock()
    house = recordings(tmp_path, clock)
    recorder = house.open("c")
    for n in range(500):
        recorder.caller(AudioFrame(tone(400, n), clock.advance(FRAME_S)))
    done = recorder.close()
    done.wait(10)
    left, right = sides(tmp_path / "c.wav")
    assert len(left) == 10 * RATE
    assert not right.any()
    house.close()


def test_frames_that_come_together_after_a_stall_are_joined_and_a_true_gap_is_kept() -> None:
    frame = tone(400, 0)
    stalled, gapped = Channel(), Channel()
    for channel in (stalled, gapped):
        for n in range(10):
            channel.put(frame, 320 * n)
    for _ in range(20):  # 400 ms of frames at one moment
        stalled.put(frame, 320 * 29)
    stalled.put(frame, 320 * 30)
    assert stalled.end == 320 * 31
    assert np.all(stalled.take(320 * 31).reshape(31, 320)[:, 10] != 0)
    gapped.put(frame, 320 * 29)
    gapped.put(frame, 320 * 30)
    assert gapped.end == 320 * 31
    loud = np.abs(gapped.take(320 * 31).reshape(31, 320)).max(axis=1) > 0
    assert loud.tolist() == [True] * 10 + [False] * 19 + [True] * 2


def test_more_sound_than_time_does_not_push_the_rest_out_of_place() -> None:
    channel = Channel()
    for _ in range(50):
        channel.put(tone(400, 0), 0)
    assert channel.end <= RATE // 10


def test_what_is_muted_is_silent_on_both_sides_before_and_after_it_was_written(tmp_path: Path) -> None:
    clock = ManualClock()
    house = recordings(tmp_path, clock)
    recorder = house.open("c")
    began = clock.now()
    speak(recorder, clock, 3.0)
    recorder.mute(began + 0.5, began + 1.0)  # written long ago
    recorder.mute(began + 2.5, began + 4.0)  # partly to come
    speak(recorder, clock, 2.0)
    recorder.close().wait(10)
    for side in sides(tmp_path / "c.wav"):
        assert not side[RATE // 2 : RATE].any()
        assert not side[RATE * 5 // 2 : RATE * 4].any()
        assert np.abs(side[RATE : RATE * 5 // 2]).min() == 0
        assert np.abs(side[RATE * 3 // 2 : RATE * 2]).max() > 7000
        assert np.abs(side[RATE * 9 // 2 :]).max() > 7000
    house.close()


def test_a_disk_that_is_slow_loses_pieces_and_keeps_the_rest_in_place(tmp_path: Path) -> None:
    clock = ManualClock()
    house = recordings(tmp_path, clock, queue_pieces=16)
    release, entered = threading.Event(), threading.Event()
    blocker, recorder = house.open("blocker"), house.open("c")
    obey = blocker._file.obey

    def hangs(order: object) -> None:
        entered.set()
        release.wait(20)
        obey(order)  # type: ignore[arg-type]

    blocker._file.obey = hangs  # type: ignore[method-assign]
    speak(blocker, clock, 0.6)
    assert entered.wait(10)
    offset = clock.now()
    recorder._began = offset
    speak(recorder, clock, 20.0)
    assert recorder.dropped > 0
    release.set()
    recorder.close().wait(10)
    left, _ = sides(tmp_path / "c.wav")
    assert abs(len(left) - 20 * RATE) <= RATE
    assert np.abs(left[: 2 * RATE]).max() > 7000
    assert not left[12 * RATE : 16 * RATE].any()
    blocker.close()
    house.close()


def test_an_existing_file_is_never_overwritten_and_an_id_cannot_leave_the_folder(tmp_path: Path) -> None:
    house = recordings(tmp_path, ManualClock())
    recorder = house.open("c")
    with pytest.raises(DeviceFull):
        house.open("c")
    for bad in ("", "../c", "a/b", "ä", "a.b"):
        with pytest.raises(ValueError):
            house.open(bad)
    recorder.close().wait(10)
    house.close()


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DeviceFull, match="no recording in"):
        recordings(tmp_path / "file" / "x", ManualClock()).open("c")


def test_closing_twice_and_speaking_afterwards_are_harmless(tmp_path: Path) -> None:
    clock = ManualClock()
    house = recordings(tmp_path, clock)
    recorder = house.open("c")
    recorder.close().wait(10)
    assert recorder.close().is_set()
    speak(recorder, clock, 1.0)
    recorder.mute(0, 1e9)
    house.close()
    left, _ = sides(tmp_path / "c.wav")
    assert len(left) == 0


async def test_too_little_free_space_stops_recording_with_one_alarm_on_the_loop(tmp_path: Path) -> None:
    clock = ManualClock()
    alarms: list[tuple[Path, str, int]] = []
    settings = RecordingSettings(min_free_mb=10**9)
    house = Recordings(
        settings, tmp_path, clock, lambda path, error: alarms.append((path, str(error), threading.get_ident()))
    )
    recorder = house.open("c")
    speak(recorder, clock, 3.0)
    await asyncio.to_thread(recorder.close().wait, 10)
    async with asyncio.timeout(10):
        while not alarms:  # noqa: ASYNC110 - it comes from the writer's thread
            await asyncio.sleep(0.01)
    assert recorder.stopped
    assert len(alarms) == 1
    assert alarms[0][0] == tmp_path / "c.wav"
    assert "the disk is full" in alarms[0][1]
    assert alarms[0][2] == threading.get_ident()
    house.close()


KILLED = """
import sys, time
from pathlib import Path
from contracts.audio import AudioFrame
from contracts.clock import ManualClock
from telephony.recording import Recordings, RecordingSettings
clock = ManualClock()
house = Recordings(RecordingSettings(min_free_mb=0, hold_s=0), Path(sys.argv[1]), clock)
recorder = house.open("c")
file, told = Path(sys.argv[1]) / "c.partial.wav", False
while True:
    now = clock.advance(0.02)
    recorder.caller(AudioFrame(b"\\x00\\x10" * 320, now))
    recorder.operator(b"\\x00\\x20" * 320)
    if not told and file.stat().st_size > 44 + 8 * 64000:
        print("eight seconds", flush=True)
        told = True
    time.sleep(0.0005)
"""


def test_kill_9_leaves_a_file_that_plays_and_the_next_start_gives_it_its_name(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"eight seconds\n"
        process.send_signal(signal.SIGKILL)
    left, right = sides(tmp_path / "c.partial.wav")
    assert len(left) >= 8 * RATE
    assert set(left.tolist()) == {0x1000}
    assert set(right.tolist()) == {0x2000}
    assert recordings(tmp_path, ManualClock()).recover() == [tmp_path / "c.wav"]
    assert len(sides(tmp_path / "c.wav")[0]) == len(left)


FULL = """
import resource, sys
from pathlib import Path
from contracts.audio import AudioFrame
from contracts.clock import ManualClock
from telephony.recording import Recordings, RecordingSettings
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
clock, alarms = ManualClock(), []
settings = RecordingSettings(min_free_mb=0, hold_s=0)
house = Recordings(settings, Path(sys.argv[1]), clock, lambda path, error: alarms.append(error))
one, other = house.open("c"), None
for n in range(1000):
    now = clock.advance(0.02)
    one.caller(AudioFrame(b"\\x00\\x10" * 320, now))
    one.operator(None)
    if n % 25 == 0:
        import time; time.sleep(0.002)
one.close().wait(10)
house.close()
assert one.stopped
print(len(alarms), alarms[0])
"""


def test_a_full_disk_stops_the_recording_with_one_alarm_and_what_was_written_plays(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.splitlines()[-1].startswith("1 recording c.wav stopped, the disk is full")
    left, _ = sides(tmp_path / "c.wav")
    assert 2 * RATE < len(left) <= 200_000 // 4


def test_what_is_muted_while_it_waits_is_never_on_the_disk(tmp_path: Path) -> None:
    clock = ManualClock()
    house = recordings(tmp_path, clock, hold_s=20)
    recorder = house.open("c")
    began = clock.now()
    speak(recorder, clock, 10.0)
    assert (tmp_path / "c.partial.wav").stat().st_size == 44
    recorder.mute(began + 4.0, began + 6.0)
    recorder.mute(began + 9.0, began + 12.0)
    speak(recorder, clock, 5.0)
    assert recorder.close().wait(10)
    house.close()
    left, right = sides(tmp_path / "c.wav")
    assert abs(len(left) - 15 * RATE) < RATE // 10
    for quiet in (slice(4 * RATE, 6 * RATE), slice(9 * RATE, 12 * RATE)):
        assert not left[quiet].any()
        assert not right[quiet].any()
    for loud in (slice(2 * RATE, 3 * RATE), slice(7 * RATE, 8 * RATE), slice(13 * RATE, 14 * RATE)):
        assert np.abs(left[loud]).max() > 7000


@pytest.mark.parametrize("agreed", [True, False])
def test_without_consent_there_is_no_file_and_nothing_was_written_before(tmp_path: Path, agreed: bool) -> None:
    clock = ManualClock()
    house = recordings(tmp_path, clock)
    recorder = house.open("c", kept=False)
    speak(recorder, clock, 5.0)
    assert (tmp_path / "c.partial.wav").stat().st_size == 44
    if agreed:
        recorder.keep()
    speak(recorder, clock, 1.0)
    recorder.close().wait(10)
    house.close()
    assert [path.name for path in tmp_path.iterdir()] == (["c.wav"] if agreed else [])
    if agreed:
        left, _ = sides(tmp_path / "c.wav")
        assert np.abs(left[:RATE]).max() > 7000


def test_a_file_of_which_nothing_was_kept_is_not_given_a_name_at_the_next_start(tmp_path: Path) -> None:
    recordings(tmp_path, ManualClock()).open("c", kept=False)
    assert recordings(tmp_path, ManualClock()).recover() == []
    assert list(tmp_path.iterdir()) == []
