"""Text as written → text as spoken, word by word aligned, so that what was heard can be told in the written words.

The rules of voice.speakable are tried in order at each word's start; the first that fits takes the characters it
matches. A rule that spans several written words ("March 5, 2025") makes one token of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from voice.abbreviations import SHORT, SIGNS, UNITS
from voice.speakable import RULES


@dataclass(slots=True, frozen=True)
class SpokenToken:
    """``written``: one or more words of the original; ``spoken``: how they are said (may be empty)."""

    written: str
    spoken: str


@dataclass(slots=True, frozen=True)
class SpokenText:
    """A normalised text. ``tokens`` in order; ``written`` is the original without markup."""

    tokens: tuple[SpokenToken, ...]

    @property
    def text(self) -> str:
        """What the synthesiser is given."""
        return " ".join(token.spoken for token in self.tokens if token.spoken)

    @property
    def written(self) -> str:
        """What the conversation remembers."""
        return " ".join(token.written for token in self.tokens)


_MARKUP: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"```\w*"), " "),
    (re.compile(r"!?\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"^\s{0,3}#{1,6}\s+", re.MULTILINE), ""),
    (re.compile(r"^\s*[-*+•]\s+", re.MULTILINE), ""),
    (re.compile(r"^\s*>\s?(?![\d$=])", re.MULTILINE), ""),
    (re.compile(r"^[\s|:-]{3,}$", re.MULTILINE), ""),
    (re.compile(r"(\*{1,3}|~~|(?<!\w)_{1,3})(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"`([^`]*)`"), r"\1"),
    (re.compile(r"\s*\|\s*"), " "),
    (re.compile(r"</?[A-Za-z!][^<>]*>"), " "),
    (re.compile(r"[™®©]|(?<=\w)\*+(?=[\s.,;:]|$)"), ""),
)


def strip_markup(text: str) -> str:
    """Markdown and tags off, white space single."""
    for pattern, replacement in _MARKUP:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())


_COMPILED = tuple((re.compile(pattern), say) for pattern, say in RULES)
_LEAD = re.compile(r"[(\[\"'“‘]*")
_TAIL = re.compile(r"[\])\"'”’]*[.,;:!?…]*[\])\"'”’]*(?=\s|$)")
_REST = re.compile(r"\S*")
_MONEY = re.compile(r"[-−]?[A-Z]{0,2}[$€£¥₹]")


def normalise(text: str) -> SpokenText:
    """Written text (with or without markup) → what to say, aligned. Never raises; what it does not know stays."""
    text = strip_markup(text)
    tokens: list[SpokenToken] = []
    position = 0
    while position < len(text):
        if text[position] == " ":
            position += 1
            continue
        end, spoken = _token(text, position)
        tokens.append(SpokenToken(text[position:end], spoken))
        position = end
    return SpokenText(tuple(tokens))


def _token(text: str, start: int) -> tuple[int, str]:
    """The end of the token that begins at ``start`` and how it is said, its own punctuation kept for the prosody."""
    lead = _LEAD.match(text, start)
    inner = lead.end() if lead else start
    for begin in (start, inner) if inner != start else (start,):
        for pattern, say in _COMPILED:
            match = pattern.match(text, begin)
            if match is None or match.end() == begin:
                continue
            tail = _TAIL.match(text, match.end())
            if tail is not None:
                return tail.end(), say(match) + _pause(text, match, tail.end())
            glued = _REST.match(text, match.end())
            if glued is not None and match[0] in SIGNS:
                return glued.end(), f"{say(match)} {normalise(glued[0]).text}"
            if glued is not None and glued[0][:1] in "-/–":
                rest = glued[0][1:]
                per = glued[0][0] == "/" and bool(_MONEY.match(match[0]))
                joined = _per(rest) if per else normalise(rest).text
                return glued.end(), f"{say(match)} {joined}" if rest else say(match)
    rest_of_word = _REST.match(text, start)
    word = rest_of_word[0] if rest_of_word else ""
    spoken = SHORT.get(word.lower().rstrip(",;:") if word.lower() not in SHORT else word.lower(), word)
    if spoken is not word and word.endswith(","):
        spoken += ","
    return start + len(word), spoken.replace("“", "").replace("”", "").replace("*", "").replace("_", " ")


def _per(rest: str) -> str:
    """What a price is for: "mo." of "$25/mo."."""
    word = rest.rstrip(".,;:")
    name = UNITS[word][0] if word in UNITS else normalise(word).text
    return f"per {name}{rest[len(word) :]}"


def _pause(text: str, match: re.Match[str], end: int) -> str:
    """What is left of the punctuation after a figure; the dot of "p.m." may also have ended the sentence."""
    marks = "".join(char for char in text[match.end() : end] if char in ".,;:!?…")
    following = text[end:].lstrip()[:1]
    return marks or ("." if match[0].endswith(".") and (not following or following.isupper()) else "")
