"""What sound-to-words, words-to-sound, language models and the knowledge base promise to their users.

Implemented by workers' clients; used by voice and dialog, which know nothing of processes. Every call takes an
absolute ``deadline`` (monotonic seconds) and raises contracts.errors.WorkerError subclasses. Cancelling the awaiting
task (or closing the iterator) cancels the work within one token or one chunk.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from contracts.worker import Urgency

MOST_READINGS = 3
"""So many other readings of a turn travel from the recogniser to the search."""


@dataclass(slots=True, frozen=True)
class Word:
    """A recognised word with its probability (0..1).

    ``start``, ``end``: seconds from the beginning of the sound; in ear events monotonic. ``end`` 0.0: not known.
    """

    text: str
    probability: float
    start: float = 0.0
    end: float = 0.0


@dataclass(slots=True, frozen=True)
class Transcript:
    """What was recognised. ``text`` is empty when the guard rejected it (``rejected`` says why: loop, silence, …).

    ``avg_logprob`` is natural log per token, ``no_speech`` 0..1, ``compute_s`` time in the engine.
    """

    text: str
    avg_logprob: float = 0.0
    no_speech: float = 0.0
    compute_s: float = 0.0
    rejected: str = ""
    words: tuple[Word, ...] = ()
    alternatives: tuple[str, ...] = ()
    """Where so many digits were expected: the sound read as just those, most probable first; none if improbable."""
    readings: tuple[str, ...] = ()
    """What else may have been said, most probable first, at most MOST_READINGS; only where the search was wide."""
    sound: str = ""
    """Names the sound of a final pass to whoever can read it again (Rereader); empty: nobody can."""

    @property
    def confidence(self) -> float:
        """0..1: geometric mean token probability; 0 when rejected."""
        import math

        return 0.0 if self.rejected else math.exp(min(0.0, self.avg_logprob))


@dataclass(slots=True, frozen=True)
class SpeechChunk:
    """A piece of synthesised speech: ``pcm`` is internal PCM of any even length.

    ``phonemes`` counts the phonemes it speaks, for the playout ledger's word positions (0 if unknown). ``words``: first
    sample, sample after the last, and phonemes of each phonetic word ("in the" may be one); empty if unknown.
    """

    pcm: bytes
    phonemes: int = 0
    words: tuple[tuple[int, int, int], ...] = ()


@dataclass(slots=True, frozen=True)
class Token:
    """A piece of generated text; ``logprob`` natural log of the chosen token."""

    text: str
    logprob: float


@dataclass(slots=True, frozen=True)
class Generation:
    """What a finished generation cost. Of ``drafted_tokens``, guessed ahead, ``accepted_tokens`` were right."""

    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int
    first_token_s: float
    total_s: float
    stop: str
    drafted_tokens: int = 0
    accepted_tokens: int = 0


@dataclass(slots=True, frozen=True)
class GenerationRequest:
    """``prompt`` is the whole text with the chat template applied; ``stop`` strings end it unseen.

    ``urgency``: of what nobody waits for yet; it gives way to what somebody does wait for, and is raised (to
    Priority.ANSWER) when somebody does, while the request goes on. None: as urgent as the model's client is.
    """

    prompt: str
    max_tokens: int = 96
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    seed: int = 0
    urgency: Urgency | None = field(default=None, compare=False)


@dataclass(slots=True, frozen=True)
class Passage:
    """A piece of a document, as found. ``score`` 0..1 is comparable between queries (cosine of the embedding)."""

    passage_id: str
    document_id: str
    title: str
    heading: str
    """Heading path, `` › `` between levels."""
    text: str
    score: float
    lexical: float = 0.0
    """BM25-derived 0..1 within this query; 0 if not found by words."""
    source: str = ""
    """The document's name in the base, as people see it."""
    version_id: str = ""
    """Which wording of the document; it never changes."""
    valid_from: str = ""
    """First and last day on which it may be said (ISO); empty: always."""
    valid_to: str = ""
    named: float = 0.0
    """How surely the conversation names this passage's document (0..1), as far as the question fits to it."""


@dataclass(slots=True, frozen=True)
class Evidence:
    """What the knowledge base has on a question, best first.

    ``margin`` is best score minus the best score of another document; ``degraded`` names an index that was down.
    ``release`` is the knowledge release that all of it comes from: asking again with it gives more of the same one.
    """

    query: str
    passages: tuple[Passage, ...] = ()
    margin: float = 0.0
    degraded: str = ""
    compute_s: float = 0.0
    release: str = ""

    @property
    def best(self) -> Passage | None:
        """The first passage, if any."""
        return self.passages[0] if self.passages else None


@dataclass(slots=True, frozen=True)
class Resemblance:
    """A name of the knowledge base that sounds like the words from ``start`` to ``end`` (characters) of a question.

    ``score``: likeness, 0..1.
    """

    score: float
    start: int
    end: int
    name: str


class Recogniser(Protocol):
    """Whisper."""

    async def transcribe(self, pcm: bytes, *, deadline: float, final: bool, digits: int = 0) -> Transcript:
        """Words of internal PCM up to 30 s. ``final`` asks for priority over partial passes; ``digits``: so many
        are expected, and ``alternatives`` wanted in which all is digits; 0: none are expected, or nobody knows."""
        ...


class Rereader(Protocol):
    """Whisper, asked what it makes of sound that it has heard if it knows some names."""

    async def again(self, sound: str, names: Sequence[str], *, deadline: float) -> str:
        """Words of ``Transcript.sound``, names spelled as here if they were said; "" if it is no longer kept. The first
        names count most; some may find no room."""
        ...


class TurnJudge(Protocol):
    """Smart Turn: has the caller finished?"""

    async def probability(self, pcm: bytes, *, deadline: float) -> float:
        """0..1 that the turn is complete, from the last 8 s of internal PCM."""
        ...


class Synthesiser(Protocol):
    """Piper."""

    def synthesise(
        self, text: str, *, deadline: float, first: bool, urgency: Urgency | None = None
    ) -> AsyncIterator[SpeechChunk]:
        """Speech of a clause. ``first``: the first of an answer (highest priority).

        ``urgency`` instead of what ``first`` says: of speech that is perhaps not wanted, and can be raised when it is.
        """
        ...


class LanguageModel(Protocol):
    """A local language model."""

    name: str

    def generate(self, request: GenerationRequest, *, deadline: float) -> AsyncIterator[Token | Generation]:
        """Tokens, then one Generation as the last item."""
        ...

    async def prefill(self, prompt: str, *, deadline: float) -> None:
        """Put a prompt into the KV cache ahead of time; harmless if it is already there."""
        ...


class Retriever(Protocol):
    """The knowledge base."""

    async def search(
        self,
        query: str,
        *,
        limit: int,
        deadline: float,
        release: str = "",
        talk: Sequence[str] = (),
        readings: Sequence[str] = (),
    ) -> Evidence:
        """The best passages for a question; empty when the base is empty.

        ``release``: of the turn's first evidence, so that no answer mixes two; empty: the live one. ``talk``: what both
        sides said before, oldest first, for the names in it; ``readings``: what else the question may have been.
        """
        ...


class NameFinder(Protocol):
    """The knowledge base, asked for names."""

    async def resembling(self, text: str, *, release: str, deadline: float) -> tuple[Resemblance, ...]:
        """Names in a ``release`` (empty: the live one) that sound like words of ``text``, the most alike first."""
        ...


@dataclass(slots=True, frozen=True)
class DocumentInfo:
    """A document in the base."""

    document_id: str
    source: str
    title: str
    sha256: str
    passages: int
    added_at: str
    tags: tuple[str, ...] = ()
    version_id: str = ""
    format: str = ""
    owner: str = ""
    approver: str = ""
    language: str = ""
    jurisdiction: tuple[str, ...] = ()
    valid_from: str = ""
    valid_to: str = ""
    notices: tuple[str, ...] = ()
    added_by: str = ""
