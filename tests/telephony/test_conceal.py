import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.audio import FRAME_BYTES, FRAME_S, SILENCE, AudioFrame
from contracts.clock import ManualClock
from telephony.conceal import Concealer, ConcealSettings

SETTINGS = ConcealSettings()


def voice(frames: int, hz: float = 200.0) -> list[bytes]:
    """A steady buzz cut into frames."""
    t = np.arange(frames * 320) / 16000
    wave = sum(np.sin(2 * np.pi * hz * k * t) / k for k in (1, 2, 3, 4)) * 4000
    pcm = np.asarray(wave).astype("<i2").tobytes()
    return [pcm[at : at + FRAME_BYTES] for at in range(0, len(pcm), FRAME_BYTES)]


def play(arrivals: dict[int, list[bytes]], ticks: int, settings: ConcealSettings = SETTINGS) -> list[AudioFrame]:
    """Push what arrives before each tick, tick every 20 ms."""
    clock = ManualClock()
    concealer = Concealer(settings, clock.now())
    out: list[AudioFrame] = []
    for tick in range(ticks):
        clock.advance(FRAME_S)
        for pcm in arrivals.get(tick, []):
            concealer.push(pcm, clock.now())
        out += concealer.tick(clock.now())
    return out


def rms(pcm: bytes) -> float:
    return float(np.sqrt(np.mean(np.frombuffer(pcm, "<i2").astype(float) ** 2)))


def test_an_undisturbed_stream_passes_unchanged() -> None:
    sound = voice(50)
    out = play({i: [pcm] for i, pcm in enumerate(sound)}, 50)
    assert [frame.pcm for frame in out] == sound
    assert not any(frame.concealed for frame in out)


def test_a_lost_packet_is_filled_and_the_stream_keeps_its_length() -> None:
    sound = voice(50)
    out = play({i: [pcm] for i, pcm in enumerate(sound) if i not in (20, 33)}, 50)
    assert len(out) == 50
    assert [i for i, frame in enumerate(out) if frame.concealed] == [20, 33]
    assert out[34].pcm[200:] == sound[34][200:]
    assert rms(out[20].pcm) > 0.5 * rms(sound[20])


def test_a_filled_gap_continues_the_pitch() -> None:
    sound = voice(30)
    out = play({i: [pcm] for i, pcm in enumerate(sound) if i != 20}, 30)
    made, real = np.frombuffer(out[20].pcm, "<i2").astype(float), np.frombuffer(sound[20], "<i2").astype(float)
    assert np.corrcoef(made, real)[0, 1] > 0.95


def test_a_long_gap_fades_to_silence() -> None:
    out = play({i: [pcm] for i, pcm in enumerate(voice(10))}, 20)
    levels = [rms(frame.pcm) for frame in out[10:]]
    assert levels[0] > levels[1] > levels[2] > 0
    assert all(frame.pcm == SILENCE and frame.concealed for frame in out[13:])


def test_a_call_without_sound_gives_silence_on_time() -> None:
    out = play({}, 10)
    assert [frame.pcm for frame in out] == [SILENCE] * 9
    assert all(frame.concealed for frame in out)


def test_a_late_burst_does_not_lengthen_the_stream() -> None:
    sound = voice(400)
    arrivals = {i: [pcm] for i, pcm in enumerate(sound) if not 20 <= i < 25}
    arrivals[25] = sound[20:26]
    out = play(arrivals, 400)
    assert len(out) == 400
    assert [i for i, frame in enumerate(out) if frame.concealed] == [20, 21, 22, 23]


def test_sound_that_is_a_little_late_is_waited_for() -> None:
    sound = voice(60)
    arrivals = {i: [pcm] for i, pcm in enumerate(sound) if i % 3 != 1}
    for i in range(2, 60, 3):
        arrivals[i] = sound[i - 1 : i + 1]
    assert [frame.pcm for frame in play(arrivals, 60)] == sound


def test_surplus_delay_is_taken_out_again() -> None:
    clock = ManualClock()
    concealer = Concealer(SETTINGS, clock.now())
    concealer.push(b"".join(voice(5)), clock.now())
    for _ in range(50 * 60):
        clock.advance(FRAME_S)
        concealer.push(SILENCE, clock.now())
        concealer.tick(clock.now())
    assert concealer.waiting_s < FRAME_S
    assert concealer.dropped == 5


def test_more_than_the_cap_is_dropped_at_once() -> None:
    clock = ManualClock()
    concealer = Concealer(SETTINGS, clock.now())
    concealer.push(b"".join(voice(200)), clock.now())
    clock.advance(FRAME_S)
    concealer.tick(clock.now())
    assert concealer.waiting_s <= SETTINGS.cap_s


def test_a_stall_of_ours_is_caught_up_with_what_arrived_meanwhile() -> None:
    clock = ManualClock()
    concealer = Concealer(SETTINGS, clock.now())
    sound = voice(15)
    clock.advance(15 * FRAME_S)
    concealer.push(b"".join(sound), clock.now())
    assert [frame.pcm for frame in concealer.tick(clock.now())] == sound


def test_a_stall_beyond_measure_is_skipped() -> None:
    clock = ManualClock()
    concealer = Concealer(SETTINGS, clock.now())
    clock.advance(3600)
    assert len(concealer.tick(clock.now())) <= 1
    clock.advance(FRAME_S)
    assert len(concealer.tick(clock.now())) == 1


def test_a_frame_carries_the_time_at_which_its_sound_came() -> None:
    clock = ManualClock(100.0)
    concealer = Concealer(SETTINGS, clock.now())
    clock.advance(0.013)
    concealer.push(voice(1)[0], clock.now())
    clock.advance(0.007)
    assert concealer.tick(clock.now())[0].arrived == pytest.approx(100.013)


@given(
    st.lists(st.integers(0, 6), min_size=10, max_size=200),
    st.lists(st.integers(0, 60), min_size=10, max_size=200),
)
def test_the_stream_is_as_long_as_the_wall_clock_whatever_arrives(bursts: list[int], steps_ms: list[int]) -> None:
    clock = ManualClock(0.0)
    concealer = Concealer(SETTINGS, 0.0)
    count = 0
    for burst, step in zip(bursts, steps_ms, strict=False):
        clock.advance(step / 1000)
        concealer.push(b"\x10\x00" * (burst * 160), clock.now())
        frames = concealer.tick(clock.now())
        count += len(frames)
        assert all(len(frame.pcm) == FRAME_BYTES for frame in frames)
        if frames:
            assert concealer.waiting_s <= SETTINGS.cap_s + 1e-6
        assert -1e-6 <= clock.now() - count * FRAME_S <= 2 * FRAME_S + 1e-6
