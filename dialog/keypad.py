"""The way out when speech fails twice: what callers mostly want, and a person, by keys. Pure; one for each call.

::

    not understood, not understood ─► "For opening hours press 1, for a lost card press 2, for a person press 0."
    a question with two readings   ─► "For the debit card press 1, for the credit card press 2, …"
"""

from __future__ import annotations

from collections.abc import Sequence

from dialog.clarify import Choice
from dialog.settings import MenuItem

FAILURES = 2
"""Turns in a row that could not be made out."""


class Keypad:
    """``menu``: what the owner offers, in the order of its keys."""

    def __init__(self, menu: Sequence[MenuItem]) -> None:
        self._menu = menu
        self._meant: tuple[str, ...] = ()

    def offer(self, choice: Choice | None) -> str:
        """ "For … press 1, for … press 2, "; "" if there is nothing to choose from. From now on the keys count."""
        if choice is not None:
            named = [(f"the {one.name}", one.name) for one in choice.readings]
        else:
            named = [(one.name, one.question) for one in self._menu]
        self._meant = tuple(question for _, question in named)
        offers = ", ".join(f"for {name} press {key}" for key, (name, _) in enumerate(named, 1))
        return f"{offers[:1].upper()}{offers[1:]}, " if offers else ""

    def pressed(self, digit: str) -> str:
        """What the key stands for, in words as they would be said; "" if it was not offered."""
        place = int(digit) - 1 if digit.isdigit() else -1
        return self._meant[place] if 0 <= place < len(self._meant) else ""

    def drop(self) -> None:
        """The caller was understood: keys mean nothing any more."""
        self._meant = ()
