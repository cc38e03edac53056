"""What a release would have the operator say to a question, as far as no language model is needed to tell. Pure.

The knowledge base asks its golden questions through this before a release goes live, by the same router and the same
gate as calls. Which models would be asked is told; they are not asked: a review of a hundred questions would keep them
from callers for minutes, and what they say is held against the same passages by the same gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from contracts.configfile import load_yaml
from contracts.engines import Evidence
from dialog.gate import GroundingGate
from dialog.router import Route, Router
from dialog.settings import CascadeFile
from knowledge.golden import Reply, Search, Spoken
from knowledge.passages import sentences


class Rehearsal:
    """Implements knowledge.golden.Answers."""

    def __init__(self, thresholds: CascadeFile) -> None:
        self._gate = GroundingGate(thresholds)
        self._router = Router(thresholds, self._gate)

    def reply(self, ask: str, context: Sequence[str], search: Search) -> Reply:
        """Found and decided as ``dialog.cascade.Cascade`` does, for a question that was understood perfectly."""
        said, found = self._found(ask, search)
        if context:
            joined = f"{context[-1]} {said}"
            both = self._router.ranked(joined, search(joined, ()))
            if self._router.joins(said, found, both):
                said, found = joined, both
        decision = self._router.decide(said, found, 1.0)
        if decision.route is Route.EXTRACTIVE and decision.extract is not None:
            part = decision.extract
            judged = [self._gate.judge(one, [part.passage], said).unsupported for one in sentences(part.text)]
            # All stand in the passage as they are; one of them must answer, and the others go with it.
            return Reply(Spoken.SENTENCE, part.text, part.passage, found, min(judged, key=len, default=()))
        if decision.route in (Route.SMALL, Route.LARGE):
            return Reply(Spoken.MODEL, "", found.best, found)
        return Reply(Spoken.NOTHING, "", None, found)

    def _found(self, ask: str, search: Search) -> tuple[str, Evidence]:
        found = search(ask, ())
        said = self._router.understood(ask, found)
        if said != ask:
            found = search(said, ())
        return said, self._router.ranked(said, found)


def rehearsal(cascade: str) -> Rehearsal:
    """By the thresholds in a file. Raises ConfigError."""
    return Rehearsal(load_yaml(Path(cascade), CascadeFile))
