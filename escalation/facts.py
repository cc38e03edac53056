"""What a rule may look at: one turn of a call and the counts that led to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True, frozen=True)
class TurnFacts:
    """One turn as the rules see it. Counts are of consecutive turns up to and including this one.

    Evaluate once with the words (``text`` or ``dtmf``) before answering, and again with the counts after it.
    """

    text: str = ""
    """What the caller said, as recognised; empty when a key was pressed or nothing was said."""
    confidence: float = 1.0
    """0..1, of the recognition."""
    dtmf: str = ""
    """The key pressed, if this is about one."""
    turn: int = 0
    no_input: int = 0
    """Times nothing was said, in a row."""
    no_match: int = 0
    """Turns in a row in which no words were understood."""
    low_confidence_run: int = 0
    no_evidence_run: int = 0
    """Turns in a row for which the documents had no answer."""
    gate_rejections: int = 0
    """Answers to this question that the grounding gate threw away."""
    repeated_answer: int = 0
    """How often the caller has heard this answer again: 1 is the second time."""
    deadlines_missed: int = 0
    worker_down: bool = False
    """An engine that this turn needs is not there and has no replacement."""
    offered_person: bool = False
    """The operator's last sentence offered a person."""
    risks: Mapping[str, float] = field(default_factory=dict)
    """Label → 0..1 of the classifier (escalation/risk.py) for this turn; empty when there is none to ask."""
    no_progress: int = 0
    """Turns in a row that brought the caller nothing: no answer, or the same one again."""
    identity_failed: int = 0
    """Times in a row that the caller could not be identified."""
    capture_failed: int = 0
    """1 when a card number or its like could not be keyed in."""
