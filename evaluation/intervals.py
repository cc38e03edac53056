"""The interval of a rate."""

from __future__ import annotations

import math


def wilson(hits: int, total: int) -> tuple[float, float]:
    """95 % interval of a rate (Wilson, 1927); (0, 1) for no trials."""
    if total == 0:
        return 0.0, 1.0
    z = 1.959964
    share, square = hits / total, z * z / total
    middle = (share + square / 2) / (1 + square)
    half = z * math.sqrt(share * (1 - share) / total + square / (4 * total)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)
