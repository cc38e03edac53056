import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.batch import ResamplerBatch
from telephony.resample import StreamResampler

RATES = [(8000, 16000, 1), (16000, 8000, 1), (48000, 16000, 2), (16000, 48000, 1), (16000, 16000, 1), (22050, 16000, 1)]


def noise(size: int, seed: int) -> bytes:
    return np.random.default_rng(seed).integers(-20000, 20000, size // 2, dtype=np.int16).tobytes()


@settings(deadline=None, max_examples=40)  # the first use of a pair of rates makes its filter
@given(
    st.lists(
        st.tuples(st.sampled_from(RATES), st.lists(st.sampled_from([0, 1, 2, 5, 0.5]), min_size=1, max_size=5)),
        min_size=1,
        max_size=6,
    )
)
def test_streams_converted_together_sound_as_each_alone(
    calls: list[tuple[tuple[int, int, int], list[float]]],
) -> None:
    batch = ResamplerBatch()
    together = [StreamResampler(*rates) for rates, _ in calls]
    alone = [StreamResampler(*rates) for rates, _ in calls]
    for turn in range(5):
        expected = []
        for index, (rates, pieces) in enumerate(calls):
            frames = pieces[turn] if turn < len(pieces) else 1
            pcm = noise(int(rates[0] // 50 * frames) * 2 * rates[2], 100 * index + turn)
            batch.add(together[index], pcm)
            expected.append(alone[index].process(pcm))
        batch.run()
        for resampler, right in zip(together, expected, strict=True):
            got = np.frombuffer(batch.take(resampler), "<i2").astype(int)
            assert len(got) * 2 == len(right)
            assert np.abs(got - np.frombuffer(right, "<i2")).max(initial=0) <= 1


def test_what_nobody_took_is_not_taken_for_the_next_piece() -> None:
    batch, resampler = ResamplerBatch(), StreamResampler(8000, 16000)
    batch.add(resampler, noise(320, 1))
    batch.run()
    batch.run()
    assert batch.take(resampler) == b""


@pytest.mark.parametrize("rates", RATES)
def test_a_stream_may_change_between_together_and_alone(rates: tuple[int, int, int]) -> None:
    batch, mixed, alone = ResamplerBatch(), StreamResampler(*rates), StreamResampler(*rates)
    size = rates[0] // 50 * 2 * rates[2]
    out = b""
    for turn in range(8):
        pcm = noise(size, turn)
        if turn % 3 == 2:
            out += mixed.process(pcm)
        else:
            batch.add(mixed, pcm)
            batch.run()
            out += batch.take(mixed)
    want = b"".join(alone.process(noise(size, turn)) for turn in range(8))
    assert len(out) == len(want)
    assert np.abs(np.frombuffer(out, "<i2").astype(int) - np.frombuffer(want, "<i2")).max() <= 1
