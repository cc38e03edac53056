"""Text as written → text as spoken, word by word aligned, so that what was heard can be told in the written words.

Rules are one table, tried in order at each word's start; the first that fits takes the characters it matches. A rule
that spans several written words ("March 5, 2025") makes one token of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from voice.numbers import MONTHS, cardinal, clock_time, date, digits, grouped, money, ordinal, year


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
    (re.compile(r"^\s*>\s?", re.MULTILINE), ""),
    (re.compile(r"^[\s|:-]{3,}$", re.MULTILINE), ""),
    (re.compile(r"(\*{1,3}|~~|(?<!\w)_{1,3})(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"`([^`]*)`"), r"\1"),
    (re.compile(r"\s*\|\s*"), " "),
    (re.compile(r"<[^<>\s][^<>]*>"), " "),
)


def strip_markup(text: str) -> str:
    """Markdown and tags off, white space single."""
    for pattern, replacement in _MARKUP:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())


_N = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_DASH = r"\s?[-–—]\s?"
_MONTH = r"(?P<month>Jan(?:uary|\.)?|Feb(?:ruary|\.)?|Mar(?:ch|\.)?|Apr(?:il|\.)?|May|June?|July?|Aug(?:ust|\.)?|"
_MONTH += r"Sept?(?:ember|\.)?|Oct(?:ober|\.)?|Nov(?:ember|\.)?|Dec(?:ember|\.)?)"
_HALF = r"\s?(?P<{0}>[ap])(?:\.\s?m\.?|m\b\.?)"
_SCALE = r"(?:\s?(?P<scale>thousand|million|billion|trillion|bn|[kKmMbB])\b)?"
_TLD = r"(?:com|org|net|gov|edu|io|co|bank|info|us|uk|eu|de)"
_SPELLED_TEXT = "APR APY ATM FDIC IRA ACH SMS CD ID USA US UK HELOC SSN EIN FAQ CVV IBAN CEO VIP ETA DOB USD PDF"
_SPELLED = "|".join(_SPELLED_TEXT.split())
_SHORT = {
    "e.g.": "for example",
    "i.e.": "that is",
    "etc.": "et cetera",
    "mr.": "mister",
    "mrs.": "missus",
    "dr.": "doctor",
    "vs.": "versus",
    "approx.": "approximately",
    "ext.": "extension",
    "dept.": "department",
    "&": "and",
    "+": "plus",
    "=": "equals",
    "/": "or",
    "–": "",
    "—": "",
    "-": "",
    "w/": "with",
}


def _month(name: str) -> int:
    return next(index for index, month in enumerate(MONTHS, 1) if month.lower().startswith(name.lower()[:3]))


def _say_address(text: str) -> str:
    text = re.sub(r"^(?:https?://)?(?:www\.)?", "", text).rstrip("/")
    words = {".": "dot", "@": "at", "/": "slash", "-": "dash", "_": "underscore", "?": "question mark", "=": "equals"}
    pieces = re.findall(r"[A-Za-z]+|\d+|[^\w\s]|_", text)
    return " ".join(words.get(piece, digits(piece) if piece.isdigit() else piece) for piece in pieces)


def _iso(match: re.Match[str]) -> str:
    return _safe_date(int(match["m"]), match["d"], match["y"], match[0])


def _safe_date(month: int, day: str, year_figures: str, fallback: str) -> str:
    if 1 <= month <= 12 and 1 <= int(day) <= 31:
        return date(month, str(int(day)), year_figures)
    return grouped(fallback)


def _two_digit_year(figures: str) -> str:
    return figures if len(figures) != 2 else ("20" if int(figures) < 70 else "19") + figures


def _range(match: re.Match[str]) -> str:
    return f"{cardinal(match['a'])} to {cardinal(match['b'])}"


def _time_range(match: re.Match[str]) -> str:
    first = clock_time(match["h1"], match["m1"] or "", (match["p1"] or "").lower())
    return f"{first} to {clock_time(match['h2'], match['m2'] or '', match['p2'].lower())}"


def _money_range(match: re.Match[str]) -> str:
    low = cardinal(match["a"]) if "." not in match["a"] else money(match["sign"], match["a"], "")
    return f"{low} to {money(match['sign'], match['b'], match['scale'] or '')}"


def _ending(match: re.Match[str]) -> str:
    return f"{match['lead']} {digits(match['d'])}"


_FRACTIONS = {"1/2": "one half", "1/3": "one third", "2/3": "two thirds", "1/4": "one quarter", "3/4": "three quarters"}

_RULES: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", lambda m: _say_address(m[0])),
    (rf"(?:https?://|www\.)[^\s,;)]*[\w/]|[\w-]+(?:\.[\w-]+)*\.{_TLD}\b(?:/[\w/.-]*\w)?", lambda m: _say_address(m[0])),
    (r"24/7\b", lambda _: "twenty four seven"),
    (r"(?P<y>(?:19|20)\d\d)-(?P<m>\d\d)-(?P<d>\d\d)\b", _iso),
    (
        r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4}|\d\d)\b",
        lambda m: _safe_date(int(m["m"]), m["d"], _two_digit_year(m["y"]), m[0]),
    ),
    (r"(?:1/2|1/3|2/3|1/4|3/4)(?![\d/])", lambda m: _FRACTIONS[m[0]]),
    (
        rf"{_MONTH}\s(?P<d>[0-3]?\d)(?:st|nd|rd|th)?(?:,?\s(?P<y>(?:19|20)\d\d))?(?![\d,.:]*\d)\b",
        lambda m: _safe_date(_month(m["month"]), m["d"], m["y"] or "", m["d"]),
    ),
    (
        rf"(?P<d>[0-3]?\d)(?:st|nd|rd|th)?\s{_MONTH}(?:,?\s(?P<y>(?:19|20)\d\d))?\b",
        lambda m: _safe_date(_month(m["month"]), m["d"], m["y"] or "", m["d"]),
    ),
    (
        rf"(?P<h1>\d{{1,2}})(?::(?P<m1>\d\d))?(?:{_HALF.format('p1')})?{_DASH}"
        rf"(?P<h2>\d{{1,2}})(?::(?P<m2>\d\d))?{_HALF.format('p2')}",
        _time_range,
    ),
    (
        rf"(?P<h>\d{{1,2}})(?::(?P<m>[0-5]\d))?{_HALF.format('p')}",
        lambda m: clock_time(m["h"], m["m"] or "", m["p"].lower()),
    ),
    (r"(?P<h>[01]?\d|2[0-3]):(?P<m>[0-5]\d)(?!\d)", lambda m: clock_time(m["h"], m["m"], "")),
    (rf"(?P<sign>[$€£])(?P<a>{_N}){_DASH}[$€£]?(?P<b>{_N}){_SCALE}", _money_range),
    (rf"(?P<sign>[$€£])\s?(?P<a>{_N}){_SCALE}", lambda m: money(m["sign"], m["a"], m["scale"] or "")),
    (
        rf"-(?P<sign>[$€£])(?P<a>{_N}){_SCALE}",
        lambda m: "minus " + money(m["sign"], m["a"], m["scale"] or ""),
    ),
    (
        r"(?P<lead>(?:card|account|number|ending|ends|digits|code|PIN|ZIP)(?:\s(?:in|with|is|are|code|number))*)\s"
        r"(?P<d>\d{3,})(?![\d,.]*\d)",
        _ending,
    ),
    (r"(?:[*xX•]{2,}[\s-]?)+(?P<d>\d{2,})\b", lambda m: digits(m["d"])),
    (r"(?:\+?1[\s.-])?(?:\(\d{3}\)\s?|\d{3}[\s.-])\d{3}[\s.-]\d{4}\b", lambda m: grouped(m[0])),
    (r"1-\d{3}-\d{3}-\d{4}\b|\d{3}-\d{4}\b|\+\d[\d\s-]{6,}\d", lambda m: grouped(m[0])),
    (r"(?:\d{4}[\s-]){2,}\d{1,4}\b", lambda m: grouped(m[0])),
    (rf"(?P<a>{_N})\s?%?{_DASH}(?P<b>{_N})\s?%", lambda m: _range(m) + " percent"),
    (rf"-?(?P<a>{_N})\s?%", lambda m: ("minus " if m[0][0] == "-" else "") + cardinal(m["a"]) + " percent"),
    (rf"(?P<a>{_N}){_DASH}(?P<b>{_N})(?![\w-])", _range),
    (r"(?P<a>\d{1,6})(?:st|nd|rd|th)\b", lambda m: ordinal(m["a"])),
    (
        r"(?P<lead>[Ii]n|[Ss]ince|[Uu]ntil|[Ff]rom|[Bb]y|[Oo]f|[Yy]ear)\s(?P<y>(?:19|20)\d\d)\b(?!\s?(?:dollars|points|%))",
        lambda m: f"{m['lead']} {year(m['y'])}",
    ),
    (r"No\. (?P<a>\d+)", lambda m: "number " + cardinal(m["a"])),
    (r"(?:911|988|411|311)(?![\d,.]*\d)", lambda m: digits(m[0])),
    (r"#(?P<a>\d+)", lambda m: "number " + cardinal(m["a"])),
    (
        r"(?P<a>\d{5,})(?=\s(?:dollars|euros|pounds|points|miles|people|customers|times))",
        lambda m: cardinal(m["a"]),
    ),
    (r"\d{5,}(?![\d.,]*\d)", lambda m: digits(m[0])),
    (rf"(?:{_N})(?![\d.])", lambda m: cardinal(m[0])),
    (rf"(?P<a>{_SPELLED})(?P<s>s?)\b", lambda m: " ".join(m["a"]) + ("s" if m["s"] else "")),
)
_COMPILED = tuple((re.compile(pattern), say) for pattern, say in _RULES)
_LEAD = re.compile(r"[(\[\"'“‘]*")
_TAIL = re.compile(r"[\])\"'”’]*[.,;:!?…]*[\])\"'”’]*(?=\s|$)")
_REST = re.compile(r"\S*")


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
            if glued is not None and glued[0][:1] in "-/–":
                rest = glued[0][1:]
                joint = " per " if glued[0][0] == "/" and match[0][0] in "$€£" else " "
                return glued.end(), f"{say(match)}{joint}{normalise(rest).text}" if rest else say(match)
    rest_of_word = _REST.match(text, start)
    word = rest_of_word[0] if rest_of_word else ""
    spoken = _SHORT.get(word.lower().rstrip(",;:") if word.lower() not in _SHORT else word.lower(), word)
    if spoken is not word and word.endswith(","):
        spoken += ","
    return start + len(word), spoken.replace("“", "").replace("”", "").replace("*", "").replace("_", " ")


def _pause(text: str, match: re.Match[str], end: int) -> str:
    """What is left of the punctuation after a figure; the dot of "p.m." may also have ended the sentence."""
    marks = "".join(char for char in text[match.end() : end] if char in ".,;:!?…")
    following = text[end:].lstrip()[:1]
    return marks or ("." if match[0].endswith(".") and (not following or following.isupper()) else "")
