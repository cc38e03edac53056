"""One way of writing numbers, amounts, dates and days, so that `dialog.facts` has one way to read them. Pure.

::

    "€45"  "45 €"  "EUR 45"  "45 euros"     → 45 euros           "a hundred"      → one hundred
    "12,50 €"                               → 12.50 euros        "half an hour"   → 30 minutes
    "$5k"  "$2M"                            → $5 thousand …      "half past six"  → 6:30 (of which half of the day?)
    "2026-12-24"  "Dec. 24th"  "24/12/2026" → December 24 …      "a dozen"        → 12
    "Mon-Fri"  "Sat, Sun"                   → Monday-Friday …    "(555) 012-3456" → 5550123456

What is ambiguous stays as it is: "3/4", "04/05/2026", "Sun" without another day or a time beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

MONTHS = "january february march april may june july august september october november december".split()
_SHORT = "jan feb mar apr jun jul aug sept sep oct nov dec".split()
_WEEK = "monday tuesday wednesday thursday friday saturday sunday".split()
_SIGNS = {"€": "euros", "£": "pounds sterling", "¥": "yen", "₹": "rupees"}
_CODES = {"EUR": "euros", "GBP": "pounds sterling", "CHF": "francs", "JPY": "yen", "INR": "rupees", "USD": "dollars"}
CURRENCIES = {"euro": "euro", "euros": "euro", "yen": "yen", "franc": "franc", "francs": "franc", "rupee": "rupee",
              "rupees": "rupee"}  # fmt: skip
"""Words for an amount besides dollars; "pounds" may be a weight, and is an amount only where *sterling* follows."""
_FIGURE = r"\d[\d.,]*\d|\d"
_SCALE = {"k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion"}
_DAY = r"(?:Mon|Tues?|Wed|Thurs?|Thu|Fri|Sat|Sun)"
_DAY_AGAIN = rf"{_DAY}\b\.?"


def _amount(match: re.Match[str]) -> str:
    sign, figure = (match[1], match[2]) if match[1] else (match[5], match[4])
    scale = f" {_SCALE[match[3].lower()]}" if match[3] else ""
    return f"{_decimal(figure)}{scale} {_SIGNS.get(sign) or _CODES[sign]}"


def _decimal(figure: str) -> str:
    """ "12,50" is twelve and a half; thousands have three figures behind the comma, or behind each point."""
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+,\d{2}", figure):
        figure = figure.replace(".", "")
    return re.sub(r",(\d{1,2})$", r".\1", figure)


def _month(match: re.Match[str]) -> str:
    short = match[1] or match[2]
    return next(one for one in MONTHS if one.startswith(short[:3].lower())).capitalize()


def _iso(match: re.Match[str]) -> str:
    month, day = int(match[2]), int(match[3])
    return f"{MONTHS[month - 1].capitalize()} {day}, {match[1]}" if 1 <= month <= 12 and 1 <= day <= 31 else match[0]


def _slashed(match: re.Match[str]) -> str:
    one, other = int(match[1]), int(match[2])
    if one == other or max(one, other) > 12:
        month, day = (other, one) if one > other else (one, other)
        if 1 <= month <= 12 and 1 <= day <= 31:
            return f"{MONTHS[month - 1].capitalize()} {day}, {match[3]}"
    return match[0]


def _weekdays(match: re.Match[str]) -> str:
    def whole(day: re.Match[str]) -> str:
        return next(one for one in _WEEK if one.startswith(day[0][:3].lower())).capitalize()

    return re.sub(_DAY, whole, match[0].replace(".", " "))


_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(rf"([€£¥₹]|\b(?:EUR|GBP|CHF|JPY|INR|USD)\b) ?({_FIGURE})(?: ?(k|mn?|bn|M)\b)?"
                rf"|({_FIGURE}) ?([€£¥₹]|(?:EUR|GBP|CHF|JPY|INR|USD)\b)"),
     _amount),
    (re.compile(r"(\$ ?\d[\d.,]*) ?(k|mn?|bn|[KMB])\b"), lambda m: f"{m[1]} {_SCALE[m[2].lower()]}"),
    (re.compile(r"(\d)¢"), r"\1 cents"),
    (re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b"), _iso),
    (re.compile(r"\b(\d{1,2})[/.](\d{1,2})[/.](\d{4})\b"), _slashed),
    (re.compile(rf"\b({'|'.join(_SHORT)})\b\.?(?= ?\d)|(?<=\d )({'|'.join(_SHORT)})\b\.?", re.IGNORECASE),
     _month),
    (re.compile(rf"\b{_DAY_AGAIN}(?:,? ?(?:-|–|—|to|and|&|,|/|through) ?{_DAY_AGAIN})+"
                rf"|\b{_DAY}(?=\.?:? ?\d)|(?<=\bon ){_DAY}\b"), _weekdays),
    (re.compile(r"(?:\+?\b1[-. ])?(?:\(\d{3}\) ?|\b\d{3}[-. ])\d{3}[-.]\d{4}\b|(?<![\d-])\b\d{3}-\d{4}\b(?!-)"),
     lambda m: re.sub(r"\D", "", m[0])),
    (re.compile(r"\bper cent\b|\bpct\b", re.IGNORECASE), "percent"),
    (re.compile(r"\bhalf (?=(?:the )?price\b|off\b)", re.IGNORECASE), "50 percent "),
    (re.compile(r"\bhalf a dozen\b", re.IGNORECASE), "6"),
    (re.compile(r"\b(?:a|one) dozen\b", re.IGNORECASE), "12"),
    (re.compile(r"\b(?:a |one )?half[ -](?:an )?hour\b(?!s)", re.IGNORECASE), "30 minutes"),
    (re.compile(r"\b(?:a )?quarter of an hour\b", re.IGNORECASE), "15 minutes"),
    (re.compile(r"\b(?:an|one) hour and a half\b|\bone and a half hours\b", re.IGNORECASE), "90 minutes"),
    (re.compile(r"\bhalf past (\w+)", re.IGNORECASE), r"\1 30"),
    (re.compile(r"\ba (?=hundred|thousand|million|billion)", re.IGNORECASE), "one "),
    (re.compile(r"\bmidday\b", re.IGNORECASE), "noon"),
    (re.compile(r"\b(?:round the clock|day and night|24 hours,? (?:a|each|every) day|24 h(?:ou)?rs\b(?= a day|$))",
                re.IGNORECASE), "around the clock"),
)  # fmt: skip
_ANY = re.compile(
    r"[€£¥₹¢]|\b(?:EUR|GBP|CHF|JPY|INR|USD)\b|\$ ?\d[\d.,]* ?[kKmMbB]|\d[-/.]\d|\d{3}\)|\bper cent\b|\bpct\b|\bhalf\b"
    rf"|\bdozen\b|\bquarter of\b|\ba (?:hundred|thousand|million|billion)\b|\bmidday\b|\bday and night\b|clock\b"
    rf"|\b24 h|\b{_DAY}\b|\b(?:{'|'.join(_SHORT)})\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """``text`` with figures in one way of writing; meant for reading facts, not for speaking."""
    if _ANY.search(text) is None:
        return text
    for pattern, wanted in _RULES:
        text = pattern.sub(wanted, text)
    return text
