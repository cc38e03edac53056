"""What the benchmark's callers ask, in which order, and how a rung of the cascade is made to answer. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from contracts.errors import ConfigError

Group = tuple[str, ...]
"""Lines that belong together: a person who is offered somebody's help says yes or no before asking the next thing."""

QUESTIONS = (
    "When are you open on Saturday?",
    "How much is a box of checks?",
    "I lost my debit card, can you send me a new one?",
    "What is the daily limit for transfers to another bank?",
    "Why is my available balance different from my current balance?",
    "How do I reset my password?",
    "Is there a foreign transaction fee?",
    "I would like to schedule an appointment.",
    "What interest do you pay on savings?",
)
"""Questions that the demo bank's documents answer."""
DECLINED: Group = ("What is your mortgage rate?", "No, thank you.")
"""No document knows; a person is offered and declined."""
MIXED = "mixed"
SETS: Mapping[str, tuple[Group, ...]] = {
    MIXED: (*((one,) for one in QUESTIONS), DECLINED),
    "prepared": (
        ("How are you today?",),
        ("Are you a real person?",),
        ("Thank you very much.",),
        ("Hello, can you hear me?",),
        DECLINED,
        ("Who won the game last night?", "No, thanks."),
    ),
    "extractive": (
        ("When are you open on Saturday?",),
        ("How much is a box of checks?",),
        ("What is the daily limit for transfers to another bank?",),
        ("Is there a foreign transaction fee?",),
        ("What interest do you pay on savings?",),
        ("How much is a cashier's check?",),
        ("How much does it cost to wire money to Germany?",),
        ("Do you charge a monthly fee for checking?",),
    ),
    "small": (
        ("Why is my available balance different from my current balance?",),
        ("How do I reset my password?",),
        ("How do I send money to a friend?",),
        ("How do I open a new account?",),
        ("Can I deposit a check with my phone?",),
        ("When are you open on Saturday?",),
        ("How much is a box of checks?",),
        ("Is there a foreign transaction fee?",),
    ),
}
SETS = {**SETS, "large": SETS["small"]}
RUNGS = ("prepared", "extractive", "small", "large")
_FORCED: Mapping[str, Mapping[str, float]] = {
    # No passage's own sentence suffices …
    "small": {"extractive_sentence": 2.0},
    # … and all evidence counts as weak, which is what sends a question to the large model.
    "large": {"extractive_sentence": 2.0, "sure_strength": 1.0},
}


def forced_cascade(rung: str, cascade: Path) -> str | None:
    """YAML of ``cascade`` with the router's thresholds so that a model's rung answers; None if none is needed.

    The other two rungs are reached by what is asked. Raises ConfigError when a threshold is not in the file.
    """
    forced = _FORCED.get(rung)
    if forced is None:
        return None
    content: dict[str, Any] = yaml.safe_load(cascade.read_text())
    missing = forced.keys() - content["router"].keys()
    if missing:
        raise ConfigError(f"{cascade}: router has no {sorted(missing)[0]}; the benchmark forces a rung by it")
    content["router"].update(forced)
    return yaml.safe_dump(content, sort_keys=False)


def shuffled(groups: Sequence[Group], seed: int, count: int = 0) -> list[str]:
    """The lines of ``groups`` in an order of that seed, groups kept whole; ``count``: about so many (0: all)."""
    order = list(groups)
    random.Random(seed).shuffle(order)
    lines: list[str] = []
    for group in order:
        if count and len(lines) + len(group) > count:
            continue
        lines += group
    return lines


def offsets(calls: int, spread_s: float, seed: int) -> list[float]:
    """When each of ``calls`` callers dials, seconds: uniform over ``spread_s``, the first at once.

    Chance, not a pattern: turns shall neither all coincide nor keep out of each other's way.
    """
    chance = random.Random(seed)
    return [0.0, *(chance.uniform(0.0, spread_s) for _ in range(calls - 1))]
