"""Secure slots: numbers that callers key in for the owner's payment endpoint alone. Settings and state machine, pure.

::

    asked ─► 4 1 1 1 … #  ─► whole? ─yes─► next slot … ─► all there
      │        │ *: from the start  └no: asked once more ─ again wrong ─► given up: a person
      │        └ key_s without a key: as if # were pressed
      └ first_key_s without any key: nothing ─► asked once more …                      total_s: given up

Keys may come before a question is said to its end, or before it has begun; after a wrong entry they count again from
the moment that the question is heard once more, for what was keyed on was meant for the slot after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pydantic import Field, model_validator

from contracts.capture import MAX_KEYED, Keyed
from contracts.settings import Settings

TRIES = 2
"""Times that one slot is asked for."""
_CENTURY = 2000
_AHEAD_YEARS = 20
"""Cards are valid for five years or so; more than this ahead is a slip of the finger."""


class Check(StrEnum):
    """What an entry must be besides long enough."""

    NONE = "none"
    LUHN = "luhn"
    EXPIRY = "expiry"
    """Month and two digits of the year, not past."""


class SecureSlot(Settings):
    """One number to be keyed in. Its digits are in no transcript, log, recording, prompt or memory of the call."""

    ask: str = Field(
        min_length=1, description="the first one says that the caller is not heard meanwhile, and ends with #"
    )
    least: int = Field(default=1, ge=1, le=MAX_KEYED, description="digits")
    most: int = Field(ge=1, le=MAX_KEYED, description="digits")
    check: Check = Check.NONE

    @model_validator(mode="after")
    def _fits(self) -> SecureSlot:
        if self.least > self.most:
            raise ValueError(f"at least {self.least} and at most {self.most} digits: nothing fits that")
        if self.check is Check.EXPIRY and (self.least, self.most) != (4, 4):
            raise ValueError("an expiry date is four digits: least: 4, most: 4")
        return self

    def wrong(self, keyed: Keyed, today: date) -> str:
        """What is wrong with the entry, in a word; "" if it is whole."""
        if not len(keyed):
            return "nothing"
        if len(keyed) < self.least:
            return "too short"
        if len(keyed) > self.most:
            return "too long"
        if self.check is Check.LUHN and not passes_luhn(keyed):
            return "check digit"
        return "date" if self.check is Check.EXPIRY and not _valid_until(keyed, today) else ""


class CaptureLimits(Settings):
    """Patience with fingers. Seconds."""

    first_key_s: float = Field(default=15.0, gt=0, le=120, description="from the end of the question to the first key")
    key_s: float = Field(default=8.0, gt=0, le=60, description="between keys; then the entry counts as ended")
    total_s: float = Field(default=180.0, gt=0, le=900, description="for all slots together")
    posts: int = Field(
        default=3, ge=1, le=10, description="times that a call may post to the endpoint: nobody tries out cards here"
    )


def passes_luhn(keyed: Keyed) -> bool:
    """ISO/IEC 7812-1, annex B. python-stdnum would need a string of the digits, which nothing can wipe."""
    total = 0
    for place in range(len(keyed)):
        digit = keyed.value(len(keyed) - 1 - place)
        total += digit if place % 2 == 0 else digit * 2 - 9 * (digit > 4)
    return total % 10 == 0


def _valid_until(keyed: Keyed, today: date) -> bool:
    month, year = keyed.value(0) * 10 + keyed.value(1), _CENTURY + keyed.value(2) * 10 + keyed.value(3)
    return 1 <= month <= 12 and (today.year, today.month) <= (year, month) and year <= today.year + _AHEAD_YEARS


@dataclass(slots=True, frozen=True)
class Wanted:
    """Ask for a slot. ``wrong``: what was wrong with the entry before, in a word; "" the first time."""

    slot: str
    wrong: str = ""


@dataclass(slots=True, frozen=True)
class Over:
    """All is there, or (``why``) it was given up. ``slot``: the last one."""

    slot: str
    why: str = ""


class Entering:
    """One caller at the keypad. Give it keys and time; ``step`` says what to do. Wipe ``keyed`` when it is done."""

    def __init__(self, slots: Mapping[str, SecureSlot], limits: CaptureLimits, today: date, now: float) -> None:
        """Raises ValueError without slots."""
        if not slots:
            raise ValueError("no secure slots")
        self._slots = dict(slots)
        self._limits = limits
        self._today = today
        self._order = list(slots)
        self._at = 0
        self._tries = 0
        self._shut = False
        self._until = now + limits.total_s
        self._quiet = self._until
        self.keyed = {name: Keyed() for name in slots}
        self.step: Wanted | Over = Wanted(self._order[0])

    @property
    def due(self) -> float:
        """When ``late`` is to be asked, if no key comes."""
        return min(self._quiet, self._until)

    @property
    def typing(self) -> bool:
        """Keys of the present slot are there already: whoever knows the way need not be asked."""
        return bool(len(self._entry))

    def begun(self) -> None:
        """The question is being heard: keys count."""
        self._shut = False

    def asked(self, now: float) -> None:
        """The question was said to its end, or a key ended it."""
        if not len(self._entry):
            self._quiet = now + self._limits.first_key_s

    def key(self, digit: str, now: float) -> None:
        """One of 0-9 * # A-D."""
        if self._shut or isinstance(self.step, Over):
            return
        if digit == "#":
            self._ended(now)
            return
        if digit == "*":
            self._entry.wipe()
        elif digit in "0123456789":
            self._entry.add(digit)
        self._quiet = now + (self._limits.key_s if len(self._entry) else self._limits.first_key_s)

    def late(self, now: float) -> None:
        """Time has passed."""
        if now >= self._until:
            self.step = Over(self._name, "too late")
        elif now >= self._quiet and not isinstance(self.step, Over):
            self._ended(now)

    def wipe(self) -> None:
        """Forget everything that was keyed."""
        for one in self.keyed.values():
            one.wipe()

    @property
    def _name(self) -> str:
        return self._order[self._at]

    @property
    def _entry(self) -> Keyed:
        return self.keyed[self._name]

    def _ended(self, now: float) -> None:
        self._quiet = self._until  # until the next question has been said
        wrong = self._slots[self._name].wrong(self._entry, self._today)
        if wrong:
            self._entry.wipe()
            self._tries += 1
            self._shut = True
            self.step = Over(self._name, wrong) if self._tries >= TRIES else Wanted(self._name, wrong)
        elif self._at + 1 == len(self._order):
            self.step = Over(self._name)
        else:
            self._at, self._tries = self._at + 1, 0
            self.step = Wanted(self._name)
