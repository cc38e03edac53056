"""What of the evidence a language model gets to read. Pure."""

from __future__ import annotations

from dataclasses import replace

from contracts.engines import Evidence, Passage


def ground_of(evidence: Evidence) -> tuple[Passage, ...]:
    """What a model gets to read: the best passage and the next one of the same document."""
    best = evidence.passages[0]
    return tuple(one for one in evidence.passages[:4] if one.document_id == best.document_id)[:2]


def leading(evidence: Evidence, document_id: str) -> Evidence:
    """The same passages, those of this document first."""
    return replace(evidence, passages=tuple(sorted(evidence.passages, key=lambda one: one.document_id != document_id)))
