"""One caller's way through a task. Pure: words, keys and answers in, one move out; `state` can be kept and put back.

::

    idle ──words ask for a task─► ask slots ──► ask factors ──► verify ──► look ──► read back ──yes──► keys ► act ► done
                                      │ unclear twice: keys         │ no match: once more, by keys      │
                                      └── "never mind", another question, cannot be made out ────┴──► idle, nothing done

Only `Call` and `Capture` moves reach the owner's systems, and only as the tasks file names them at this place. What is
keyed in for a secure slot never comes here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from contracts.errors import ToolError, ToolRefused, ToolUncertain
from contracts.tools import Effect
from dialog.tools.early import Early, early
from dialog.tools.moves import Ask, Call, Capture, End, Move, Phase, State
from dialog.tools.tasks import Slot, Task, TaskBook, said
from dialog.tools.values import KEYED, Kind, keyed, read
from escalation.offers import answer_to_offer
from escalation.phrases import normalise
from voice.completeness import Completeness, Expectation, completeness
from voice.digits import heard_digits

MISSES = 2
"""Times that one question is asked in speech, and again by keys."""
CHECKS = 2
"""Times that factors may not match."""
_CANCEL = re.compile(
    r"^(?:(?:uh|um|oh|well|actually|sorry|please|wait|okay|ok|no)\s+)*(?:never mind|nevermind|cancel"
    r"|forget (?:it|that|about it)|stop|leave it|don't|do not|no|nope|not now|i changed my mind)\b"
)
_HAS_NOT = re.compile(
    r"\b(?:don't|do not|can't|cannot|didn't) (?:know|have|remember|recall|find|got|see)\b|\bno idea\b|\bforgot"
)


_NOT_SO = re.compile(
    r"\b(?:not|instead of|rather than|isn't|wasn't)\b (?:my |the |on |at |for )?\w+(?: card| account)?", re.IGNORECASE
)
_CLOCK_WORDS = re.compile(
    r"\d:\d\d|\b(?:[ap]\.? ?m\b|o'?clock|noon|midday|half past|quarter|at \w+|morning|afternoon|evening)", re.IGNORECASE
)
"""A number alone ("one more thing") corrects no time."""


class Machine:
    """The tasks of one call, one at a time. ``inputs``: names that an operation takes."""

    def __init__(self, book: TaskBook, inputs: Callable[[str], frozenset[str]], today: Callable[[], date]) -> None:
        self._book = book
        self._inputs = inputs
        self._today = today
        self.state = State()

    @property
    def busy(self) -> bool:
        """Is a task under way?"""
        return self.state.phase is not Phase.IDLE

    @property
    def task(self) -> Task:
        """The one under way."""
        return self._book.file.tasks[self.state.task]

    def begin(self, text: str) -> Move | None:
        """The first move of the task that these words ask for; None if they ask for none."""
        name = self._book.wanted(text)
        if not name:
            return None
        identity = self._book.file.identity
        task = self._book.file.tasks[name]
        values: dict[str, Any] = {}
        for key, slot in task.slots.items():
            hinted = slot.kind is Kind.CHOICE or slot.kind is Kind.DAY or (slot.kind is Kind.TIME and bool(values))
            if hinted and (value := self._read(slot, text)):
                values[key] = value
        wanted = identity.needed if identity else 0
        self.leave()
        told = {} if self.state.checks else {one.factor: one.value for one in self.early(text) if one.sure}
        factors = dict(list(told.items())[:wanted])
        self.state = replace(self.state, phase=Phase.SLOT, task=name, values=values, wanted=wanted, factors=factors)
        return self._next()

    def early(self, text: str) -> list[Early]:
        """What identifies the caller in words that were not an answer to that. A name does only beside other factors,
        or with the wish for something to be done: whoever just asks may be called by it."""
        identity = self._book.file.identity
        if identity is None:
            return []
        found = early(text, identity.factors, self._today())
        wishes = self.busy or bool(self._book.wanted(text))
        others = any(one.sure and identity.factors[one.factor].kind is not Kind.NAME for one in found)
        return [
            one for one in found
            if wishes or (others if identity.factors[one.factor].kind is Kind.NAME else one.sure)
        ]  # fmt: skip

    def departs(self, text: str) -> bool:
        """Do these words not answer what was asked, but want something else, or nothing any more?"""
        if self.state.phase in (Phase.SLOT, Phase.FACTOR) and self._read(self._slot, text):
            return False
        return bool(self._cancels(text)) or (not heard_digits(text) and self._leaves(text))

    @property
    def secret(self) -> bool:
        """Is a factor awaited? What is said then is kept out of the record."""
        return self.state.phase is Phase.FACTOR

    def heard(self, text: str, *, sure: bool = True) -> Move | None:
        """The caller's turn; None: it is about something else, and the task was left."""
        if self.state.phase is Phase.CONFIRM:
            return self._answered(text, sure)
        if self.state.phase is Phase.CHECK:
            return self._checked(text, sure)
        if value := self._read(self._slot, text):
            return self._keep(value)
        if self.state.phase is Phase.FACTOR and _HAS_NOT.search(normalise(text)):
            return self._without()
        if self._cancels(text):
            return self._end(self._book.file.sayings.cancelled, "cancelled")
        if self._leaves(text):
            self.leave()
            return None
        return self._missed()

    def pressed(self, keys: str) -> Move:
        """All the keys that were awaited."""
        if self.state.phase in (Phase.CONFIRM, Phase.CHECK):
            yes = {"1": True, "2": False}.get(keys)
            if yes is None:
                return self._missed()
            return self._decided(yes) if self.state.phase is Phase.CONFIRM else self._agreed(yes)
        slot = self._slot
        value = keyed(slot.kind, keys, digits=slot.digits, today=self._today(), choices=list(slot.choices))
        return self._keep(value, certain=True) if value else self._missed()

    def heard_whole(self) -> None:
        """The read-back was played to its end."""
        self.state = replace(self.state, heard_whole=True)

    def again(self) -> Ask:
        """The present question once more."""
        return self._ask()

    def leave(self) -> None:
        """The caller is about something else; nothing was done."""
        self.state = State(customer=self.state.customer, checks=self.state.checks)

    def result(self, data: Mapping[str, Any], *, dry_run: bool = False) -> Move:
        """What the owner's system answered to the last Call."""
        state, identity = self.state, self._book.file.identity
        if dry_run:
            return self._end(self._book.file.sayings.dry_run, "done")
        if state.asked == "verify" and identity is not None:
            who = str(data.get(identity.answer, ""))
            self.state = replace(
                state, customer=who, wanted=state.wanted + (not who), checks=0 if who else state.checks
            )
            return self._next("" if who else self._book.file.sayings.more)
        values = {**state.values, **data}
        self.state = replace(state, values=values, looked=True)
        if state.asked == "post" and self.task.act:
            return self._call("act", self.task.act, Effect.WRITE)
        return self._end(self._say(self.task.done), "done") if state.asked in ("act", "post") else self._next()

    def failed(self, error: ToolError) -> Move:
        """The last Call was not done."""
        sayings, state = self._book.file.sayings, self.state
        if isinstance(error, ToolRefused) and state.asked == "verify":
            self.state = replace(state, factors={}, checks=state.checks + 1)
            return self._next(sayings.not_verified)
        if isinstance(error, ToolRefused):
            refusal = self.task.refused.get(error.code)
            if refusal is None:
                return self._end(sayings.refused, "refused", offer=True)
            if not refusal.again or state.asked == "post":
                return self._end(self._say(refusal.say), "refused")
            text = self._say(refusal.say)
            kept = {key: value for key, value in state.values.items() if key not in refusal.again}
            self.state = replace(state, values=kept, looked=False)
            return self._next(text + " ")
        if isinstance(error, ToolUncertain):
            return self._end(sayings.uncertain, "uncertain", offer=True)
        return self._end(sayings.failed, "failed", offer=True)

    def posting(self) -> None:
        """All is keyed in, and on its way to the payment endpoint."""
        self.state = replace(self.state, phase=Phase.CALL, asked="post")

    def unkeyed(self) -> None:
        """Keying in was broken off: the yes has to be said again."""
        if self.state.phase is Phase.KEYED:
            self.state = replace(self.state, phase=Phase.CONFIRM, misses=0, by_keys=False)

    def declined(self, code: str) -> End:
        """The payment endpoint has declined what was keyed in."""
        refusal = self.task.refused.get(code) or self.task.refused.get("declined")
        if refusal is None:
            return self._end(self._book.file.sayings.declined, "refused", offer=True)
        return self._end(self._say(refusal.say), "refused")

    def uncaptured(self) -> End:
        """Nothing could be keyed in, or not be posted again: a person is needed, and nothing was charged."""
        return self._end(self._book.file.sayings.give_up, "person", uncaptured=True)

    # ── within ──────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _slot(self) -> Slot:
        identity = self._book.file.identity
        if self.state.phase is Phase.FACTOR and identity is not None:
            return identity.factors[self.state.asked]
        return self.task.slots[self.state.asked]

    def _read(self, slot: Slot, text: str) -> str:
        return read(slot.kind, text, digits=slot.digits, today=self._today(), choices=slot.choices)

    def _next(self, before: str = "") -> Move:
        state, task, identity = self.state, self.task, self._book.file.identity
        for name in task.slots:
            if name not in state.values:
                return self._turn_to(Phase.SLOT, name, before)
        if task.identity and not state.customer and identity is not None:
            if state.checks >= CHECKS:
                return self._end(self._book.file.sayings.give_up, "person", unverified=True)
            if len(state.factors) >= state.wanted:
                self._call("verify")
                return Call(identity.operation, Effect.READ, dict(state.factors), len(state.factors))
            for name in identity.factors:
                if name not in state.factors and name not in state.lacking:
                    return self._turn_to(Phase.FACTOR, name, before)
            return self._end(self._book.file.sayings.give_up, "person", unverified=True)
        if task.look and not state.looked:
            return self._call("look", task.look, Effect.READ)
        if task.act or task.secure:
            return self._turn_to(Phase.CONFIRM, "", before)
        return self._end(self._say(task.done), "done")

    def _turn_to(self, phase: Phase, name: str, before: str = "") -> Ask:
        # Once factors did not match, they are keyed in: what recognition made of them was perhaps what was wrong.
        by_keys = phase is Phase.FACTOR and self.state.checks > 0
        self.state = replace(self.state, phase=phase, asked=name, misses=0, by_keys=by_keys, heard_whole=False)
        return self._ask(before)

    def _ask(self, before: str = "") -> Ask:
        state, sayings = self.state, self._book.file.sayings
        if state.phase is Phase.CONFIRM:
            if state.by_keys:
                return Ask(before + sayings.yes_no_keys, Expectation.YES_NO, keys=1)
            return Ask(before + self._say(self.task.confirm), Expectation.YES_NO)
        slot = self._slot
        if state.phase is Phase.CHECK:
            return Ask(before + said(slot.repeat, {"value": state.values[state.asked]}), Expectation.YES_NO, keys=1)
        keys = (slot.digits or KEYED.get(slot.kind, 0)) if slot.keys else 0
        expect = {Kind.DIGITS: Expectation.DIGITS, Kind.NAME: Expectation.NAME}.get(slot.kind, Expectation.OPEN)
        return Ask(before + (slot.keys if state.by_keys and slot.keys else slot.ask), expect, slot.digits, keys)

    def _keep(self, value: str, *, certain: bool = False) -> Move:
        """``certain``: it was keyed in, and need not be read back."""
        state = self.state
        if state.phase is Phase.FACTOR:
            self.state = replace(state, factors={**state.factors, state.asked: value})
        else:
            self.state = replace(state, values={**state.values, state.asked: value})
            if self._slot.repeat and not certain:
                return self._turn_to(Phase.CHECK, state.asked)
        return self._next()

    def _checked(self, text: str, sure: bool) -> Move | None:
        """To a slot's value that was read back: a yes, a no, or what it is instead ("no, four four seven one")."""
        value = self._read(self._slot, _NOT_SO.sub(" ", text))
        if value and value != self.state.values[self.state.asked]:
            return self._keep(value)
        yes = answer_to_offer(text)
        if yes is None and self._leaves(text):
            self.leave()
            return None
        if yes is None or (yes and not sure):
            return self._missed()
        return self._agreed(yes)

    def _agreed(self, yes: bool) -> Move:
        """The value that was read back is right, or is asked for again."""
        if yes:
            return self._next()
        asked = self.state.asked
        values = {name: value for name, value in self.state.values.items() if name != asked}
        self.state = replace(self.state, values=values)
        return self._turn_to(Phase.SLOT, asked)

    def _without(self) -> Move:
        self.state = replace(self.state, lacking=self.state.lacking | {self.state.asked})
        return self._next()

    def _missed(self) -> Move:
        state, sayings = self.state, self._book.file.sayings
        self.state = state = replace(state, misses=state.misses + 1)
        if state.misses >= MISSES:
            if state.phase is Phase.CHECK:
                return self._agreed(False)
            keyable = state.phase is Phase.CONFIRM or bool(self._slot.keys)
            if keyable and not state.by_keys:
                self.state = replace(state, by_keys=True, misses=0)
                return self._ask(sayings.once_more)
            if state.phase is Phase.FACTOR:
                return self._without()
            return self._end(sayings.give_up, "person", offer=True)
        return self._ask(sayings.yes_no if state.phase in (Phase.CONFIRM, Phase.CHECK) else sayings.once_more)

    def _answered(self, text: str, sure: bool) -> Move | None:
        """To the read-back: only a plain, well understood yes to all of it counts; what is corrected is read back."""
        if corrected := self._corrected(text):
            self.state = replace(self.state, values={**self.state.values, **corrected}, looked=False, misses=0)
            return self._next()
        yes = False if self._cancels(text) else answer_to_offer(text)
        if yes is None and self._leaves(text):
            self.leave()
            return None
        if yes is None or (yes and not sure):
            return self._missed()
        if yes and not self.state.heard_whole:
            return self._ask()
        return self._decided(yes)

    def _corrected(self, text: str) -> dict[str, str]:
        """Slots to which these words give another value than was read back: "no, the credit card", "on Friday, please".

        What is said not to be so gives none: "not the debit card, the credit card".
        """
        meant = _NOT_SO.sub(" ", text)
        found: dict[str, str] = {}
        for name, slot in self.task.slots.items():
            if slot.kind is Kind.NAME or (slot.kind is Kind.TIME and _CLOCK_WORDS.search(meant) is None):
                continue
            value = self._read(slot, meant)
            if value and value != self.state.values.get(name):
                found[name] = value
        return found

    def _decided(self, yes: bool) -> Move:
        if not yes:
            return self._end(self._book.file.sayings.cancelled, "cancelled")
        if self.task.secure:
            return self._keys_wanted()
        return self._call("act", self.task.act, Effect.WRITE)

    def _keys_wanted(self) -> Capture:
        task, known = self.task, self._known
        self.state = replace(self.state, phase=Phase.KEYED, asked="")
        return Capture(self.state.task, {name: known[name] for name in task.send if name in known})

    @property
    def _known(self) -> dict[str, Any]:
        """Values of the task, and who the caller is."""
        state = self.state
        return {**state.values, "customer": state.customer} if state.customer else dict(state.values)

    def _call(self, what: str, operation: str = "", effect: Effect = Effect.READ) -> Call:
        self.state = replace(self.state, phase=Phase.CALL, asked=what)
        known = self._known
        taken = self._inputs(operation) if operation else frozenset()
        return Call(operation, effect, {key: value for key, value in known.items() if key in taken})

    def _end(
        self, text: str, how: str, *, offer: bool = False, unverified: bool = False, uncaptured: bool = False
    ) -> End:
        task = self.state.task
        self.leave()
        return End(text, how, task, offer, unverified, uncaptured)

    def _say(self, sentence: str) -> str:
        return said(sentence, self.state.values)

    def _cancels(self, text: str) -> bool:
        return _CANCEL.match(normalise(text)) is not None

    def _leaves(self, text: str) -> bool:
        return bool(self._book.wanted(text)) or (
            len(text.split()) >= 3
            and completeness(text) is Completeness.COMPLETE
            and not _HAS_NOT.search(normalise(text))
        )
