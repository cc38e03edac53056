"""Draws docs/pictures/way-of-a-call.png: what happens between a caller's word and the answer.

python -m scripts.draw_way docs/pictures/way-of-a-call.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

BOXES = {
    "caller": (0.2, 2.4, 1.5, 1.0, "caller\nany SIP phone", "#f2e8d5"),
    "leg": (2.5, 2.4, 1.9, 1.0, "telephony\nSIP · Twilio\n20 ms frames", "#d9e6f2"),
    "ear": (5.2, 3.6, 1.9, 1.0, "voice: ear\nVAD · turn · Whisper", "#d5ecd9"),
    "mouth": (5.2, 1.2, 1.9, 1.0, "voice: mouth\nPiper · playout ledger", "#d5ecd9"),
    "dialog": (8.0, 2.4, 2.0, 1.0, "dialog\nrules → router\n→ cascade → gate", "#ece0f2"),
    "knowledge": (10.9, 4.0, 2.0, 0.9, "knowledge\nSQL · Chroma · BM25", "#f2dcdc"),
    "models": (10.9, 2.5, 2.0, 0.9, "language models\nsmall → large", "#f2dcdc"),
    "person": (10.9, 1.0, 2.0, 0.9, "a person\nREFER + briefing", "#f2e8d5"),
    "record": (5.2, -0.6, 4.8, 0.8, "operations: every step is an event, hash-chained", "#ececec"),
}
ARROWS = [
    ("caller", "leg"), ("leg", "caller"), ("leg", "ear"), ("ear", "dialog"), ("dialog", "mouth"), ("mouth", "leg"),
    ("dialog", "knowledge"), ("dialog", "models"), ("dialog", "person"), ("dialog", "record"),
]  # fmt: skip


def draw(target: Path) -> None:
    """Write the picture as PNG."""
    figure, axes = plt.subplots(figsize=(13.2, 5.6), dpi=110)
    axes.set_xlim(0, 13.2)
    axes.set_ylim(-0.9, 5.4)
    axes.axis("off")
    patches = {}
    for name, (x, y, width, height, text, colour) in BOXES.items():
        patches[name] = FancyBboxPatch(
            (x, y), width, height, boxstyle="round,pad=0.06", facecolor=colour, edgecolor="#555555"
        )
        axes.add_patch(patches[name])
        axes.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=10)
    for start, end in ARROWS:
        sx, sy, sw, sh, *_ = BOXES[start]
        ex, ey, ew, eh, *_ = BOXES[end]
        arrow = FancyArrowPatch(
            (sx + sw / 2, sy + sh / 2), (ex + ew / 2, ey + eh / 2), patchA=patches[start], patchB=patches[end],
            arrowstyle="-|>", mutation_scale=14, color="#444444", shrinkA=4, shrinkB=4,
            connectionstyle="arc3,rad=0.12",
        )  # fmt: skip
        axes.add_patch(arrow)
    axes.text(
        8.0, 5.1, "media process (asyncio, no model heavier than the VAD)", fontsize=9, color="#555555", ha="center"
    )
    axes.text(11.9, 5.1, "worker processes", fontsize=9, color="#555555", ha="center")
    figure.savefig(target, bbox_inches="tight")
    plt.close(figure)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
