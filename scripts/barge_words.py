"""Which words were heard, by another ear: Whisper on what reached the caller, against what the operator believes.

Words are compared as spoken ("twenty-five dollars", not "$25"), through the same normalisation for both sides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from contracts.audio import RATE
from contracts.errors import ModelFileError
from voice.normalise import normalise


class Judge:
    """whisper-base on the caller's received sound; loaded once. Raises ModelFileError when its model is not there."""

    def __init__(self, models: Path) -> None:
        from faster_whisper import WhisperModel

        path = models / "whisper-base"
        if not path.is_dir():
            raise ModelFileError(f"{path} is missing: run `callwright models fetch`")
        self._model: Any = WhisperModel(str(path), device="cpu", compute_type="int8", cpu_threads=2)

    def words(self, pcm: bytes, hint: str = "") -> list[str]:
        """Spoken words of internal PCM. ``hint`` is a text of the same subject, for the spelling of names."""
        sound = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768.0
        sound = np.concatenate([np.zeros(RATE // 5, np.float32), sound, np.zeros(RATE // 2, np.float32)])
        segments, _ = self._model.transcribe(
            sound, beam_size=5, language="en", condition_on_previous_text=False, initial_prompt=hint or None
        )
        return spoken_words(" ".join(segment.text.strip() for segment in segments))


def spoken_words(text: str) -> list[str]:
    """Lower-case words as they are said; hyphens part words."""
    return re.findall(r"[a-z']+", normalise(text).text.lower())


def written_words_heard(text: str, heard: Sequence[str]) -> int:
    """How many written words of ``text`` the spoken words ``heard`` reach, ``heard`` being a beginning of it.

    A written word counts when at least half of the spoken words it stands for were said.
    """
    tokens = normalise(text).tokens
    spoken = [spoken_words(token.spoken) for token in tokens]
    reached = prefix_length(heard, [word for words in spoken for word in words])
    count, said = 0, 0
    for token, words in zip(tokens, spoken, strict=True):
        if reached < said + max(1, (len(words) + 1) // 2):
            break
        said += len(words)
        count += len(token.written.split())
    return count


def prefix_length(heard: Sequence[str], whole: Sequence[str]) -> int:
    """The length of the prefix of ``whole`` that ``heard`` is nearest to, by edit distance over words.

    Of prefixes that fit equally well the one whose length is nearest to that of ``heard``.
    """
    row = list(range(len(whole) + 1))
    for index, word in enumerate(heard, 1):
        diagonal, row[0] = row[0], index
        for column, other in enumerate(whole, 1):
            cost = diagonal + (word != other)
            diagonal = row[column]
            row[column] = min(cost, row[column] + 1, row[column - 1] + 1)
    return min(range(len(row)), key=lambda length: (row[length], abs(length - len(heard))))


def lost_and_repeated(heard: Sequence[str], whole: Sequence[str]) -> tuple[int, int]:
    """Words of ``whole`` that are missing from ``heard``, and words of ``heard`` that are not in ``whole``.

    A word that Whisper took for another counts as neither: it was there.
    """
    rows = [list(range(len(whole) + 1))]
    for index, word in enumerate(heard, 1):
        row = [index]
        for column, other in enumerate(whole, 1):
            row.append(min(rows[-1][column - 1] + (word != other), rows[-1][column] + 1, row[-1] + 1))
        rows.append(row)
    at, column, lost, repeated = len(heard), len(whole), 0, 0
    while at or column:
        if at and column and rows[at][column] == rows[at - 1][column - 1] + (heard[at - 1] != whole[column - 1]):
            at, column = at - 1, column - 1
        elif column and rows[at][column] == rows[at][column - 1] + 1:
            column, lost = column - 1, lost + 1
        else:
            at, repeated = at - 1, repeated + 1
    return lost, repeated
