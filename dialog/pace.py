"""How long each rung takes until its first words can be spoken, learned as calls are answered. Pure."""

from __future__ import annotations

from collections.abc import Mapping


class Pace:
    """Running means by name. ``first`` are the values before anything was measured, in seconds."""

    def __init__(self, first: Mapping[str, float], weight: float = 0.2) -> None:
        self._seconds = dict(first)
        self._weight = weight

    def expected(self, name: str) -> float:
        """Seconds from asking ``name`` to its first sentence; 0.0 for a name never heard of."""
        return self._seconds.get(name, 0.0)

    def learn(self, name: str, seconds: float) -> None:
        """It took so long this time. A late one counts at most threefold: a hung worker is not how fast it is."""
        before = self._seconds.get(name)
        if before is None:
            self._seconds[name] = seconds
            return
        seen = min(seconds, 3 * before + 0.1)
        self._seconds[name] = before + self._weight * (seen - before)
