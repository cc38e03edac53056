"""Smart Turn v3: has the caller finished? One probability from the last eight seconds of sound.

The model takes Whisper's log-mel features (80 × 800) of exactly 8 s: longer audio keeps its end, shorter audio is
padded with zeros in *front*, and the padded waveform is scaled to zero mean and unit variance before the features.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor

from contracts.audio import RATE
from contracts.errors import EngineFailed
from contracts.worker import Job, Reply
from workers.engines import onnx
from workers.engines.files import model_path
from workers.engines.whisper import Floats, pcm_to_float

SAMPLES = 8 * RATE


class SmartTurnEngine:
    """contracts.worker.Engine: method ``probability``, blob: internal PCM. Options: path, threads (default 1)."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._path = model_path(options)
        self._threads = int(options.get("threads", 1))
        self._features = FeatureExtractor(feature_size=80, chunk_length=8)

    def load(self) -> None:
        """Load and run once on silence."""
        self._session = onnx.session(self._path, self._threads)
        self._input = self._session.get_inputs()[0].name
        self._probability(np.zeros(SAMPLES, np.float32))

    def run(self, method: str, params: Mapping[str, Any], blob: bytes, job: Job) -> Reply:
        """``probability``: 0..1 that the turn is complete, and compute_s."""
        if method != "probability":
            raise EngineFailed(f"smart turn has no method {method!r}")
        began = time.monotonic()
        probability = self._probability(pcm_to_float(blob))
        return Reply({"probability": probability, "compute_s": time.monotonic() - began})

    def _probability(self, audio: Floats) -> float:
        features = self._features(last_8_s(audio), padding=0)[None].astype(np.float32)
        try:
            (output,) = self._session.run(None, {self._input: features})
        except onnx.RUN_ERRORS as error:
            raise EngineFailed(f"smart turn: {error}") from error
        return float(output.reshape(-1)[0])  # named ``logits`` in the file, yet already through the sigmoid


def last_8_s(audio: Floats) -> Floats:
    """Exactly 8 s: the end of longer audio, zeros before shorter; zero mean, unit variance."""
    audio = audio[-SAMPLES:]
    audio = np.pad(audio, (SAMPLES - len(audio), 0))
    return np.asarray((audio - audio.mean()) / np.sqrt(audio.var() + 1e-7), dtype=np.float32)
