"""The rules that hand a caller to a person: read from ``configs/rules.yaml``, ordered, each with what is said.

Pure: the same facts always fire the same rule. A call keeps the book it started with.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import Field, model_validator

from contracts.configfile import load_yaml
from contracts.errors import ConfigError
from contracts.handoff import Reason
from contracts.settings import Settings
from escalation.amounts import largest_amount
from escalation.facts import TurnFacts
from escalation.offers import answer_to_offer
from escalation.phrases import Lexicon, Phrases, words_of
from escalation.triggers import Trigger

__all__ = ["Action", "Examples", "Firing", "Rule", "RuleBook", "RuleFile", "TurnFacts"]


CRISES = frozenset({Reason.DANGER, Reason.EMERGENCY, Reason.VULNERABLE})
SHORT_WORDS = 20
"""In a turn of so many words, a negated phrase is what the turn is about."""


class Action(StrEnum):
    """What happens after the rule's sentence."""

    TRANSFER = "transfer"
    END = "end"


class Examples(Settings):
    """What callers say, for and against; ``RuleBook.check_examples`` runs them."""

    fires: list[str] = Field(default_factory=list)
    quiet: list[str] = Field(default_factory=list)


ELSEWHERE = "elsewhere"
"""The place that is meant where none is named."""
_NAMED = re.compile(r"\{(\w+)\}")


class Rule(Settings):
    """One reason to leave the automated way."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    reason: Reason
    priority: int = Field(ge=0, le=1000)
    """Lower is looked at first; the first rule that fires wins."""
    when: Trigger
    say: str = Field(min_length=1)
    """What the caller hears before, in plain words; ``{names}`` as in RuleFile.local."""
    alone: str = ""
    """What the caller hears instead when nobody can be reached: for a crisis, whom to call. Empty: the usual line."""
    action: Action = Action.TRANSFER
    target: str = Field(default="person", pattern=r"^[a-z0-9][a-z0-9_-]*$")
    """Name of a transfer target in the settings."""
    examples: Examples = Examples()

    @model_validator(mode="after")
    def _examples_need_phrases(self) -> Rule:
        if self.examples.fires and not (self.when.phrases or self.when.offer_accepted or self.when.amount_over):
            raise ValueError(f"rule {self.id!r} has examples of speech but waits for no phrase")
        return self


class RuleFile(Settings):
    """The whole rule file."""

    version: int = Field(ge=1)
    words: dict[str, list[str]] = Field(default_factory=dict)
    """Word lists that phrases name as ``<name>``; their words of five letters and more are matched with errors."""
    heard_as: dict[str, list[str]] = Field(default_factory=dict)
    """Word → what recognisers make of it."""
    keep: list[str] = Field(default_factory=list)
    """Real words that must not be taken for a misheard listed one."""
    harmless: list[str] = Field(default_factory=list)
    """Patterns of clauses in which danger is only spoken of (definitions, films, programs): they cancel every rule
    that has a ``risk``."""
    locale: str = ELSEWHERE
    """Where the callers are: which of ``local`` is said."""
    local: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Place → what ``{name}`` in ``say`` and ``alone`` stands for there (an emergency number); ``elsewhere`` has what
    a place does not name itself."""
    rules: list[Rule] = Field(min_length=1)

    @model_validator(mode="after")
    def _localised(self) -> RuleFile:
        if self.locale != ELSEWHERE and self.locale not in self.local:
            known = ", ".join(sorted(self.local)) or "none"
            raise ValueError(f"locale {self.locale!r} is not under `local`; there are: {known}")
        for rule in self.rules:
            for text in (rule.say, rule.alone):
                self.localised(rule.id, text)
        return self

    def localised(self, rule_id: str, text: str) -> str:
        """``text`` with what its ``{names}`` stand for where the callers are. Raises ValueError for an unknown one."""
        named = self.local.get(ELSEWHERE, {}) | self.local.get(self.locale, {})
        if unknown := sorted(set(_NAMED.findall(text)) - named.keys()):
            raise ValueError(f"rule {rule_id!r} says {{{unknown[0]}}}, which `local` does not name for {self.locale!r}")
        return _NAMED.sub(lambda match: named[match[1]], text)

    @model_validator(mode="after")
    def _unique(self) -> RuleFile:
        seen: set[str] = set()
        for rule in self.rules:
            if rule.id in seen:
                raise ValueError(f"two rules have the id {rule.id!r}")
            seen.add(rule.id)
        return self


@dataclass(slots=True, frozen=True)
class Firing:
    """A rule that fired. ``evidence`` is the words, key or count that did it (words are the caller's: redact)."""

    rule_id: str
    reason: Reason
    evidence: str
    say: str
    target: str
    action: Action
    alone: str = ""


class RuleBook:
    """An immutable set of rules. ``digest`` is the SHA-256 of its content, for the event log.

    ::

        book = RuleBook.load(Path("configs/rules.yaml"))
        if firing := book.evaluate(TurnFacts(text="can I talk to a human")):
            ...
    """

    def __init__(self, file: RuleFile) -> None:
        """Raises ValueError for a phrase that cannot be read."""
        self.version = file.version
        self.digest = hashlib.sha256(file.model_dump_json().encode()).hexdigest()
        patterns = [*file.harmless, *(text for rule in file.rules for text in (*rule.when.phrases, *rule.when.unless))]
        lexicon = Lexicon(file.words, file.heard_as, file.keep, words_of(patterns))
        self._lexicon = lexicon
        said = [
            rule.model_copy(update={key: file.localised(rule.id, getattr(rule, key)) for key in ("say", "alone")})
            for rule in file.rules
        ]
        self._rules = sorted(said, key=lambda rule: rule.priority)
        self._phrases = {rule.id: Phrases(rule.when.phrases, rule.when.unless, lexicon) for rule in self._rules}
        self._harmless = Phrases(file.harmless, (), lexicon)

    @classmethod
    def load(cls, path: Path) -> RuleBook:
        """Read a rule file. Raises ConfigError naming file, line and nearest valid name."""
        file = load_yaml(path, RuleFile)
        try:
            return cls(file)
        except ValueError as error:
            raise ConfigError(f"{_line_of(path, str(error))}: {error}") from error

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules in the order in which they are looked at."""
        return tuple(self._rules)

    @property
    def targets(self) -> frozenset[str]:
        """Names of transfer targets that the settings must define."""
        return frozenset(rule.target for rule in self._rules if rule.action is Action.TRANSFER)

    def evaluate(self, facts: TurnFacts, off: Collection[str] = ()) -> Firing | None:
        """The first rule that holds for these facts; ``off``: ids of rules that are switched off just now."""
        for rule in self._rules:
            if rule.id in off:
                continue
            if evidence := self._holds(rule, facts):
                return Firing(rule.id, rule.reason, evidence, rule.say, rule.target, rule.action, rule.alone)
        return None

    def check_examples(self) -> list[str]:
        """One line for each example beside a rule that does not do what it says."""
        wrong = []
        for rule in self._rules:
            offered = rule.when.offer_accepted
            for text in rule.examples.fires:
                firing = self.evaluate(TurnFacts(text=text, offered_person=offered))
                if firing is None or firing.rule_id != rule.id:
                    wrong.append(f"{rule.id}: should fire on {text!r}, got {firing.rule_id if firing else 'nothing'}")
            for text in rule.examples.quiet:
                if evidence := self._holds(rule, TurnFacts(text=text, offered_person=offered)):
                    wrong.append(f"{rule.id}: should be quiet on {text!r}, fired on {evidence!r}")
        return wrong

    def _holds(self, rule: Rule, facts: TurnFacts) -> str:
        when = rule.when
        if facts.dtmf and facts.dtmf in when.dtmf:
            return f"key {facts.dtmf}"
        if facts.text and (evidence := self._heard(rule, facts)):
            return evidence
        if when.offer_accepted and facts.offered_person and answer_to_offer(facts.text):
            return facts.text.strip()
        if when.worker_down and facts.worker_down:
            return "worker_down"
        return when.counted(facts)

    def _heard(self, rule: Rule, facts: TurnFacts) -> str:
        """The words or the score that make the rule fire: its phrases first, then the classifier's word."""
        when, phrases = rule.when, self._phrases[rule.id]
        if when.amount_over is not None and (amount := largest_amount(facts.text)) > when.amount_over:
            return f"amount={amount:g}"
        if when.risk and self._harmless.find(facts.text) is not None:
            return ""
        if when.phrases and (found := phrases.find(facts.text)):
            return found.words.strip()
        scored = when.risky(facts)
        return "" if scored and len(facts.text.split()) <= SHORT_WORDS and self._denied(rule, facts.text) else scored

    def _denied(self, rule: Rule, text: str) -> bool:
        """The classifier does not see a "not"; where the lexicon did, a short turn is believed.

        What is denied of one crisis is no sign of another: "I'm not going to kill myself" is not a caller in need.
        """
        kin = [one.id for one in self._rules if rule.reason in CRISES and one.reason in CRISES] or [rule.id]
        return any(self._phrases[one].denies(text) for one in kin)


def _line_of(path: Path, complaint: str) -> str:
    """``file:line`` of the phrase that a complaint quotes, as it stands in the file."""
    quoted = complaint.split("'")[1] if complaint.count("'") >= 2 else ""
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if quoted and quoted in line:
            return f"{path}:{number}"
    return str(path)
