"""The tasks file: what callers can have done, what is asked for it, and every sentence that is said. Pure models."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from datetime import date, time
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from contracts.capture import REPLIED
from contracts.configfile import load_yaml
from contracts.errors import ConfigError
from contracts.settings import Settings
from contracts.tools import Effect, Operation
from dialog.tools.secure import CaptureLimits, SecureSlot
from dialog.tools.values import Kind
from escalation.phrases import Lexicon, Phrases

MAX_VALUE = 200
"""Characters of one value in a sentence."""


class Slot(Settings):
    """One thing to ask for."""

    kind: Kind
    ask: str = Field(min_length=1)
    keys: str = Field(default="", description="asks for the same by keys, after speech failed twice; empty: it cannot")
    repeat: str = Field(
        default="", description="reads the value back, {value} or {value:digits}, before anything depends on it"
    )
    digits: int = Field(default=0, ge=0, le=8)
    choices: dict[str, list[str]] = Field(default_factory=dict, description="value → what callers say for it")

    @model_validator(mode="after")
    def _whole(self) -> Slot:
        if self.kind is Kind.DIGITS and not self.digits:
            raise ValueError("digits needs how many: 'digits: 4'")
        if self.kind is Kind.CHOICE and not self.choices:
            raise ValueError("choice needs choices")
        if self.repeat and {"value"} != _fields(self.repeat):
            raise ValueError("'repeat' names {value} and nothing else")
        if self.keys and self.kind in (Kind.NAME, Kind.DAY, Kind.TIME):
            raise ValueError(f"a {self.kind} cannot be keyed in; leave out 'keys'")
        return self


class Identity(Settings):
    """How a caller shows who they are. Factors are asked for in their order until ``needed`` are given."""

    operation: str
    answer: str = Field(
        default="customer", description="in the answer: who it is; not there: one factor more is needed"
    )
    needed: int = Field(default=2, ge=2, le=4)
    factors: dict[str, Slot]

    @model_validator(mode="after")
    def _enough(self) -> Identity:
        if len(self.factors) < self.needed:
            raise ValueError(f"{self.needed} factors are needed and {len(self.factors)} are named")
        if any(slot.repeat for slot in self.factors.values()):
            raise ValueError("what identifies a caller is not said aloud: leave out 'repeat'")
        return self


class Refusal(Settings):
    """What is said when the service says no with this code; ``again``: slots to be asked for again."""

    say: str
    again: list[str] = Field(default_factory=list)


class Task(Settings):
    """One thing that callers can have done."""

    phrases: list[str] = Field(min_length=1, description="patterns as in rules.yaml")
    unless: list[str] = Field(default_factory=list)
    slots: dict[str, Slot] = Field(default_factory=dict)
    identity: bool = True
    look: str = Field(default="", description="read operation, before the read-back")
    confirm: str = Field(default="", description="the read-back; ends in a question for yes or no")
    secure: dict[str, SecureSlot] = Field(
        default_factory=dict, description="keyed in after the yes, for tools.capture.url and nobody else"
    )
    send: list[str] = Field(default_factory=list, description="values that the payment endpoint is told besides")
    act: str = Field(default="", description="write operation, once, after the yes (and the keys)")
    done: str = Field(min_length=1)
    refused: dict[str, Refusal] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _safe(self) -> Task:
        if self.act and not (self.confirm and self.identity):
            raise ValueError("a task with 'act' needs 'confirm' and identity")
        if self.secure and not self.confirm:
            raise ValueError("a task with 'secure' needs 'confirm': whoever keys in a card has said yes to something")
        if self.send and not self.secure:
            raise ValueError("'send' is for the payment endpoint: it needs 'secure'")
        if twice := sorted(self.secure.keys() & self.slots.keys()):
            raise ValueError(f"{twice[0]!r} stands in 'slots' and in 'secure'")
        if not self.act and not self.look and not self.secure:
            raise ValueError("a task needs 'look', 'act' or 'secure'")
        return self


class Sayings(Settings):
    """Sentences of every task."""

    cancelled: str = "All right, I have not done anything. What else can I help you with?"
    once_more: str = "Sorry, I didn't get that. "
    yes_no: str = "Please say yes or no. "
    yes_no_keys: str = "Please press 1 for yes, or 2 for no."
    more: str = "Thank you. I need one more thing to be sure who you are. "
    not_verified: str = "That does not match what we have on file. Let us try it once more. "
    give_up: str = "I'm sorry, I can't take that down. I have not done anything. Shall I connect you to a person?"
    refused: str = "I'm sorry, our system did not accept that, and nothing was done. Shall I connect you to a person?"
    failed: str = "I'm sorry, I can't reach our system right now. Nothing was done. Shall I connect you to a person?"
    uncertain: str = (
        "I'm sorry, I can't tell whether that went through, so please don't rely on it. "
        "Shall I connect you to a person who can check?"
    )
    keyed_wrong: str = "That does not look right. "
    keyed_nothing: str = "I have not received any keys. "
    declined: str = "I'm sorry, the card was declined, and nothing was charged. Shall I connect you to a person?"
    dry_run: str = "This is a test line, so I have not done anything. What else can I help you with?"


class TaskFile(Settings):
    """The whole file."""

    version: int = Field(ge=1)
    identity: Identity | None = None
    capture: CaptureLimits = CaptureLimits()
    sayings: Sayings = Sayings()
    tasks: dict[str, Task] = Field(min_length=1)

    @model_validator(mode="after")
    def _identified(self) -> TaskFile:
        for name, task in self.tasks.items():
            if task.identity and self.identity is None:
                raise ValueError(f"task {name} needs identity, and the file says nothing about it")
        return self


class TaskBook:
    """The tasks, ready to be recognised. Immutable; shared by all calls."""

    def __init__(self, file: TaskFile) -> None:
        """Raises ValueError for a phrase that cannot be read."""
        self.file = file
        lexicon = Lexicon({})
        self._phrases = {name: Phrases(task.phrases, task.unless, lexicon) for name, task in file.tasks.items()}

    @classmethod
    def load(cls, path: Path) -> TaskBook:
        """Raises ConfigError naming the file, and its line where it can."""
        try:
            return cls(load_yaml(path, TaskFile))
        except ValueError as error:
            raise ConfigError(f"{path}: {error}") from error

    def wanted(self, text: str) -> str:
        """The task that these words ask for; "" for none, and for more than one."""
        found = [name for name, phrases in self._phrases.items() if phrases.find(text) is not None]
        return found[0] if len(found) == 1 else ""

    def spoken(self) -> list[str]:
        """Sentences that are always the same, for preparing their sound."""
        identity = self.file.identity
        slots = [slot for task in self.file.tasks.values() for slot in task.slots.values()]
        slots += identity.factors.values() if identity is not None else ()
        keyed = [slot.ask for task in self.file.tasks.values() for slot in task.secure.values()]
        return [sentence for slot in slots for sentence in (slot.ask, slot.keys) if sentence] + keyed

    @property
    def captures(self) -> list[str]:
        """Tasks in which something is keyed in for the payment endpoint."""
        return [name for name, task in self.file.tasks.items() if task.secure]

    def faults(self, operations: Mapping[str, Operation]) -> list[str]:
        """What does not fit the allowed operations; one line each."""
        found = []
        identity = self.file.identity
        if identity is not None:
            found += _fits(
                "identity", identity.operation, Effect.READ, operations, set(identity.factors), required=False
            )
        for name, task in self.file.tasks.items():
            where, known = f"task {name}", {*task.slots} | ({"customer"} if task.identity else set())
            if task.look:
                found += _fits(where, task.look, Effect.READ, operations, known)
                known |= operations[task.look].outputs if task.look in operations else set()
            found += [
                f"{where}: confirm names {field!r}, which nothing gives" for field in _fields(task.confirm) - known
            ]
            found += [f"{where}: send names {field!r}, which nothing gives" for field in set(task.send) - known]
            known |= REPLIED if task.secure else set()
            if task.act:
                found += _fits(where, task.act, Effect.WRITE, operations, known)
                known |= operations[task.act].outputs if task.act in operations else set()
            found += [f"{where}: done names {field!r}, which nothing gives" for field in _fields(task.done) - known]
        return found


def _fits(where: str, name: str, effect: Effect, operations: Mapping[str, Operation], known: set[str], *,
          required: bool = True) -> list[str]:  # fmt: skip
    operation = operations.get(name)
    if operation is None:
        return [f"{where}: {name!r} is not in tools.allow"]
    found = [f"{where}: {name!r} is allowed as {operation.effect}, and is needed as {effect}"] * (
        operation.effect is not effect
    )
    if required:
        return found + [
            f"{where}: nothing gives {one!r}, which {name!r} needs" for one in sorted(operation.required - known)
        ]
    return found + [f"{where}: {name!r} takes no {one!r}" for one in sorted(known - operation.inputs)]


def _fields(sentence: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(sentence) if field}


class _Saying(string.Formatter):
    """``{cents:money}``, ``{day:date}``, ``{at:time}``; anything else as it is, short and on one line."""

    def format_field(self, value: Any, format_spec: str) -> str:
        match format_spec:
            case "money":
                sign = "minus " if int(value) < 0 else ""
                whole, cents = divmod(abs(int(value)), 100)
                return f"{sign}${whole:,}.{cents:02}" if cents else f"{sign}${whole:,}"
            case "digits":
                return ", ".join(re.findall(r"[a-z0-9]", str(value)[:MAX_VALUE], re.IGNORECASE))
            case "date":
                day = date.fromisoformat(str(value))
                return f"{day:%A}, {day:%B} {day.day}"
            case "time":
                at = time.fromisoformat(str(value))
                return f"{at.hour % 12 or 12}:{at.minute:02} {'p.m.' if at.hour >= 12 else 'a.m.'}"
        return " ".join(str(value).split())[:MAX_VALUE]


def said(sentence: str, values: Mapping[str, Any]) -> str:
    """The sentence with its values. Raises KeyError for one that is missing, ValueError for no date, time or amount."""
    return _Saying().vformat(sentence, (), values)
