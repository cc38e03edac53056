"""Piper: a clause in, speech out, sentence by sentence. Needs the optional extra ``piper`` (GPL-3.0-or-later)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from contracts.audio import RATE
from contracts.errors import EngineFailed, ModelFileError
from contracts.worker import Job, Reply
from workers.engines import onnx
from workers.engines.durations import phonetic_words, with_durations
from workers.engines.files import model_path, unusable


@dataclass(slots=True, frozen=True)
class PiperOptions:
    """``path``: the voice's .onnx, its .onnx.json beside it.

    ``length_scale`` > 1 speaks slower (None: the voice's own); ``volume`` scales a full-scale peak, leaving headroom
    for resampling and G.711; silence before and after each chunk is cut to ``lead_ms`` and ``tail_ms``, where
    silence is what stays under ``silence_dbfs``. ``speaker`` picks a voice of a multi-speaker model. ``noise_scale``
    and ``noise_w_scale`` vary the sound and the length of phonemes from one utterance to the next (None: as the voice
    was made; both 0: the same text always sounds the same).
    """

    path: str
    threads: int = 2
    length_scale: float | None = None
    volume: float = 0.7
    lead_ms: int = 20
    tail_ms: int = 120
    silence_dbfs: float = -46.0
    speaker: int | None = None
    noise_scale: float | None = None
    noise_w_scale: float | None = None


class PiperEngine:
    """contracts.worker.Engine: method ``synthesise``, params ``text`` and optionally ``length_scale``."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._path = model_path(options)
        self._config_path = self._path.with_name(self._path.name + ".json")
        if not self._config_path.is_file():
            raise ModelFileError(f"{self._config_path} is missing; run `callwright models fetch`")
        self._options = PiperOptions(**options)

    def load(self) -> None:
        """Load and say one word. Raises EngineFailed if piper-tts is not installed."""
        try:
            from piper.config import PiperConfig, SynthesisConfig
            from piper.voice import PiperVoice
        except ImportError as error:
            raise EngineFailed("piper-tts is not installed: pip install 'callwright[piper]'") from error
        try:
            config = PiperConfig.from_dict(json.loads(self._config_path.read_text(encoding="utf-8")))
        except (ValueError, LookupError, TypeError) as error:
            raise unusable(self._config_path, error) from error
        self._voice = PiperVoice(session=self._session(), config=config)
        self._synthesis = SynthesisConfig
        for _ in self._chunks("Hello."):
            pass

    def _session(self) -> Any:
        """With phoneme durations, or without them for a voice that hides them: word times are then estimated."""
        try:
            model = with_durations(self._path.read_bytes())
        except ValueError:
            model = None
        except OSError as error:
            raise unusable(self._path, error) from error
        return onnx.session(self._path, self._options.threads, model)

    def run(self, method: str, params: Mapping[str, Any], blob: bytes, job: Job) -> Reply:
        """``synthesise``: one partial per sentence {phonemes, words}, blob: internal PCM; then compute_s, audio_s.

        ``words``: [first sample, sample after it, phonemes] of each phonetic word; empty for a voice without durations.
        """
        if method != "synthesise":
            raise EngineFailed(f"piper has no method {method!r}")
        began, samples = time.monotonic(), 0
        length_scale = params.get("length_scale") or self._options.length_scale
        for audio, phonemes, words in self._chunks(str(params["text"]), length_scale):
            job.checkpoint()
            pcm = (np.clip(audio, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()
            samples += len(audio)
            job.emit({"phonemes": phonemes, "words": words}, pcm)
        return Reply({"compute_s": time.monotonic() - began, "audio_s": samples / RATE})

    def _chunks(self, text: str, length_scale: float | None = None) -> Any:
        # Double brackets would be read as raw phonemes, and text may come from a language model.
        text = text.replace("[[", " ").replace("]]", " ").replace("\0", " ")
        options = self._options
        settings = self._synthesis(
            speaker_id=options.speaker,
            length_scale=length_scale,
            volume=options.volume,
            noise_scale=options.noise_scale,
            noise_w_scale=options.noise_w_scale,
        )
        try:
            for chunk in self._voice.synthesize(text, settings, include_alignments=True):
                audio = soxr.resample(chunk.audio_float_array, chunk.sample_rate, RATE)
                start, end = sounding(audio, 10 ** (options.silence_dbfs / 20), options.lead_ms, options.tail_ms)
                times = ((one.phoneme, int(one.num_samples)) for one in chunk.phoneme_alignments or ())
                scale = RATE / chunk.sample_rate
                words = [
                    (max(0, round(first * scale) - start), max(0, round(last * scale) - start), count)
                    for first, last, count in phonetic_words(times)
                ]
                yield audio[start:end], sum(1 for phoneme in chunk.phonemes if phoneme.strip()), words
        except onnx.RUN_ERRORS as error:
            raise EngineFailed(f"piper: {error}") from error


def sounding(audio: npt.NDArray[np.float32], floor: float, lead_ms: int, tail_ms: int) -> tuple[int, int]:
    """What to keep of audio at 16 kHz: its silent ends (samples under ``floor``) cut to the given lengths."""
    loud = np.flatnonzero(np.abs(audio) >= floor)
    if len(loud) == 0:
        return 0, 0
    return max(0, int(loud[0]) - lead_ms * RATE // 1000), int(loud[-1]) + 1 + tail_ms * RATE // 1000
