"""Numbers to call somebody back on: out of what the network said, or keyed in; and how they are read back. Pure."""

from __future__ import annotations

import re

from stdnum import luhn

_USER = re.compile(r"^(?:sips?:|tel:)?([^@;?]+)", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s().\-/]")
_NUMBER = re.compile(r"^\+?\d{5,15}$")
"""Shorter ones are extensions of a telephone system, longer ones are no numbers (ITU-T E.164)."""
_ADDRESS = re.compile(r"^sips?:[^@\s<>;?]+@[^\s<>;?@]+$", re.IGNORECASE)
_NOBODY = frozenset({"anonymous", "unknown", "unavailable", "restricted", "private", "withheld"})
_GROUP = 3
_SHORT_CARD = re.compile(r"^(?:3[47]\d{13}|3[0689]\d{12})$")
"""American Express and Diners Club, the only payment cards that are no longer than a telephone number may be."""


def number_of(caller: str) -> str:
    """The telephone number that a caller's address names; empty if none, or withheld."""
    found = _USER.match(caller.strip())
    user = _SEPARATORS.sub("", found.group(1)) if found else ""
    return user if _NUMBER.match(user) else ""


def address_of(caller: str) -> str:
    """A SIP address that can be called; empty if it names nobody."""
    address = caller.strip().split(";")[0]
    if not _ADDRESS.match(address):
        return ""
    user, _, host = address.split(":", 1)[1].partition("@")
    hidden = user.lower() in _NOBODY or host.lower().endswith(".invalid")
    return "" if hidden else address


def link_of(target: str) -> str:
    """What a telephone or its program opens: ``tel:`` a number (RFC 3966), else the SIP address; empty for neither."""
    number = number_of(target)
    return f"tel:{number}" if number else address_of(target)


def keyed_number(keys: str) -> str:
    """What was keyed in, if it can be called and is no payment card; zeros at its beginning stay as they are keyed."""
    card = _SHORT_CARD.match(keys) is not None and luhn.is_valid(keys)
    return keys if keys.isdigit() and _NUMBER.match(keys) and not card else ""


def spoken_number(target: str) -> str:
    """``+15551234567`` → ``plus 1, 5 5 5, 1 2 3, 4 5 6 7``: digit by digit in groups; empty for what is no number."""
    number = number_of(target)
    if not number:
        return ""
    digits = number.removeprefix("+")
    groups: list[str] = []
    while len(digits) > _GROUP:
        groups.insert(0, digits[-4:] if not groups else digits[-_GROUP:])
        digits = digits[: -len(groups[0])]
    groups.insert(0, digits)
    said = ", ".join(" ".join(group) for group in groups if group)
    return f"plus {said}" if number.startswith("+") else said
