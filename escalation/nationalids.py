"""Finds national identity numbers that hold letters, in the forms of some twenty countries, checked where they can be.

Numbers of digits alone (nine and more) need no form: every run of nine digits is taken out of text anyway. Recognisers
write letters that are spelled out with spaces or hyphens between them, so those are allowed anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib import import_module

_GAP = r"[ .-]?"


def _form(*parts: str) -> re.Pattern[str]:
    """``L`` a letter, ``D`` a digit, other signs as they are; gaps between all of them."""
    return re.compile(r"(?<![A-Za-z0-9])(?<!\d[ .-])" + _GAP.join(parts) + r"(?![A-Za-z0-9]|[ .-]\d)", re.IGNORECASE)


def _signs(form: str) -> list[str]:
    return [{"L": "[A-Z]", "D": r"\d"}.get(sign, re.escape(sign)) for sign in form]


_CHECKED: tuple[tuple[re.Pattern[str], str], ...] = (
    (_form(*_signs("DDDDDDDDL")), "es.dni"),
    (_form("[XYZ]", *_signs("DDDDDDDL")), "es.nie"),
    (_form(*_signs("LLLLLL"), *["[0-9LMNPQRSTUV]"] * 2, "[ABCDEHLMPRST]", *["[0-9LMNPQRSTUV]"] * 2, "[A-Z]",
           *["[0-9LMNPQRSTUV]"] * 3, "[A-Z]"), "it.codicefiscale"),
    (_form(*_signs("DDDDDDDL"), "[A-IW]?"), "ie.pps"),
    (_form(*_signs("LLLLLDDDDL")), "in_.pan"),
    (_form(*_signs("LLLLDDDDDD"), "[HMX]", *_signs("LLLLL"), "[A-Z0-9]", r"\d"), "mx.curp"),
    (_form(*_signs("DDDDDD"), "[-+A-FU-Y]", *["[0-9]"] * 3, "[0-9A-Y]"), "fi.hetu"),
    (_form(*_signs("DDDDDDDDK")), "cl.rut"),
)  # fmt: skip
"""A form, and the module of python-stdnum (``stdnum.es.dni``) that knows whether a number of it can be."""
_UNCHECKED = (
    _form("[A-CEGHJ-PR-TW-Z]", "[A-CEGHJ-NPR-TW-Z]", *_signs("DDDDDD"), "[A-D]"),  # UK National Insurance
    _form("[STFGM]", *_signs("DDDDDDDL")),  # Singapore NRIC
    _form("[A-Z]", "[12]", *_signs("DDDDDDDD")),  # Taiwan
)
"""Forms so particular that nothing else looks like them."""
_MONTH = re.compile(r"(?:march|april) (?:19|20)\d\d ", re.IGNORECASE)


def national_ids(text: str) -> Iterator[tuple[int, int]]:
    """Where each stands, in no order, never overlapping another."""
    taken: list[tuple[int, int]] = []
    for pattern, module in _CHECKED:
        for match in pattern.finditer(text):
            if _MONTH.match(match[0]):
                continue  # "March 2021 I": the form of an Indian PAN
            if _free(match.span(), taken) and _valid(module)(re.sub(r"[ .]", "", match[0])):
                taken.append(match.span())
    for pattern in _UNCHECKED:
        taken += [match.span() for match in pattern.finditer(text) if _free(match.span(), taken)]
    yield from taken


def _free(span: tuple[int, int], taken: list[tuple[int, int]]) -> bool:
    return all(span[1] <= start or end <= span[0] for start, end in taken)


def _valid(module: str) -> Callable[[str], bool]:
    check: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    return check
