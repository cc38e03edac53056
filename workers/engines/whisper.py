"""Whisper by CTranslate2, on a window that fits the utterance.

faster-whisper always computes 30 s; most utterances of a call are under 5 s. The encoder takes shorter windows:
0.46-0.70 s become 0.14 s at 10 s (base, int8, two cores). Two traps, both measured: without any padding the decoder
loops, so the window is never the bare audio; and a loop that starts anyway must be bounded, so tokens are capped by
the length of the audio and repeated text is rejected.
"""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ctranslate2
import numpy as np
import numpy.typing as npt
from faster_whisper.feature_extractor import FeatureExtractor
from tokenizers import Tokenizer

from contracts.audio import RATE
from contracts.errors import EngineFailed
from contracts.worker import Job, Reply
from workers.engines.files import model_path, unusable

Floats = npt.NDArray[np.float32]


@dataclass(slots=True, frozen=True)
class WhisperOptions:
    """``path``: folder with model.bin, config.json, tokenizer.json and a vocabulary. ``language``: of the calls.

    ``windows_s``: padded lengths, shortest that leaves ``pad_s`` of silence is taken. ``tokens_per_second`` and
    ``tokens_extra`` cap the output by audio length (English runs at 3-5). ``max_compression`` is OpenAI's ratio of
    text to zlib length; ``no_speech`` with ``no_speech_logprob`` its silence rule; ``min_logprob`` rejects what the
    model hardly believes; ``silence_dbfs`` is the peak under which nothing is decoded at all.
    """

    path: str
    language: str = "en"
    threads: int = 2
    compute_type: str = "int8"
    windows_s: tuple[int, ...] = (10, 20, 30)
    pad_s: float = 0.5
    tokens_per_second: float = 8.0
    tokens_extra: int = 8
    max_compression: float = 2.4
    no_speech: float = 0.6
    no_speech_logprob: float = -1.0
    min_logprob: float = -2.0
    silence_dbfs: float = -60.0
    words: bool = True


class WhisperEngine:
    """contracts.worker.Engine: method ``transcribe``, blob: internal PCM up to 30 s."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._folder = model_path(options, "model.bin", "config.json", "tokenizer.json")
        self._options = WhisperOptions(**{**options, "windows_s": tuple(options.get("windows_s", (10, 20, 30)))})
        self._features = FeatureExtractor()

    def load(self) -> None:
        """Load and decode a second of noise once, so that the first caller does not pay for allocation."""
        try:
            self._model = ctranslate2.models.Whisper(
                str(self._folder), compute_type=self._options.compute_type, intra_threads=self._options.threads
            )
            self._tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        except (RuntimeError, ValueError, OSError) as error:
            raise unusable(self._folder, error) from error
        if self._model.n_mels != 80:
            self._features = FeatureExtractor(feature_size=self._model.n_mels)
        self._eot = self._token("<|endoftext|>")
        self._prompt = [self._token("<|startoftranscript|>")]
        if self._model.is_multilingual:
            self._prompt += [self._token(f"<|{self._options.language}|>"), self._token("<|transcribe|>")]
        elif self._options.language != "en":
            raise EngineFailed(f"{self._folder.name} knows only English, not {self._options.language!r}")
        self._prompt.append(self._token("<|notimestamps|>"))
        noise = np.random.default_rng(0).normal(0, 0.01, RATE).astype(np.float32)
        self._decode(self._encode(noise), max_tokens=8)

    def run(self, method: str, params: Mapping[str, Any], blob: bytes, job: Job) -> Reply:
        """``transcribe``: text, avg_logprob, no_speech, rejected, compute_s, words [[text, probability], …]."""
        if method != "transcribe":
            raise EngineFailed(f"whisper has no method {method!r}")
        began = time.monotonic()
        audio = pcm_to_float(blob)[-30 * RATE :]
        if len(audio) == 0 or 20 * math.log10(float(np.abs(audio).max()) + 1e-9) < self._options.silence_dbfs:
            return self._reply("", 0.0, 1.0, "silence", [], began)
        encoded = self._encode(audio)
        job.checkpoint()
        seconds = len(audio) / RATE
        cap = self._options.tokens_extra + math.ceil(seconds * self._options.tokens_per_second)
        result = self._decode(encoded, cap)
        tokens = [t for t in result.sequences_ids[0] if t < self._eot]
        # The score is the mean over the tokens; the end token counts as one more, as in faster-whisper.
        avg_logprob = float(result.scores[0]) * len(result.sequences_ids[0]) / (len(result.sequences_ids[0]) + 1)
        text = self._tokenizer.decode(tokens).strip()
        rejected = self._reject(text, avg_logprob, float(result.no_speech_prob))
        words = self._words(tokens, result) if self._options.words and not rejected else []
        return self._reply("" if rejected else text, avg_logprob, float(result.no_speech_prob), rejected, words, began)

    def _reply(
        self, text: str, logprob: float, no_speech: float, rejected: str, words: list[tuple[str, float]], began: float
    ) -> Reply:
        body = {"text": text, "avg_logprob": logprob, "no_speech": no_speech, "rejected": rejected, "words": words}
        return Reply({**body, "compute_s": time.monotonic() - began})

    def _token(self, text: str) -> int:
        token = self._tokenizer.token_to_id(text)
        if token is None:
            raise EngineFailed(f"{self._folder.name} has no token {text}; is the language right?")
        return int(token)

    def _encode(self, audio: Floats) -> Any:
        wanted = len(audio) / RATE + self._options.pad_s
        windows = self._options.windows_s
        window = next((w for w in sorted(windows) if w >= wanted), max(windows)) * RATE
        padded = np.pad(audio[-window:], (0, max(0, window - len(audio))))
        features = self._features(padded, padding=0)
        return self._model.encode(ctranslate2.StorageView.from_array(np.ascontiguousarray(features[None])))

    def _decode(self, encoded: Any, max_tokens: int) -> Any:
        return self._model.generate(
            encoded,
            [self._prompt],
            beam_size=1,
            max_length=min(448, len(self._prompt) + max_tokens),
            return_scores=True,
            return_no_speech_prob=True,
            return_logits_vocab=self._options.words,
        )[0]

    def _reject(self, text: str, avg_logprob: float, no_speech: float) -> str:
        options = self._options
        if not text.strip(" .,!?-"):
            return "silence"
        if no_speech > options.no_speech and avg_logprob < options.no_speech_logprob:
            return "silence"
        if compression_ratio(text) > options.max_compression or loops(text.lower().split()):
            return "loop"
        return "noise" if avg_logprob < options.min_logprob else ""

    def _words(self, tokens: Sequence[int], result: Any) -> list[tuple[str, float]]:
        """Words with the geometric mean probability of their tokens; a token that starts with a space starts one."""
        steps = result.logits[0] if result.logits else []
        words: list[tuple[list[int], list[float]]] = []
        for token, logits in zip(tokens, steps, strict=False):
            row = np.asarray(logits, dtype=np.float32).reshape(-1)
            logprob = float(row[token]) - float(np.logaddexp.reduce(row.astype(np.float64)))
            if not words or self._tokenizer.decode([token])[:1].isspace():
                words.append(([], []))
            words[-1][0].append(token)
            words[-1][1].append(logprob)
        return [(self._tokenizer.decode(t).strip(), math.exp(sum(p) / len(p))) for t, p in words]


def pcm_to_float(pcm: bytes) -> Floats:
    """Internal PCM as floats in -1..1. Raises EngineFailed on half a sample."""
    if len(pcm) % 2:
        raise EngineFailed(f"PCM of {len(pcm)} bytes is not a whole number of 16-bit samples")
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768.0)


def compression_ratio(text: str) -> float:
    """Bytes of text per byte of its zlib form; above 2.4 it repeats itself (OpenAI's threshold)."""
    data = text.encode()
    return len(data) / len(zlib.compress(data))


def loops(words: Sequence[str]) -> bool:
    """Is something said over and over? Eight times for one word (digits repeat), four for two to six words."""
    for size in range(1, 7):
        needed = 8 if size == 1 else 4
        run = 0
        for start in range(size, len(words) - size + 1):
            same = words[start : start + size] == words[start - size : start]
            run = run + 1 if same else 0
            # A phrase of n words said k times is equal to its predecessor at n*(k-2)+1 offsets in a row.
            if run > size * (needed - 2):
                return True
    return False
