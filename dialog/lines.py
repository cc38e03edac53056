"""The sentences that callers hear word for word, from configs/prompts/lines.yaml."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pydantic import Field

from contracts.configfile import load_yaml
from contracts.settings import Settings
from dialog.outcome import Result

Variants = list[str]
WITHOUT_ANSWER = {
    Result.REPEAT: "not_understood",
    Result.TROUBLE: "trouble",
    Result.TOO_SLOW: "too_slow",
}
"""The line for a question that got no answer, where it is not that no document has one."""


class LineFile(Settings):
    """All prepared sentences; a list is spoken in turn."""

    version: int = Field(ge=1)
    disclosure: str
    """Said first and not interruptible: that this is a machine."""
    opening: str
    reprompt: Variants = Field(min_length=1)
    silence_end: str
    not_understood: Variants = Field(min_length=1)
    by_keys: str = "Sorry, I still can't make that out. {choices} for a person press 0."
    """After speech failed twice; {choices}: "For … press 1, for … press 2,"."""
    unknown: Variants = Field(min_length=1)
    unknown_no_person: str
    filler: Variants = Field(min_length=1)
    filler_again: str
    too_slow: str
    trouble: str
    greeting: str
    thanks: str
    goodbye: str
    anything_else: str
    how_are_you: str
    robot: str
    still_here: str
    nothing_to_repeat: str
    slower: str = "All right, I'll speak more slowly. How can I help?"
    """Asked for before anything was said."""
    offer_declined: str
    acknowledged: str
    transfer_failed: str
    transfer_impossible: str
    overload: str
    recording_notice: str = "This call may be recorded."
    """After the disclosure, where dialog.recording_consent is ``announce``."""
    recording_question: str = "May I record this call? Say yes or no, or press one for yes and two for no."
    """The same, where it is ``ask``."""
    recording_yes: str = "Thank you."
    recording_no: str = "All right, this call is not recorded."
    pulled: str = "One moment please, I'm putting you through to a colleague."
    """Before a supervisor's pull."""
    switched_off: str = "I can't answer questions right now, so I'm putting you through to a colleague."
    """While the operator, or what a caller asks about, is switched off."""
    switched_off_alone: str = "I'm sorry, nobody can take your call right now. Please call again later. Goodbye."
    """The same, when no person comes; then the call ends."""
    given_back: str = "You're back with the automated assistant. What else can I help you with?"
    """A person who had taken the call over gives it back."""
    person_lost: str = "I'm sorry, we lost my colleague. You're back with the automated assistant. How can I help you?"
    """A person who talked with the caller is gone without a word."""
    trying_next: str = "Nobody is free there. I am trying someone else."
    """Between two targets of a hand-over."""
    briefing: str = "Somebody is there. I am telling them what it is about, so that you need not repeat it."
    """While a person is briefed."""
    person_left: str = "Your call with my colleague is over. Is there anything else I can help you with?"
    """A person who was joined with the caller has hung up."""
    queue_first: str = "I am finding somebody who can take your call."
    """When a caller begins to wait; then their place."""
    queue_next: str = "You are next in line."
    queue_place: str = "You are number {position} in line."
    queue_soon: str = "It will take less than a minute."
    queue_minute: str = "It will take about a minute."
    queue_minutes: str = "It will take about {minutes} minutes."
    queue_hint: str = "To be called back instead, press one."
    queue_still: str = "Thank you for holding. Somebody will be with you as soon as possible."
    """When their place is no better than it was."""
    callback_confirm: str = (
        "I can have you called back on {number}. Press one if that is right, or two for another number."
    )
    callback_which: str = "Please key in your number with its area code, then press the hash key."
    callback_wrong: str = "That is no number that I can use. Please key it in again, then press the hash key."
    callback_noted: str = "I've noted a callback for {number}."
    callback_none: str = "No number was noted, so you keep your place in line."
    callback_not_kept: str = "I'm sorry, I could not note that just now. You keep your place in line."
    callback_offer: str = (
        "I'm sorry, nobody can take your call now. To be called back, key in your number with its area code, "
        "then press the hash key."
    )
    """Nobody comes, and the caller's number is not known."""
    callback_promised: str = (
        "I'm sorry, nobody can take your call now. I've noted a callback for {number}. "
        "Is there anything else I can help with?"
    )
    """Nobody comes: said when the ticket is on the disk."""
    callback_goodbye: str = (
        "I'm sorry, nobody can take your call now. I've noted a callback for {number}. Thank you for calling. Goodbye."
    )
    """To whoever cannot stay with the operator, because all its lines are busy."""
    callback_hello: str = (
        "Hello, this is {name}'s automated assistant, calling you back. I'm connecting you with a colleague."
    )
    """Said to whoever is called back, as soon as they answer."""
    callback_lost: str = "I'm sorry, we lost my colleague. We'll call you again. Goodbye."
    """The browser of whoever called them back is gone; the promise stays open."""
    overload_alone: str = (
        "I'm sorry, all our lines are busy and nobody can take your call. Please call again later. Goodbye."
    )
    closed_promised: str = (
        "I'm sorry, the people who could help are back {opening}. I've noted a callback for {number}. "
        "Is there anything else I can help with?"
    )
    """Outside opening hours: said when the ticket is on the disk. ``opening``: today at 2 p.m., on Monday at 8 a.m."""
    closed_offer: str = (
        "I'm sorry, the people who could help are back {opening}. To be called back, key in your number with its area "
        "code, then press the hash key."
    )
    closed: str = "I'm sorry, the people who could help are back {opening}. Is there anything else I can help with?"
    callback_here: str = "the address that you are calling from"
    """In place of a number, for a caller who has an address and no number."""
    too_long: str
    time_up: str


class Lines:
    """One call's view of the prepared sentences: knows the operator's name and which variant comes next."""

    def __init__(self, file: LineFile, name: str) -> None:
        self._file = file
        self._name = name
        self._used: Counter[str] = Counter()

    @classmethod
    def load(cls, path: Path, name: str) -> Lines:
        """Raises ConfigError naming file and line."""
        return cls(load_yaml(path, LineFile), name)

    @property
    def version(self) -> int:
        """Of the file."""
        return self._file.version

    def fresh(self) -> Lines:
        """The same lines for another call, from the first variant."""
        return Lines(self._file, self._name)

    def get(self, key: str) -> str:
        """The sentence of that name; the next variant if there are several."""
        value = getattr(self._file, key)
        if isinstance(value, list):
            value = value[self._used[key] % len(value)]
            self._used[key] += 1
        return self._fill(value)

    def with_choices(self, choices: str) -> str:
        """The line that offers keys."""
        return self._fill(self._file.by_keys).replace("{choices}", choices.strip())

    def every(self) -> list[str]:
        """All sentences, for preparing their sound; those that are filled in during a call are left out."""
        found: list[str] = []
        for key in LineFile.model_fields:
            value = getattr(self._file, key)
            found += [
                self._fill(one) for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)
            ]
        return [one for one in found if "{" not in one]

    def filled(self, key: str, **values: str) -> str:
        """The sentence of that name with ``{key}`` replaced by its value."""
        text = self.get(key)
        for name, value in values.items():
            end = "" if value.endswith(".") else "."  # "at 8 a.m." ends a sentence with its own point
            text = text.replace(f"{{{name}}}.", f"{value}{end}").replace(f"{{{name}}}", value)
        return text

    def _fill(self, text: str) -> str:
        return text.replace("{name}", self._name)
