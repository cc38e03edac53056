"""Is this speech? A cheap gate (webrtcvad) before a good judge (Silero), frame by frame.

::

    20 ms frame ─► energy floor ──► webrtcvad gate ──open, or speech on──► Silero, 32 ms windows ──► hysteresis ─┐
                        │ dead silence      │ closed                             (past windows first, to warm its state)
                        └────────────► unvoiced ◄┴──── far below the speech just heard ◄── level ◄───────────────┤
                                                                                             └► voiced

Silero costs about 0.15 ms a window, so a silent line costs next to nothing and 200 calls fit one core. It holds on
for a window or two after the last sound; the frame's own level, against the loudest of late, shows the end sooner.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import webrtcvad
from numpy.typing import NDArray

from contracts.audio import FRAME_BYTES, FRAME_S, FRAME_SAMPLES, RATE
from contracts.errors import ModelFileError
from voice.settings import VadSettings

WINDOW = 512
"""Samples in a Silero window at 16 kHz (32 ms)."""
CONTEXT = 64
"""Samples of the window before that Silero wants in front."""
_STATE_SHAPE = (2, 1, 128)
_FULL_SCALE = np.float32(32768.0)
_MEAN_SQUARE = 1.0 / FRAME_SAMPLES / 32768.0**2


class SileroModel:
    """The Silero network: loaded once, shared by all calls; each call keeps its own state.

    One thread that does not spin: the media process must not steal a core from the workers.
    """

    def __init__(self, path: Path) -> None:
        """Raises ModelFileError when ``path`` is no usable Silero ONNX file."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        if not path.is_file():
            raise ModelFileError(f"{path}: no such file; `callwright models fetch` brings it")
        try:
            session: Any = onnxruntime.InferenceSession(
                path.read_bytes(), sess_options=options, providers=["CPUExecutionProvider"]
            )
        except (RuntimeError, ValueError, onnxruntime.capi.onnxruntime_pybind11_state.InvalidProtobuf) as error:
            raise ModelFileError(f"{path}: not a usable ONNX file ({error})") from error
        names = {item.name for item in session.get_inputs()}
        if names != {"input", "state", "sr"}:
            raise ModelFileError(f"{path}: not a Silero VAD model (inputs {sorted(names)})")
        self._session = session
        self._rate = np.array(RATE, dtype=np.int64)

    def run(self, window: NDArray[np.float32], state: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
        """Speech probability of ``window`` (576 floats in ±1: context, then 512 new samples) and the next state."""
        output, following = self._session.run(None, {"input": window.reshape(1, -1), "state": state, "sr": self._rate})
        return float(output[0, 0]), following


@dataclass(slots=True, frozen=True)
class Activity:
    """What a frame was. ``probability`` is Silero's latest (0 while it rests), ``level_dbfs`` the frame's own."""

    voiced: bool
    probability: float
    level_dbfs: float


class VoiceActivity:
    """One call's VAD. Feed it every frame in order; it answers for that frame, 0–32 ms late."""

    def __init__(self, settings: VadSettings, model: SileroModel) -> None:
        self._settings = settings
        self._model = model
        self._gate = webrtcvad.Vad(settings.gate_mode)
        self._hold_frames = round(settings.gate_hold_s / FRAME_S)
        self._peak_fall_db = settings.peak_fall_db_s * FRAME_S
        self._past: deque[bytes] = deque(maxlen=max(1, settings.warm_windows * WINDOW // 320 + 2))
        self.windows_run = 0
        """Silero windows computed so far: what the gate saves shows here."""
        self.last = Activity(voiced=False, probability=0.0, level_dbfs=-120.0)
        """What the latest frame was."""
        self.reset()

    def reset(self) -> None:
        """Forget the past, as after hold."""
        self._past.clear()
        self._gate_left = 0
        self._speech = False
        self._peak_dbfs = -120.0
        self._sleep()

    def _sleep(self) -> None:
        self._awake = False
        self._probability = 0.0
        self._state: NDArray[np.float32] = np.zeros(_STATE_SHAPE, dtype=np.float32)
        self._context: NDArray[np.float32] = np.zeros(CONTEXT, dtype=np.float32)
        self._pending: NDArray[np.float32] = np.zeros(0, dtype=np.float32)

    def feed(self, pcm: bytes) -> Activity:
        """Judge 20 ms of internal PCM. Raises ValueError when ``pcm`` is not 640 bytes."""
        if len(pcm) != FRAME_BYTES:
            raise ValueError(f"a frame has {FRAME_BYTES} bytes, not {len(pcm)}")
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
        level = 10.0 * math.log10(float(np.dot(samples, samples)) * _MEAN_SQUARE + 1e-12)
        loud = level >= self._settings.floor_dbfs
        if loud and self._gate.is_speech(pcm, RATE):
            self._gate_left = self._hold_frames + 1
        elif self._gate_left:
            self._gate_left -= 1
        if self._gate_left or self._speech:
            self._listen(samples / _FULL_SCALE)
        elif self._awake:
            self._sleep()
        self._past.append(pcm)
        fallen = self._peak_dbfs - self._peak_fall_db
        self._peak_dbfs = level if level > fallen else fallen
        audible = loud and level >= self._peak_dbfs - self._settings.range_db
        self.last = Activity(self._speech and audible, self._probability, level)
        return self.last

    def _listen(self, samples: NDArray[np.float32]) -> None:
        if not self._awake:
            self._awake = True
            if self._past:
                past = np.frombuffer(b"".join(self._past), dtype="<i2").astype(np.float32) / _FULL_SCALE
                self._pending = past[len(past) % WINDOW :] if len(past) >= WINDOW else past
        self._pending = np.concatenate([self._pending, samples])
        while len(self._pending) >= WINDOW:
            window, self._pending = self._pending[:WINDOW], self._pending[WINDOW:]
            self._probability, self._state = self._model.run(np.concatenate([self._context, window]), self._state)
            self._context = window[-CONTEXT:]
            self.windows_run += 1
            bar = self._settings.end_probability if self._speech else self._settings.start_probability
            self._speech = self._probability >= bar
