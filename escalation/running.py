"""One caller's words over a whole call: a number read out in several turns is one number.

::

    "my card is four one one one"   "one one one one"   "one one one one"     a pause ends a turn
               4 digits                  8                  12 → [card]       from nine digits on they go
"""

from __future__ import annotations

from escalation.redact import SHORTEST, Secret, broken_numbers, covered, digit_edges, secrets_in

LONGEST = 19
"""Digits of the longest number that is followed over turns (a card, an IBAN's digits)."""
_SHORT_HEAD = 2
"""A turn that begins with fewer digits and goes on in words ("two questions") continues no number."""


class Running:
    """Give it every turn of the caller's, in order. Its memory is one count."""

    def __init__(self, names: bool = False) -> None:
        self._names = names
        self._before = self._earlier = 0
        self.joined = False
        """The last turn continued a number that is long enough to go: what was said of it before should go too."""

    def secrets(self, text: str, *, continues: bool = False) -> list[Secret]:
        """As ``secrets_in``, with what the turns before ended in. ``continues``: instead of the last turn."""
        before = self._earlier if continues else self._before
        edges = digit_edges(text)
        joins = before > 0 and edges.head > 0 and (edges.pure or edges.head >= _SHORT_HEAD)
        # In front of the text as many digits as were said before; no more than would be left alone by themselves.
        prefix = "1 " * min(before, SHORTEST - 1) if joins else ""
        found = [
            Secret(max(0, secret.start - len(prefix)), secret.end - len(prefix), secret.kind)
            for secret in secrets_in(prefix + text, self._names)
            if secret.end > len(prefix)
        ]
        found = _with_broken(found, text)
        self.joined = joins and any(secret.start == 0 or secret.start <= edges.head_at for secret in found)
        if text.strip():
            total = before + edges.tail if joins and edges.pure else edges.tail
            self._earlier, self._before = before, total if total <= LONGEST else 0
        return found

    def redact(self, text: str, *, continues: bool = False) -> str:
        """The text with a label in place of each secret."""
        return covered(text, self.secrets(text, continues=continues))


def _with_broken(found: list[Secret], text: str) -> list[Secret]:
    """Numbers that were misheard in part go from their first digit to their last, with what was found within."""
    for start, end in broken_numbers(text):
        if any(one.start <= start and end <= one.end for one in found):
            continue
        touching = [one for one in found if one.start < end and start < one.end]
        low, high = min([start, *(one.start for one in touching)]), max([end, *(one.end for one in touching)])
        found = [one for one in found if one not in touching] + [Secret(low, high, "number")]
    return sorted(found, key=lambda secret: secret.start)
