"""Prepared speech: greetings, fillers and apologies, synthesised once and held, so that they need no worker."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from contracts.clock import Clock
from contracts.engines import SpeechChunk, Synthesiser
from contracts.errors import WorkerError
from voice.normalise import normalise
from voice.settings import PhraseSettings
from voice.wordtimes import PhoneticWord

_log = structlog.get_logger()
_FORMAT = 2
"""Changes when the file layout does: older files are then not found. The spoken text is part of the name anyway."""
_HEADER = 4
"""Bytes that tell how long the JSON header is."""


@dataclass(slots=True, frozen=True)
class Phrase:
    """A sentence as sound: internal PCM, its count of phonemes, and its phonetic words as in SpeechChunk."""

    pcm: bytes
    phonemes: int
    words: tuple[PhoneticWord, ...] = ()


async def gathered(chunks: AsyncIterable[SpeechChunk]) -> Phrase:
    """All of a synthesis as one phrase. Raises what the synthesiser raises."""
    pcm, phonemes = bytearray(), 0
    words: list[PhoneticWord] = []
    async for chunk in chunks:
        start = len(pcm) // 2
        words += [(start + first, start + last, count) for first, last, count in chunk.words]
        pcm += chunk.pcm
        phonemes += chunk.phonemes
    return Phrase(bytes(pcm), phonemes, tuple(words))


class PhraseCache:
    """Phrases of one voice by text, least recently used first out. ``voice`` identifies model and settings."""

    def __init__(self, settings: PhraseSettings, voice: str) -> None:
        self._limit = settings.max_bytes
        self._directory = settings.directory
        self._voice = voice
        self._phrases: OrderedDict[str, Phrase] = OrderedDict()
        self.bytes_held = 0

    def get(self, text: str) -> Phrase | None:
        """The phrase, if it is in memory. Touches no disk: it is called on the event loop."""
        key = _key(text)
        phrase = self._phrases.get(key)
        if phrase is not None:
            self._phrases.move_to_end(key)
        return phrase

    def put(self, text: str, phrase: Phrase) -> None:
        """Hold a phrase; the least recently used go when it gets too much. One larger than all is not held."""
        if len(phrase.pcm) > self._limit:
            return
        key = _key(text)
        old = self._phrases.pop(key, None)
        self.bytes_held += len(phrase.pcm) - (len(old.pcm) if old else 0)
        self._phrases[key] = phrase
        while self.bytes_held > self._limit:
            _, dropped = self._phrases.popitem(last=False)
            self.bytes_held -= len(dropped.pcm)

    async def prepare(
        self, texts: Sequence[str], synthesiser: Synthesiser, clock: Clock, patience_s: float = 30.0
    ) -> list[str]:
        """Have these sentences ready, from disk or by synthesis; returns those that could not be made."""
        missing = []
        for text in texts:
            if self.get(text) is not None:
                continue
            phrase = self._read(text)
            if phrase is None:
                phrase = await self._synthesise(text, synthesiser, clock.now() + patience_s)
                if phrase is None:
                    missing.append(text)
                    continue
                self._write(text, phrase)
            self.put(text, phrase)
        return missing

    async def _synthesise(self, text: str, synthesiser: Synthesiser, deadline: float) -> Phrase | None:
        try:
            return await gathered(synthesiser.synthesise(normalise(text).text, deadline=deadline, first=False))
        except WorkerError as error:
            _log.warning("phrases.not_prepared", text=text, error=str(error))
            return None

    def _path(self, text: str) -> Path | None:
        if self._directory is None:
            return None
        name = hashlib.sha256(json.dumps([_FORMAT, self._voice, normalise(text).text]).encode()).hexdigest()
        return self._directory / f"{name}.pcm"

    def _read(self, text: str) -> Phrase | None:
        """A file is the length of a JSON header, the header, then PCM; anything else is as if it were not there."""
        path = self._path(text)
        try:
            data = path.read_bytes() if path else b""
        except OSError:
            return None
        start = _HEADER + int.from_bytes(data[:_HEADER], "little")
        try:
            phonemes, words = json.loads(data[_HEADER:start])
            phrase = Phrase(data[start:], int(phonemes), tuple((int(a), int(b), int(n)) for a, b, n in words))
        except (ValueError, TypeError):
            return None
        return phrase if phrase.pcm and len(phrase.pcm) % 2 == 0 else None

    def _write(self, text: str, phrase: Phrase) -> None:
        path = self._path(text)
        if path is None:
            return
        part = path.with_suffix(".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            header = json.dumps([phrase.phonemes, phrase.words]).encode()
            part.write_bytes(len(header).to_bytes(_HEADER, "little") + header + phrase.pcm)
            part.replace(path)
        except OSError as error:
            _log.warning("phrases.not_kept", error=str(error))


def _key(text: str) -> str:
    return " ".join(text.split())
