"""Whisper by CTranslate2, on a window that fits the utterance.

faster-whisper always computes 30 s; most utterances of a call are under 5 s. The encoder takes shorter windows:
0.46-0.70 s become 0.14 s at 10 s (base, int8, two cores). Three traps, all measured: without any padding the decoder
loops, so the window is never the bare audio; a loop that starts anyway must be bounded, so tokens are capped by the
length of the audio and repeated text is rejected; and a decoder trained on 30 s goes on past the end of a short window.
The last is mended for nothing: a few seconds of what the encoder makes of silence, computed once, follow the window.

::

    encoder   |lead|■■■■■■ audio ■■■■■■|··pad··|                    10, 20 or 30 s, computed
    decoder   |lead|■■■■■■ audio ■■■■■■|··pad··|+++ silence +++|    ``silence_states`` of 20 ms each, remembered
"""

from __future__ import annotations

import math
import re
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import ctranslate2
import numpy as np
import numpy.typing as npt
from faster_whisper.feature_extractor import FeatureExtractor
from tokenizers import Tokenizer

from contracts.audio import RATE
from contracts.engines import MOST_READINGS
from contracts.errors import EngineFailed
from contracts.worker import Job, Reply
from workers.engines.denoise import suppress
from workers.engines.files import model_path, unusable
from workers.engines.whisper_digits import DigitReader
from workers.engines.whisper_names import Sound, Sounds, names_before
from workers.engines.whisper_options import WhisperOptions
from workers.engines.whisper_second import Opinion, prefers, weigh

Floats = npt.NDArray[np.float32]
_HOP = 160
"""Samples between two mel frames; an encoder state is two of them."""
_MOST_STATES = 1500
"""Of 30 s."""
_ECHO_WORDS = 6
_MOST_DIGITS = 40
"""That can be expected of one answer."""


class WhisperEngine:
    """contracts.worker.Engine: methods ``transcribe``, blob: internal PCM up to 30 s, and ``again`` (whisper_names.py).

    Params: ``final`` (default true) searches wider than a partial pass and gives words their probabilities;
    ``digits``: so many are expected (default 0: none), and readings of just so many are added.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._folder = model_path(options, "model.bin", "config.json", "tokenizer.json")
        self._options = WhisperOptions.model_validate(dict(options))
        self._features = FeatureExtractor()
        second = {**options, "path": self._options.second, "second": ""}
        self._second = WhisperEngine(second) if self._options.second else None

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
        self._digits = DigitReader(self._model, self._tokenizer, self._prompt, self._options)
        self._sounds = Sounds(self._options.sounds_kept)
        self._silence = self._silent_states()
        noise = np.random.default_rng(0).normal(0, 0.01, RATE).astype(np.float32)
        self._decode(self._encode(noise), max_tokens=8, beam=self._options.beam)
        if self._second is not None:
            self._second.load()

    def run(self, method: str, params: Mapping[str, Any], blob: bytes, job: Job) -> Reply:
        """``transcribe``: text, avg_logprob, no_speech, rejected, compute_s, words [[text, probability, start_s,
        end_s], …], and, most probable first, readings [text, …] that a wide search found besides, and alternatives
        [text, …]: the sound as the digits that were asked for; ``sound``: its name. ``again``: text of the
        ``sound``, read by who knows ``names``; empty if it is no longer kept, or nothing can be made of it."""
        if method == "again":
            return Reply({"text": self._again(str(params["sound"]), [str(one) for one in params["names"]])})
        if method != "transcribe":
            raise EngineFailed(f"whisper has no method {method!r}")
        began = time.monotonic()
        final = bool(params.get("final", True))
        audio = pcm_to_float(blob)
        skipped_s = max(0, len(audio) - 30 * RATE) / RATE
        audio = audio[-30 * RATE :]
        if len(audio) == 0 or 20 * math.log10(float(np.abs(audio).max()) + 1e-9) < self._options.silence_dbfs:
            return self._reply({"text": "", "avg_logprob": 0.0, "no_speech": 1.0, "rejected": "silence"}, began)
        audio = suppress(audio, self._options.denoise_db)
        encoded = self._encode(audio)
        job.checkpoint()
        cap = self._options.tokens_extra + math.ceil(len(audio) / RATE * self._options.tokens_per_second)
        long = final and len(audio) > self._options.beam_from_s * RATE
        result = self._wide(encoded, cap) if long else self._decode(encoded, cap, 1)
        readings = self._others(result)
        if final and not long and self._options.beam > 1 and _logprob(result) < self._options.sure_logprob:
            job.checkpoint()
            wider = self._wide(encoded, cap)
            result, readings = (wider if _logprob(wider) > _logprob(result) else result), self._others(wider)
        tokens = self._without_echo([t for t in result.sequences_ids[0] if t < self._eot])
        avg_logprob = _logprob(result)
        text = self._text(tokens)
        rejected = self._reject(text, avg_logprob, float(result.no_speech_prob))
        digits = int(params.get("digits", 0))
        doubtful = avg_logprob < self._options.sure_logprob
        if final and not (rejected or digits) and (doubtful or len(audio) >= self._options.second_from_s * RATE):
            weight = self._options.second_weight_doubtful if doubtful else 1.0
            other, preferred = self._second_opinion(audio, cap, Opinion(text, _total(result), encoded), weight, job)
            readings = [text, other, *readings]
            if preferred is not None:
                text, tokens, avg_logprob = other, self._tokens(other), preferred
        body = {"text": text, "avg_logprob": avg_logprob, "no_speech": float(result.no_speech_prob)}
        body["rejected"] = rejected
        if rejected:
            body["text"] = ""
        elif final:
            body["words"] = self._words(encoded, tokens, len(audio), skipped_s) if self._options.words else []
            body["readings"] = _distinct([text, *readings])[1 : 1 + MOST_READINGS]
            body["sound"] = self._sounds.put(Sound(encoded, cap))
        if 0 < digits <= _MOST_DIGITS:
            job.checkpoint()
            doubtful = bool(rejected) or float(result.no_speech_prob) > self._options.no_speech
            body["alternatives"] = self._counted(audio, encoded, digits, text, doubtful)
        return self._reply(body, began)

    def _reply(self, body: dict[str, Any], began: float) -> Reply:
        return Reply({"words": [], "alternatives": [], "readings": [], **body, "compute_s": time.monotonic() - began})

    def _second_opinion(
        self, audio: Floats, cap: int, mine: Opinion, weight: float, job: Job
    ) -> tuple[str, float | None]:
        """What the second recogniser wrote; "" for nothing, or where there is none. And, where both together find it
        more probable than ``mine``, its mean log probability to this one."""
        if self._second is None:
            return "", None
        job.checkpoint()
        other = self._second._opinion(audio, cap)
        if not other.text or _plain(other.text) == _plain(mine.text):
            return other.text, None
        job.checkpoint()
        weighed = self._weighed(other.text, mine.encoded)
        if not prefers(mine, other, self._second._weighed(mine.text, other.encoded), weighed, weight):
            return other.text, None
        return other.text, weighed / (len(self._tokens(other.text)) + 1)

    def _opinion(self, audio: Floats, cap: int) -> Opinion:
        """The most probable words of sound whose noise is suppressed already; none where they loop."""
        encoded = self._encode(audio)
        result = self._wide(encoded, cap)
        text = self._text(self._without_echo([t for t in result.sequences_ids[0] if t < self._eot]))
        return Opinion("" if self._reject(text, 0.0, 0.0) else text, _total(result), encoded)

    def _weighed(self, text: str, encoded: Any) -> float:
        return weigh(self._model, self._prompt[:-1], encoded, self._tokens(text))

    def _tokens(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(f" {text}", add_special_tokens=False).ids)

    def _text(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(tokens))).strip()

    def _token(self, text: str) -> int:
        token = self._tokenizer.token_to_id(text)
        if token is None:
            raise EngineFailed(f"{self._folder.name} has no token {text}; is the language right?")
        return int(token)

    def _encode(self, audio: Floats, lead_from_s: float | None = None) -> Any:
        window, lead = self._window(len(audio), lead_from_s)
        padded = np.pad(audio[-window:], (lead, max(0, window - lead - len(audio))))
        features = self._features(padded, padding=0)
        states = self._model.encode(ctranslate2.StorageView.from_array(np.ascontiguousarray(features[None])))
        room = min(self._options.silence_states, _MOST_STATES - states.shape[1])
        if room <= 0 or self._silence is None:
            return states
        # What follows a window of n states is what silence looks like from the n-th state on.
        after = self._silence[:, states.shape[1] : states.shape[1] + room]
        whole = np.concatenate([np.array(states, dtype=np.float32), after], axis=1)
        return ctranslate2.StorageView.from_array(whole)

    def _window(self, samples: int, lead_from_s: float | None = None) -> tuple[int, int]:
        """Samples of the window for so much sound, and how many are silence before it: those there is room for."""
        wanted = samples / RATE + self._options.pad_s
        windows = self._options.windows_s
        window = next((w for w in sorted(windows) if w >= wanted), max(windows))
        least = self._options.lead_from_s if lead_from_s is None else lead_from_s
        lead = self._options.lead_s if samples >= least * RATE else 0.0
        return window * RATE, round(min(lead, max(0.0, window - wanted)) * RATE)

    def _silent_states(self) -> Floats | None:
        """What the encoder makes of 30 s of silence: (1, 1500, width); None when no silence is to be appended."""
        if self._options.silence_states <= 0:
            return None
        features = self._features(np.zeros(30 * RATE, np.float32), padding=0)
        states = self._model.encode(ctranslate2.StorageView.from_array(np.ascontiguousarray(features[None])))
        return np.array(states, dtype=np.float32)

    def _decode(self, encoded: Any, max_tokens: int, beam: int, before: Sequence[int] = (), **more: Any) -> Any:
        prompt = [*before, *self._prompt]
        return self._model.generate(
            encoded,
            [prompt],
            beam_size=beam,
            max_length=min(448, len(prompt) + max_tokens),
            return_scores=True,
            return_no_speech_prob=True,
            **more,
        )[0]

    def _again(self, name: str, names: Sequence[str]) -> str:
        sound = self._sounds.get(name)
        before = names_before(self._tokenizer, self._token("<|startofprev|>"), names)
        if sound is None or not before:
            return ""
        result = self._decode(sound.encoded, sound.cap, 1, before)
        text = self._text(self._without_echo([t for t in result.sequences_ids[0] if t < self._eot]))
        return "" if self._reject(text, _logprob(result), float(result.no_speech_prob)) else text

    def _wide(self, encoded: Any, max_tokens: int) -> Any:
        """A search with all beams; what each of them says costs nothing more (126 ms against 128)."""
        beam = self._options.beam
        return self._decode(encoded, max_tokens, beam, num_hypotheses=beam)

    def _others(self, result: Any) -> list[str]:
        """Everything that a search found, without loops."""
        found = (self._without_echo([t for t in tokens if t < self._eot]) for tokens in result.sequences_ids)
        return [text for text in _distinct(map(self._text, found)) if not loops(_plain(text).split())]

    def _counted(self, audio: Floats, encoded: Any, count: int, written: str, doubtful: bool) -> list[str]:
        """The sound as ``count`` digits: "3 6 1 4", best readings first; none where they are improbable.

        ``doubtful``: it may be no speech, and has to be twice as clear.
        """
        readings = self._digits.counted(audio, partial(self._encode, lead_from_s=0.0), encoded, count, written)
        least = self._options.digits_logprob * count / (2 if doubtful else 1)
        return [" ".join(reading) for reading, score in readings.items() if score >= least]

    def _reject(self, text: str, avg_logprob: float, no_speech: float) -> str:
        options = self._options
        if not text.strip(" .,!?-"):
            return "silence"
        if no_speech > options.no_speech and avg_logprob < options.no_speech_logprob:
            return "silence"
        if compression_ratio(text) > options.max_compression or loops(text.lower().split()):
            return "loop"
        return "noise" if avg_logprob < options.min_logprob else ""

    def _words(
        self, encoded: Any, tokens: Sequence[int], samples: int, skipped_s: float
    ) -> list[tuple[str, float, float, float]]:
        """Words with the geometric mean probability of their tokens, and when they begin and end, by attention."""
        if not tokens:
            return []
        lead = self._window(samples)[1]
        frames = max(1, min((lead + samples) // _HOP, 2 * encoded.shape[1]))
        aligned = self._model.align(encoded, self._prompt, [list(tokens)], frames, median_filter_width=7)[0]
        logs = [math.log(max(float(probability), 1e-9)) for probability in aligned.text_token_probs]
        starts = _token_starts(aligned.alignments, len(tokens), (lead + samples) / RATE)
        begins = [max(0.0, start - lead / RATE) for start in starts]
        words: list[tuple[str, float, float, float]] = []
        at = 0
        for word in self._grouped(tokens):
            end = at + len(word)
            mean = sum(logs[at:end]) / len(word) if end <= len(logs) else 0.0
            words.append((self._text(word), math.exp(mean), skipped_s + begins[at], skipped_s + begins[end]))
            at = end
        return words

    def _grouped(self, tokens: Sequence[int]) -> list[list[int]]:
        """Tokens by words: one that starts with a space starts a word."""
        words: list[list[int]] = []
        for token in tokens:
            if not words or self._tokenizer.decode([token])[:1].isspace():
                words.append([])
            words[-1].append(token)
        return words

    def _without_echo(self, tokens: list[int]) -> list[int]:
        """The tokens before a sentence begins anew (see ``echo``)."""
        words = self._grouped(tokens)
        cut = echo([self._text(word) for word in words])
        return tokens if cut is None else [token for word in words[:cut] for token in word]


def _token_starts(alignments: Sequence[tuple[int, int]], count: int, length_s: float) -> list[float]:
    """When each token begins, seconds, and when the last one ends: ``count`` + 1 times, rising.

    ``alignments``: (token, encoder state) pairs of a dynamic time warp; a state is 20 ms.
    """
    starts = [length_s] * (count + 1)
    for token, state in reversed(alignments):
        if 0 <= token <= count:
            starts[token] = min(length_s, state * 2 * _HOP / RATE)
    for token in range(count - 1, -1, -1):
        starts[token] = min(starts[token], starts[token + 1])
    return starts


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def _distinct(texts: Iterable[str]) -> list[str]:
    """Those with words, in order; what differs in capitals or marks only counts once."""
    found: dict[str, str] = {}
    for text in texts:
        found.setdefault(_plain(text), text)
    return [text for plain, text in found.items() if plain]


def _total(result: Any) -> float:
    """Log probability of the whole text and its end."""
    return float(result.scores[0]) * len(result.sequences_ids[0])


def _logprob(result: Any) -> float:
    """Mean log probability of a token. The end token counts as one more, as in faster-whisper."""
    return _total(result) / (len(result.sequences_ids[0]) + 1)


def pcm_to_float(pcm: bytes) -> Floats:
    """Internal PCM as floats in -1..1. Raises EngineFailed on half a sample."""
    if len(pcm) % 2:
        raise EngineFailed(f"PCM of {len(pcm)} bytes is not a whole number of 16-bit samples")
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768.0)


def compression_ratio(text: str) -> float:
    """Bytes of text per byte of its zlib form; above 2.4 it repeats itself (OpenAI's threshold)."""
    data = text.encode()
    return len(data) / len(zlib.compress(data))


def echo(words: Sequence[str]) -> int | None:
    """Where the end says again, word for word, what was just said: the index at which to cut, or None.

    Whisper, past the end of the sound, starts its sentence over until the cap stops it, often in mid-word. Six words
    in a row are an echo; digits are not, for people do repeat a number.
    """
    plain = [word.lower().strip(".,!?;:-") for word in words]
    for cut in range(_ECHO_WORDS, len(plain) - _ECHO_WORDS + 1):
        tail = plain[cut:]
        if sum(word.isalpha() for word in tail) * 2 <= len(tail):
            continue
        for start in range(cut - len(tail) + 1):
            before = plain[start : start + len(tail)]
            # The copy reaches back to the cut or to the end of a sentence, and its last word may be broken off.
            if before[:-1] == tail[:-1] and before[-1].startswith(tail[-1]) and _begins_sentence(words, start, cut):
                return cut
    return None


def _begins_sentence(words: Sequence[str], start: int, cut: int) -> bool:
    return words[cut - 1].endswith((".", "!", "?")) and (start == 0 or words[start - 1].endswith((".", "!", "?")))


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
