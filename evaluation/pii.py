"""What redaction finds of the personal data in sentences, and what it takes out without reason.

Recall: a span of the data counts as found when every letter and digit of it was taken out under the label of its kind.
Precision: what was taken out under a label counts as right when it touches a span of that kind. Nothing is learned.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from contracts.errors import ConfigError
from escalation.redact import Secret, secrets_in
from evaluation.contract import Failure, Occasion, Outcome

SENTENCES = "safety/pii_sentences.json"
KINDS = {
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "PHONE_NUMBER": "phone",
    "EMAIL_ADDRESS": "email",
    "US_SSN": "ssn",
    "PERSON": "name",
}
"""Entity types of the data → labels of escalation/redact.py; other types are nothing that a call centre must forget."""
SHOWN = 60


class PiiSuite:
    """Key ``pii`` of the scorecard."""

    name = "pii"
    title = "Personal data taken out of text"
    needs = (SENTENCES,)

    def run(self, occasion: Occasion) -> Outcome:
        """Raises ConfigError for data that cannot be read."""
        sentences = read_sentences(occasion.data / SENTENCES)[: occasion.limit]
        tally: Counter[tuple[str, str]] = Counter()
        failures: list[Failure] = []
        for number, sentence in enumerate(sentences):
            failures += _judge(number, sentence, tally)
            if number % 50 == 0:
                occasion.advance(number, len(sentences))
        occasion.advance(len(sentences), len(sentences))
        counts = {}
        figures: dict[str, dict[str, float]] = {}
        for kind in KINDS:
            for name, hit, all_of in (("recall", "found", "true"), ("precision", "right", "taken")):
                if total := tally[kind, all_of]:
                    counts[f"{kind}.{name}"] = (tally[kind, hit], total)
                    figures.setdefault(kind, {})[name] = tally[kind, hit] / total
        return Outcome(figures, counts, failures[:SHOWN])


def read_sentences(path: Path) -> list[Mapping[str, Any]]:
    """Raises ConfigError unless the file is a list of sentences with spans."""
    try:
        found = json.loads(path.read_text("utf-8"))
        for sentence in found:
            str(sentence["full_text"])
            for span in sentence["spans"]:
                int(span["start_position"]), int(span["end_position"]), str(span["entity_type"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not a list of sentences with full_text and spans ({error!r})") from error
    return list(found)


def _judge(number: int, sentence: Mapping[str, Any], tally: Counter[tuple[str, str]]) -> Iterable[Failure]:
    text = str(sentence["full_text"])
    secrets = secrets_in(text, names=True)
    case = f"sentence-{number}"
    for kind, label in KINDS.items():
        mine = [secret for secret in secrets if secret.kind == label]
        spans = [
            (int(span["start_position"]), int(span["end_position"]))
            for span in sentence["spans"]
            if span["entity_type"] == kind
        ]
        for start, end in spans:
            found = _covered(text, start, end, mine)
            tally[kind, "true"] += 1
            tally[kind, "found"] += found
            if not found:
                yield Failure(
                    case, text[:300], f"{kind} {text[start:end]!r} taken out", _near(text, start, end, secrets)
                )
        for secret in mine:
            right = any(start < secret.end and secret.start < end for start, end in spans)
            tally[kind, "taken"] += 1
            tally[kind, "right"] += right
            if not right:
                yield Failure(case, text[:300], f"no {kind}", f"{text[secret.start : secret.end]!r} taken out")


def _covered(text: str, start: int, end: int, secrets: Iterable[Secret]) -> bool:
    hidden = {place for secret in secrets for place in range(secret.start, secret.end)}
    return all(place in hidden for place in range(start, end) if text[place].isalnum())


def _near(text: str, start: int, end: int, secrets: Iterable[Secret]) -> str:
    touching = [f"{text[s.start : s.end]!r} as {s.kind}" for s in secrets if s.start < end and start < s.end]
    return ", ".join(touching) or "kept"
