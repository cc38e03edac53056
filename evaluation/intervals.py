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


def paired_loss(lost: int, won: int, total: int) -> tuple[float, float]:
    """95 % interval of the difference of two shares of the same ``total`` cases (Agresti and Min, 2005).

    ``lost``: cases that only the first way gets right; ``won``: only the second. (-1, 1) for no cases.
    """
    if total == 0:
        return -1.0, 1.0
    count = total + 2
    middle = (lost - won) / count
    half = 1.959964 * math.sqrt(lost + won + 1 - (lost - won) ** 2 / count) / count
    return max(-1.0, middle - half), min(1.0, middle + half)
