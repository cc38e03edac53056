"""Small suites that end in every way a suite can."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from contracts.errors import ConfigError
from evaluation.contract import Failure, Occasion, Outcome

PNG = b"\x89PNG\r\n\x1a\nno picture"


class Routing:
    """Reads a file; hands back figures as numpy makes them."""

    name = "routing"
    title = "Routing <of made lines>"
    needs: Sequence[str] = ("lines/a_*.txt|lines/b.txt",)

    def run(self, occasion: Occasion) -> Outcome:
        """Reads every file of the folder; says "hello" on stdout."""
        lines = [line for path in sorted((occasion.data / "lines").iterdir()) for line in path.read_text().splitlines()]
        print("hello")
        for done in range(len(lines)):
            occasion.advance(done + 1, len(lines))
        return Outcome(
            {"banking77_top1": np.float32(0.5), "clinc_oos_recall": np.float64(1.0), "unasked": {"deep": 3}},
            {"banking77_top1": (len(lines) // 2, len(lines))},
            [Failure(f"case-{n}", "<script>alert(1)</script>", "x", "y", "wrong topic") for n in range(60)],
            [f"seed {occasion.seed}, limit {occasion.limit}"],
            {"curve": PNG},
        )


class Refuses:
    """Ends with an error that has a name."""

    name = "grounding"
    title = "Refuses"
    needs: Sequence[str] = ()

    def run(self, occasion: Occasion) -> Outcome:
        """Always ConfigError."""
        raise ConfigError("this file has no questions; give another")


class Stumbles(Refuses):
    """Ends with an error that nobody foresaw."""

    def run(self, occasion: Occasion) -> Outcome:
        """Always ZeroDivisionError."""
        return Outcome({"abstain": 1 / len(occasion.work.name[:0])})


class Dies(Refuses):
    """Takes its process with it, as a native library does."""

    def run(self, occasion: Occasion) -> Outcome:
        """Ends without a word."""
        os._exit(11)
