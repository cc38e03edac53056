"""What can be set about the knowledge base. Relative paths are under the home folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

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

    max_document_bytes: int = Field(default=15 * 1024 * 1024, ge=1024, le=15 * 1024 * 1024)
    """Larger files are refused before they are read. One message to the worker holds no more."""
    max_query_chars: int = Field(default=8000, ge=50, le=20_000)
    """The end of a longer question is what is searched for."""
    max_results: int = Field(default=50, ge=1, le=500)
    """No search returns more passages."""


class JsonKeys(Settings):
    """Which keys of a JSON file mean what; the first one that is present counts."""

    documents: tuple[str, ...] = ("documents", "items", "articles", "data")
    """The list, where the file is an object that holds one."""
    id: tuple[str, ...] = ("id", "doc_id", "key", "slug")
    title: tuple[str, ...] = ("title", "name", "question", "subject", "heading")
    text: tuple[str, ...] = ("content", "body", "text", "answer", "markdown")
    answers: tuple[str, ...] = ("docs", "faqs", "questions")
    """Entries with title and text, each answering a question about the thing that holds them."""


class IngestSettings(Settings):
    """How files are read: in a process of its own, which is killed at any of these limits."""

    wall_s: float = Field(default=60.0, gt=0.0, le=600.0)
    """A file that takes longer is refused."""
    cpu_s: int = Field(default=40, ge=1, le=600)
    """The same in seconds of CPU (RLIMIT_CPU)."""
    memory_mib: int = Field(default=1024, ge=256, le=16_384)
    """Address space of the reading process (RLIMIT_AS)."""
    files_per_process: int = Field(default=200, ge=1, le=10_000)
    """After so many files of text the process is replaced; after a PDF, DOCX or HTML file always."""
    max_documents: int = Field(default=50_000, ge=1, le=1_000_000)
    """Documents in one CSV or JSON file."""
    max_text_chars: int = Field(default=30_000_000, ge=1000, le=500_000_000)
    """Letters of text that a file may hold once it is unpacked."""
    max_pages: int = Field(default=2000, ge=1, le=100_000)
    """Pages of a PDF."""
    max_members: int = Field(default=2000, ge=10, le=100_000)
    """Files in a DOCX."""
    max_unpacked_bytes: int = Field(default=100 * 1024 * 1024, ge=1024 * 1024, le=2 * 1024 * 1024 * 1024)
    """Bytes to which a DOCX may unpack."""
    max_ratio: float = Field(default=200.0, ge=10.0, le=2000.0)
    """How much smaller than its content a file in a DOCX may be. Word's own XML seldom passes 50."""
    active_content: Literal["refuse", "strip"] = "refuse"
    """Scripts, actions and embedded files in HTML, PDF and DOCX: refuse the file, or read the text and drop them.
    Macros are always refused."""
    json_keys: JsonKeys = JsonKeys()


class ReleaseMarks(Settings):
    """Shares of the golden questions below which publishing is refused; 0: no mark. Absolute, so that a base that gets
    worse by one question with each release is stopped some day."""

    answered: float = Field(default=0.0, ge=0.0, le=1.0)
    """Of the questions that name a document: found, answered from it, and nothing said that it does not say."""
    abstained: float = Field(default=0.0, ge=0.0, le=1.0)
    """Of the questions with ``document: null``: neither answered nor handed to a model."""
    r3: float = Field(default=0.0, ge=0.0, le=1.0)
    """Of the questions that name a document: it is among the first three passages."""


class SuiteMarks(Settings):
    """What the suites must find of a release. Those of configs/evaluation.yaml, over the release's own documents."""

    unsupported: float = Field(default=0.01, ge=0.0, le=1.0)
    """At most: claims spoken that the cited document does not make."""
    abstain: float = Field(default=0.97, ge=0.0, le=1.0)
    """At least: unanswerable questions not answered."""
    answered: float = Field(default=0.85, ge=0.0, le=1.0)
    """At least: answerable questions answered."""
    any_hit_10: float = Field(default=0.85, ge=0.0, le=1.0)
    """At least: answerable questions whose document is among the first ten found."""


class SuiteSettings(Settings):
    """The suites of `callwright evaluate` over a proposed release, with questions made by rule from its documents."""

    gate: Literal["required", "advisory", "off"] = "advisory"
    """required: a release that misses a mark, or was not asked to the end, is not published (but despite it);
    advisory: the verdict is shown; off: they are asked only when somebody wants it."""
    marks: SuiteMarks = SuiteMarks()
    questions: int = Field(default=150, ge=10, le=5000)
    """So many answerable ones at most, and as many about documents that are left out."""
    models: bool = False
    """Have the language models word answers as in calls: two copies of them in memory, and seconds a question. Without,
    a question that would be handed to a model counts as answered."""
    seed: int = 1
    """Of the documents left out and the questions asked."""
    patience_s: float = Field(default=4 * 3600.0, ge=1.0, le=48 * 3600.0)
    """Not done by then, they have failed."""


class ReleaseSettings(Settings):
    """What stands between a draft and the callers."""

    approvals: int = Field(default=0, ge=0, le=1)
    """1: somebody other than who proposed a release must approve it before it can be published."""
    questions: Path | None = None
    """The golden question set (docs/knowledge.md); without one, nothing is evaluated."""
    max_lost_questions: int = Field(default=0, ge=0, le=10_000)
    """So many golden questions that the live release deals with as it should may be lost (also by being answered where
    no document answers); more, and publishing is refused."""
    marks: ReleaseMarks = ReleaseMarks()
    suites: SuiteSettings = SuiteSettings()
    block_on: tuple[Literal["contradiction", "duplicate", "expired", "orphaned"], ...] = ("contradiction",)
    """Findings of the check with which publishing is refused, unless the live release has them already."""
    keep: int = Field(default=5, ge=1, le=100)
    """So many superseded releases stay ready for a rollback within a second; older ones are made again from SQL."""
    apart_passages: int = Field(default=5000, ge=0, le=10_000_000)
    """A release of more passages is written by a process of its own, so that searches do not wait for it."""
    require_owner: bool = False
    """A document without an owner is an orphan."""
    expiring_days: int = Field(default=14, ge=0, le=365)
    """Documents that expire within so many days are pointed out."""
    same_subject: float = Field(default=0.7, ge=0.3, le=1.0)
    """Two sentences of different documents are about the same thing with so much of their words in common."""
    duplicate: float = Field(default=0.9, ge=0.5, le=1.0)
    """Two passages of different documents are duplicates with so much of their 3-word groups in common."""


class NameSettings(Settings):
    """How titles are found in a conversation (knowledge/names.py)."""

    turns: int = Field(default=12, ge=0, le=50)
    """How many turns, of both sides and with the question itself, are looked through; 0 looks for no names."""
    words: int = Field(default=60, ge=5, le=500)
    """Of a longer turn its last words are looked at."""
    decay: float = Field(default=0.9, ge=0.1, le=1.0)
    """A name counts so much less for each turn since."""
    alike: float = Field(default=0.86, ge=0.5, le=1.0)
    """Words that are at least so much alike (Jaro-Winkler) may be the same one, misheard."""
    least: float = Field(default=0.35, ge=0.0, le=1.0)
    """Less of a title is not a mention."""
    prior: float = Field(default=2.0, ge=0.0, le=20.0)
    """Rarity (nats) that is missing even from a title said in full: short and common titles are less sure."""
    sounding_least: float = Field(default=0.4, ge=0.0, le=1.0)
    """Names that sound at least so much like some words of a question may have been said: it is heard again."""
    sounding_most: int = Field(default=24, ge=0, le=60)
    """So many of them, the most alike first."""


class SearchSettings(Settings):
    """How vectors, words and names are fused: ``vector_weight · cosine + lexical_weight · lexical + name_weight ·
    named``."""

    vector_weight: float = Field(default=0.7, ge=0.0, le=1.0)
    """Weight of the cosine; 0.7 found the most of the demo bank's questions."""
    lexical_weight: float = Field(default=0.3, ge=0.0, le=1.0)
    """Weight of the word score."""
    name_weight: float = Field(default=0.8, ge=0.0, le=5.0)
    """Weight of the name of a passage's document in the conversation. From 0.6 to 1.0 the same was found."""
    name_fit: tuple[float, float] = (0.3, 0.5)
    """A named document counts from the first to the second share of the best fit that any passage has."""
    named_documents: int = Field(default=6, ge=0, le=50)
    """So many of the named documents are looked through, the surest first …"""
    named_passages: int = Field(default=240, ge=0, le=5000)
    """… and so many of their passages."""
    story_words: int = Field(default=60, ge=10, le=200)
    """What is longer is searched for sentence by sentence …"""
    story_parts: int = Field(default=40, ge=1, le=200)
    """… the last so many of them."""
    readings: int = Field(default=3, ge=0, le=10)
    """So many of the recogniser's other readings of the question are searched for as well, each some 2 ms."""
    names: NameSettings = NameSettings()
    scan_passages: int = Field(default=200_000, ge=0)
    """Of a larger release Chroma is asked for the nearest vectors. Up to here, scanning it (knowledge/scan.py) is at
    least as fast, misses nothing, and does not wait for a Chroma that is just taking vectors in."""
    candidates: int = Field(default=24, ge=1, le=500)
    """How many passages each index proposes before fusing."""
    max_matches: int = Field(default=3000, ge=100, le=1_000_000)
    """The rarest words of a question are looked up first; words after so many matches are left out: they would order
    nothing. From 1,500 to 6,000 the same was found in both bases of docs/knowledge.md."""
    title_weight: float = Field(default=1.0, ge=0.0, le=20.0)
    """A word in the title counts this many times as much as one in the text (BM25 column weight)."""
    heading_weight: float = Field(default=1.0, ge=0.0, le=20.0)
    """The same for a word in the heading path."""
    context_turns: int = Field(default=1, ge=0, le=10)
    """How many earlier turns of the caller help an incomplete question ("and on Saturday?")."""


class IndexSettings(Settings):
    """How vectors are made in the background."""

    batch: int = Field(default=64, ge=1, le=1024)
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
    releases_dir: Path = Path("releases")
    """The releases' snapshot files. They too are made again from SQL if they are lost."""
    lock_file: Path = Path("knowledge.lock")
    """Held by the one process that has the base open."""
    lock_wait_s: float = Field(default=5.0, ge=0.0, le=120.0)
    """How long a starting worker waits for its predecessor to let go."""
    model: str = "minilm"
    """Name of the embedding model in the model manifest."""
    passages: PassageSettings = PassageSettings()
    limits: LimitSettings = LimitSettings()
    ingest: IngestSettings = IngestSettings()
    releases: ReleaseSettings = ReleaseSettings()
    search: SearchSettings = SearchSettings()
    index: IndexSettings = IndexSettings()
