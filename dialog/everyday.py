"""Words that everybody uses: a recogniser that writes one of them without a doubt has heard it.

A name misheard as an everyday word ("the hate" for The Haight) is found only where the recogniser doubts it; without
that, "pools" would be taken for a Plus account as soon as no document speaks of pools.
"""

from __future__ import annotations

from functools import lru_cache

from spellchecker import SpellChecker

LEAST_COUNT = 2000
"""Of a word in pyspellchecker's English list (films' subtitles): about the 13,000 most frequent; "pool" has 41,675."""


@lru_cache(maxsize=1)
def everyday() -> frozenset[str]:
    """All of them, in lower case; read at first use (0.15 s)."""
    counts = SpellChecker(language="en").word_frequency.dictionary
    return frozenset(word for word, count in counts.items() if count >= LEAST_COUNT)
