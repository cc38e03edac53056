"""Amounts of money in what a caller said: "$5,000", "twelve thousand dollars", "2.5 million"."""

from __future__ import annotations

import re

_SMALL = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
        " seventeen eighteen nineteen".split()
    )
} | {word: value * 10 for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
_SCALES = {"hundred": 100, "thousand": 1_000, "grand": 1_000, "k": 1_000, "million": 1_000_000}
_UNIT = re.compile(r"^(?:dollars?|bucks|usd|euros?|eur|pounds?|gbp|quid|francs?|chf)$")
_TOKEN = re.compile(r"[$€£]|\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|[a-z]+", re.IGNORECASE)


def largest_amount(text: str) -> float:
    """The largest amount with a currency beside it, in its units; 0 for none. A number without currency is none."""
    largest = total = current = 0.0
    number = marked = False
    for token in [*(found[0].lower() for found in _TOKEN.finditer(text)), ""]:
        if token in "$€£" and token:
            total = current = 0.0
            marked, number = True, False
        elif token[:1].isdigit():
            current, number = current + float(token.replace(",", "")), True
        elif token in _SMALL:
            current, number = current + _SMALL[token], True
        elif token in _SCALES and (number or token not in ("k", "grand")):
            current = max(current, 1.0) * _SCALES[token]
            if _SCALES[token] > 100:
                total, current = total + current, 0.0
            number = True
        elif token in ("and", "a") and number:
            continue
        else:
            if number and (marked or _UNIT.match(token)):
                largest = max(largest, total + current)
            total = current = 0.0
            number = marked = False
    return largest
