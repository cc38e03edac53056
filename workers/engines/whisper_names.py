"""Sound that was recognised, read once more by a model that has names before its eyes.

::

    encoded   |■■■ audio ■■■|··pad··|+++ silence +++|     kept of the latest final passes: nothing is encoded twice
    prompt    <|startofprev|> Tacko, Bite, Taboun. <|startoftranscript|> …      what was "said before": names
    read      "This tackle offer bike parking." → "This Tacko offer bike parking."

Whisper was trained to go on as the text before goes on, and so spells names as it does. It still writes what it hears:
of names that merely sound like something it seldom takes one (docs/evaluation.md, Voice).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tokenizers import Tokenizer

_MOST_TOKENS = 120
"""Of the names; 223 are what Whisper was trained with, and each costs time."""


@dataclass(slots=True, frozen=True)
class Sound:
    """``encoded``: a StorageView, 1.5 MB for up to ten seconds; ``cap``: tokens that its words may have."""

    encoded: Any
    cap: int


class Sounds:
    """The latest final passes' sounds by name, so many."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._kept: OrderedDict[str, Sound] = OrderedDict()

    def put(self, sound: Sound) -> str:
        """What names it from now on; "" if none are kept."""
        if not self._keep:
            return ""
        name = uuid4().hex  # no other worker's sound has it, nor one of a worker that this one replaced
        self._kept[name] = sound
        while len(self._kept) > self._keep:
            self._kept.popitem(last=False)
        return name

    def get(self, name: str) -> Sound | None:
        """None: it is no longer kept."""
        return self._kept.get(name)


def names_before(tokenizer: Tokenizer, startofprev: int, names: Sequence[str]) -> list[int]:
    """Tokens to put before the prompt: as many of the names, the first ones, as there is room for."""
    tokens: list[int] = []
    for name in names:
        more = tokenizer.encode(f"{',' if tokens else ''} {name}", add_special_tokens=False).ids
        if len(tokens) + len(more) > _MOST_TOKENS:
            break
        tokens += more
    end = tokenizer.encode(".", add_special_tokens=False).ids
    return [startofprev, *tokens, *end] if tokens else []
