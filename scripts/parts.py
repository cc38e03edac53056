"""A command-line argument that names some parts of an evaluation."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence


def some_of(parts: Sequence[str]) -> Callable[[str], list[str]]:
    """An argparse ``type``: ``a,b`` → those parts, in the order of ``parts``; ArgumentTypeError for others."""

    def chosen(text: str) -> list[str]:
        wanted = [part.strip() for part in text.split(",")]
        if unknown := [part for part in wanted if part not in parts]:
            raise argparse.ArgumentTypeError(f"no part {unknown[0]!r}; there are {', '.join(parts)}")
        return [part for part in parts if part in wanted]

    return chosen
