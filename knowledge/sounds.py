"""How words sound, roughly, and how much alike two of them sound. Pure.

What a recogniser writes for a name that it does not know sounds like it and is spelled anyhow: "Fiala" for Fayala, "the
hate" for The Haight. So letters are read by a few rules of English, not as a dictionary would but the same each time,
and sounds are compared by what lines and recognisers confuse: vowels with vowels, voiced with voiceless, m with n.

::

    "Hayes Valley Inn" → hez vali in ┐
    "Hayes' Valien"    → hez vali en ┘ one vowel for another: 0.96 alike
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_RULES = (
    (r"\brh", "r"), (r"\bkn", "n"), (r"\bwr", "r"), (r"\bps(?=[aeiouy])", "s"), (r"\bgh", "g"), (r"\bx", "z"),
    (r"tch", "C"), (r"sch", "sk"), (r"dge", "J"), (r"[ts]ion", "Sn"), (r"mb\b", "m"), (r"igh", "i"),
    (r"gh(?=t|\b)", ""), (r"sh", "S"), (r"ch", "C"), (r"ph", "f"), (r"th", "T"), (r"ck", "k"), (r"qu", "kw"),
    (r"q", "k"), (r"wh", "w"), (r"x", "ks"), (r"c(?=[eiy])", "s"), (r"c", "k"), (r"g(?=[eiy])", "J"), (r"j", "J"),
    (r"(?<=[^aeiouy\W])e?s\b", "s"), (r"(?<=[a-zA-Z][^aeiouy\W])e\b", ""), (r"\by(?=[aeiou])", "Y"),
    (r"ea|ee|ie|ey\b", "i"), (r"ai|ay|ei|ey", "e"), (r"oo|ew|ue|ui", "u"), (r"ou|ow|au|aw|oa", "o"), (r"y", "i"),
    (r"([aeiou])[aeiou]+", r"\1"), (r"(.)\1+", r"\1"),
)  # fmt: skip
"""Letters of a word → sounds; the first rules first. C, J, S, T and Y are those of church, judge, shoe, thin, yes."""
_RULE = [(re.compile(pattern), sound) for pattern, sound in _RULES]
_VOWELS = frozenset("aeiou")
_KIN = frozenset(
    frozenset(pair)
    for pair in "bp dt gk vf sz mn lr Td Tf Tt JC JS CS sS zS zJ Jg Jz wv wu Yi Ys Ck hw bv kt pt nl".split()
)
"""Sounds that are often taken for one another; by manner or place of speaking."""
_OTHER_VOWEL, _KINDRED, _OTHER = 0.3, 0.4, 1.0
_LOST = {**dict.fromkeys("aeiou", 0.4), "h": 0.25, "w": 0.5, "Y": 0.5, "r": 0.7, "t": 0.7, "d": 0.7}
"""What it costs that a sound is not heard, or heard where none is; 1 for the others."""


@lru_cache(maxsize=20_000)
def sounds(text: str) -> str:
    """Of all words of ``text`` as one string; "" for one without letters."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(one))
    return re.sub(r"(.)\1+", r"\1", "".join(_word(one) for one in re.findall(r"[a-z]+", re.sub(r"['’]", "", plain))))


@lru_cache(maxsize=50_000)
def _word(word: str) -> str:
    for pattern, sound in _RULE:
        word = pattern.sub(sound, word)
    return word


@lru_cache(maxsize=50_000)
def alike(one: str, other: str) -> float:
    """Of two strings of sounds, 0..1: 1 less the cost of the cheapest alignment over the mean cost of losing either."""
    if one == other:
        return 1.0
    whole = sum(map(_lost, one)) + sum(map(_lost, other))
    row = [0.0]
    for sound in other:
        row.append(row[-1] + _lost(sound))
    for mine in one:
        above, row = row, [row[0] + _lost(mine)]
        for at, sound in enumerate(other):
            row.append(min(above[at] + _confused(mine, sound), above[at + 1] + _lost(mine), row[at] + _lost(sound)))
    return max(0.0, 1.0 - 2 * row[-1] / whole) if whole else 0.0


def _lost(sound: str) -> float:
    return _LOST.get(sound, 1.0)


def _confused(one: str, other: str) -> float:
    if one == other:
        return 0.0
    if one in _VOWELS and other in _VOWELS:
        return _OTHER_VOWEL
    return _KINDRED if frozenset((one, other)) in _KIN else _OTHER
