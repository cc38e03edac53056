import wave
from pathlib import Path

import numpy as np

from telephony.sip.timeline import StereoTimeline


def read(path: Path) -> "np.ndarray[tuple[int, int], np.dtype[np.int16]]":
    with wave.open(str(path)) as wav:
        assert (wav.getnchannels(), wav.getframerate()) == (2, 16000)
        return np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2)


def test_both_sides_lie_where_they_sounded(tmp_path: Path) -> None:
    line = StereoTimeline(100.0)
    line.put(StereoTimeline.SAID, b"\1\0" * 320, 101.0)
    line.put(StereoTimeline.HEARD, b"\2\0" * 320, 102.0)
    line.write(tmp_path / "deep" / "call.wav")
    sound = read(tmp_path / "deep" / "call.wav")
    assert np.flatnonzero(sound[:, 0]).tolist() == list(range(16000, 16320))
    assert np.flatnonzero(sound[:, 1]).tolist() == list(range(32000, 32320))


def test_small_jitter_leaves_no_holes(tmp_path: Path) -> None:
    line = StereoTimeline(0.0)
    for i in range(50):
        line.put(StereoTimeline.HEARD, b"\3\0" * 320, i * 0.02 + (0.009 if i % 2 else 0.0))
    line.write(tmp_path / "call.wav")
    assert read(tmp_path / "call.wav")[:, 1].all()


def test_what_came_before_the_start_is_cut_off(tmp_path: Path) -> None:
    line = StereoTimeline(10.0)
    line.put(StereoTimeline.HEARD, b"\4\0" * 320, 9.99)
    line.write(tmp_path / "call.wav")
    assert len(read(tmp_path / "call.wav")) == 160
