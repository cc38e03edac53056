import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.resample import StreamResampler, resample, to_stereo

RATES = [(8000, 16000), (16000, 8000), (48000, 16000), (16000, 48000), (24000, 16000), (22050, 16000)]


def tone(hz: float, rate: int, seconds: float = 1.0) -> bytes:
    t = np.arange(int(rate * seconds)) / rate
    return (10000 * np.sin(2 * np.pi * hz * t)).astype("<i2").tobytes()


def in_frames(resampler: StreamResampler, pcm: bytes) -> list[bytes]:
    step = resampler.from_rate // 50 * 2 * resampler.channels
    return [resampler.process(pcm[at : at + step]) for at in range(0, len(pcm) // step * step, step)]


@pytest.mark.parametrize(("a", "b"), RATES)
def test_every_20_ms_in_give_20_ms_out_at_once(a: int, b: int) -> None:
    assert {len(piece) for piece in in_frames(StreamResampler(a, b), tone(1000, a))} == {b // 50 * 2}


@pytest.mark.parametrize(("a", "b"), RATES)
def test_a_tone_comes_out_the_same_but_for_the_stated_delay(a: int, b: int) -> None:
    resampler = StreamResampler(a, b)
    out = np.frombuffer(b"".join(in_frames(resampler, tone(1000, a))), "<i2").astype(float)
    expected = 10000 * np.sin(2 * np.pi * 1000 * (np.arange(len(out)) / b - resampler.delay_s))
    assert np.sqrt(np.mean((out - expected)[500:] ** 2)) < 2.0
    assert resampler.delay_s <= 0.002


def test_what_the_slower_rate_cannot_carry_is_gone() -> None:
    out = np.frombuffer(b"".join(in_frames(StreamResampler(16000, 8000), tone(5000, 16000))), "<i2")
    assert np.abs(out[200:].astype(int)).max() < 10000 * 10 ** (-55 / 20)


def test_telephone_speech_band_passes_untouched() -> None:
    for hz in (300, 1000, 3400):
        out = np.frombuffer(b"".join(in_frames(StreamResampler(8000, 16000), tone(hz, 8000))), "<i2").astype(float)
        assert 20 * np.log10(np.sqrt(np.mean(out[1000:-1000] ** 2)) * np.sqrt(2) / 10000) == pytest.approx(0, abs=0.1)


def test_stereo_becomes_the_mean_of_both_channels() -> None:
    left = np.full(9600, 3000, dtype="<i2")
    both = np.column_stack((left, -left + 200)).astype("<i2").tobytes()
    out = np.frombuffer(StreamResampler(48000, 16000, channels=2).process(both), "<i2")
    assert out[100:].tolist() == pytest.approx([100] * (len(out) - 100), abs=1)


def test_mono_is_doubled_for_a_two_channel_codec() -> None:
    assert to_stereo(b"\x01\x00\x02\x00") == b"\x01\x00\x01\x00\x02\x00\x02\x00"


@given(st.lists(st.integers(0, 700), min_size=1, max_size=60), st.sampled_from(RATES), st.sampled_from([1, 2]))
def test_the_sound_does_not_depend_on_how_it_was_cut(cuts: list[int], rates: tuple[int, int], channels: int) -> None:
    pcm = np.random.default_rng(1).integers(-9000, 9000, sum(cuts) // 2, dtype=np.int16).tobytes()
    whole = StreamResampler(*rates, channels).process(pcm)
    cut, at, pieces = StreamResampler(*rates, channels), 0, []
    for size in cuts:  # odd sizes too: half a sample waits for its other half
        pieces.append(cut.process(pcm[at : at + size]))
        at += size
    got, want = np.frombuffer(b"".join(pieces), "<i2"), np.frombuffer(whole, "<i2")
    assert len(got) == len(want)
    assert np.abs(got.astype(int) - want).max(initial=0) <= 1


def test_loud_noise_is_clipped_not_wrapped() -> None:
    square = np.tile(np.repeat(np.array([32767, -32768], dtype="<i2"), 8), 200).tobytes()
    out = np.frombuffer(StreamResampler(8000, 16000).process(square), "<i2").astype(int)
    assert np.abs(np.diff(out)).max() < 50000


def test_impossible_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot resample"):
        StreamResampler(0, 16000)


def test_a_whole_recording_keeps_its_length_and_sound() -> None:
    out = np.frombuffer(resample(tone(1000, 22050), 22050, 16000), "<i2").astype(float)
    assert abs(len(out) - 16000) <= 1
    assert np.sqrt(np.mean(out**2)) == pytest.approx(10000 / np.sqrt(2), rel=0.01)


def test_the_same_rate_returns_the_same_bytes() -> None:
    assert resample(b"\x01\x02\x03\x04", 16000, 16000) == b"\x01\x02\x03\x04"
    assert StreamResampler(16000, 16000).process(b"\x01\x02\x03") == b"\x01\x02"
