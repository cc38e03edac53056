"""What can be set about the knowledge base. Relative paths are under the home folder."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from contracts.settings import Settings


class PassageSettings(Settings):
    """How documents are cut."""

    target_words: int = Field(default=90, ge=10, le=200)
    """A passage is closed at the first sentence that brings it to this many words."""
    max_words: int = Field(default=120, ge=20, le=220)
    """No sentence is added that would make a passage longer. The embedder reads about 180 words."""
    min_words: int = Field(default=20, ge=0, le=100)
    """A section shorter than this joins the passage before it."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.min_words <= self.target_words <= self.max_words:
            raise ValueError("min_words ≤ target_words ≤ max_words must hold")
        return self


class LimitSettings(Settings):
    """What is refused."""

    max_document_bytes: int = Field(default=2 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    """Larger files are refused before they are read."""
    max_query_chars: int = Field(default=2000, ge=50, le=20_000)
    """The end of a longer question is what is searched for."""
    max_results: int = Field(default=50, ge=1, le=500)
    """No search returns more passages."""


class SearchSettings(Settings):
    """How vectors and words are fused: ``vector_weight · cosine + lexical_weight · lexical``."""

    vector_weight: float = Field(default=0.7, ge=0.0, le=1.0)
    """Weight of the cosine; 0.7 found the most of the demo bank's questions."""
    lexical_weight: float = Field(default=0.3, ge=0.0, le=1.0)
    """Weight of the word score."""
    candidates: int = Field(default=24, ge=1, le=500)
    """How many passages each index proposes before fusing."""
    title_weight: float = Field(default=1.0, ge=0.0, le=20.0)
    """A word in the title counts this many times as much as one in the text (BM25 column weight)."""
    heading_weight: float = Field(default=1.0, ge=0.0, le=20.0)
    """The same for a word in the heading path."""
    context_turns: int = Field(default=1, ge=0, le=10)
    """How many earlier turns of the caller help an incomplete question ("and on Saturday?")."""


class IndexSettings(Settings):
    """How vectors are made in the background."""

    batch: int = Field(default=16, ge=1, le=256)
    """Passages entered into the vector index at a time."""
    pause_s: float = Field(default=0.005, ge=0.0, le=10.0)
    """Rest between batches, so that calls get the cores."""
    retry_s: float = Field(default=30.0, gt=0.0, le=3600.0)
    """After the vector index could not be written (disk full), the next try."""


class KnowledgeSettings(Settings):
    """Everything about the knowledge base."""

    database: str = "sqlite:///knowledge.db"
    """SQLAlchemy URL of the canonical text; a relative SQLite path is under the home folder. May be the record's."""
    vectors_dir: Path = Path("chroma")
    """Chroma's folder. It can be deleted at any time while the server is down: it is rebuilt from SQL."""
    lock_file: Path = Path("knowledge.lock")
    """Held by the one process that has the base open."""
    lock_wait_s: float = Field(default=5.0, ge=0.0, le=120.0)
    """How long a starting worker waits for its predecessor to let go."""
    model: str = "minilm"
    """Name of the embedding model in the model manifest."""
    passages: PassageSettings = PassageSettings()
    limits: LimitSettings = LimitSettings()
    search: SearchSettings = SearchSettings()
    index: IndexSettings = IndexSettings()
