"""How often something may be tried. Pure; takes the clock's value."""

from __future__ import annotations

from collections import OrderedDict, deque

_KEYS = 10_000
"""So many names and addresses are remembered; the oldest is forgotten first."""


class RateLimit:
    """At most ``count`` uses of a key in any ``window_s`` seconds."""

    def __init__(self, count: int, window_s: float) -> None:
        self._count = count
        self._window_s = window_s
        self._used: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, key: str, now: float) -> float:
        """Seconds until the key may be used again; 0.0: now."""
        used = self._used.get(key)
        if used is None:
            return 0.0
        while used and used[0] <= now - self._window_s:
            used.popleft()
        return used[0] + self._window_s - now if len(used) >= self._count else 0.0

    def use(self, key: str, now: float) -> None:
        """It was used."""
        used = self._used.setdefault(key, deque(maxlen=self._count))
        used.append(now)
        self._used.move_to_end(key)
        while len(self._used) > _KEYS:
            self._used.popitem(last=False)

    def forget(self, key: str) -> None:
        """It went well: start anew."""
        self._used.pop(key, None)
