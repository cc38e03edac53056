"""Pictures for the scorecard: one style, as PNG. None where matplotlib is not installed (extra ``dev``)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib.util import find_spec

Point = tuple[float, float]


def curve(points: Sequence[Point], here: Point, x: str, y: str, *, right: float = 1.0) -> bytes | None:
    """A line through ``points``, shares as percent, with a mark ``here``; the x axis ends at ``right``."""
    if find_spec("matplotlib") is None:
        return None
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.6), dpi=120)
    axes.plot([100 * a for a, _ in points], [100 * b for _, b in points], linewidth=2)
    axes.plot([100 * here[0]], [100 * here[1]], "o", markersize=8, label="as fitted")
    axes.set(xlabel=f"{x}, %", ylabel=f"{y}, %", xlim=(0, 100 * right), ylim=(0, 102))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.tight_layout()
    target = io.BytesIO()
    figure.savefig(target, format="png")
    pyplot.close(figure)
    return target.getvalue()
