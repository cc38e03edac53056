"""Which figures a scorecard may hold, what they say, and the marks they must reach: configs/evaluation.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from contracts.configfile import load_yaml
from contracts.settings import Settings

DEFAULT_MARKS = Path(__file__).resolve().parents[1] / "configs" / "evaluation.yaml"


class Mark(Settings):
    """One figure. Without a bound it is only reported."""

    title: str
    at_least: float | None = None
    at_most: float | None = None
    like: str = ""
    """The figure that this one may not be further below than ``within``."""
    within: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _one_bound(self) -> Mark:
        if sum((self.at_least is not None, self.at_most is not None, bool(self.like))) > 1:
            raise ValueError("give one of at_least, at_most, like")
        return self

    def words(self) -> str:
        """ "≥ 90 %"; empty without a bound."""
        if self.at_least is not None:
            return f"≥ {percent(self.at_least)}"
        if self.at_most is not None:
            return f"≤ {percent(self.at_most)}"
        return f"≥ {self.like} − {percent(self.within)}" if self.like else ""

    def reached(self, value: float, figures: Mapping[str, float]) -> bool | None:
        """None when there is no bound, or the other figure is missing. ``figures``: all, by dotted name."""
        if self.at_least is not None:
            return value >= self.at_least
        if self.at_most is not None:
            return value <= self.at_most
        other = figures.get(self.like)
        return None if other is None else value >= other - self.within


class Marks(Settings):
    """The whole file."""

    figures: Mapping[str, Mark]

    def find(self, name: str) -> Mark | None:
        """The first line that fits ``name``; None: the scorecard has no such figure."""
        parts = name.split(".")
        for pattern, mark in self.figures.items():
            wanted = pattern.split(".")
            if len(wanted) == len(parts) and all(w in ("*", p) for w, p in zip(wanted, parts, strict=True)):
                return mark
        return None


def load_marks(path: Path = DEFAULT_MARKS) -> Marks:
    """Raises ConfigError, naming file and line."""
    return load_yaml(path, Marks)


def percent(share: float) -> str:
    """ "97.5 %", "90 %"."""
    return f"{share * 100:.1f}".removesuffix(".0") + " %"


def flat(figures: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Nested figures by dotted name."""
    for key, value in figures.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{name}.")
        else:
            yield name, value


def nested(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The other way round."""
    root: dict[str, Any] = {}
    for name, value in figures.items():
        *path, last = name.split(".")
        here = root
        for part in path:
            here = here.setdefault(part, {})
        here[last] = value
    return root
