"""Settings of the dialog room; what callers hear, prompts and thresholds stand in files that these name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from contracts.settings import Settings
from dialog.matching import Answerable
from escalation.plan import TargetPlan


class BudgetSettings(Settings):
    """How long each part of a turn may take. Seconds after the true end of the caller's speech."""

    filler_after_s: float = Field(default=0.95, gt=0, description="no answer by then: a filler is spoken")
    filler_beyond_s: float = Field(
        default=1.6, gt=0, description="an answer that is expected later than this is announced by a filler at once"
    )
    nearly_s: float = Field(
        default=0.4,
        ge=0,
        le=0.8,
        description="an answer expected within this is waited for, not filled",
    )
    writing_filler_s: float = Field(
        default=1.65, gt=0, le=1.8, description="filler_after_s of a turn whose first words a model is already writing"
    )
    dead_air_s: float = Field(
        default=1.5, gt=0, le=2.0, description="silence after a filler, while the answer is owed, until another"
    )
    silence_most_s: float = Field(
        default=1.8, gt=0, le=1.9, description="silent for so long while anything is owed: a filler, whatever the cause"
    )
    turn_deadline_s: float = Field(default=8.0, gt=0, description="no answer by then: a person is offered")
    retrieval_s: float = Field(default=1.5, gt=0, description="patience with the knowledge base")
    large_needs_s: float = Field(
        default=1.8, gt=0, description="the large model's first words, before it was measured; less left: not begun"
    )
    small_needs_s: float = Field(
        default=0.6, gt=0, description="the small model's first words, before it was measured; less left: no model"
    )
    first_sound_s: float = Field(default=0.1, ge=0, description="from an answer's first words to their sound")
    bereft_filler_s: float = Field(default=0.75, gt=0, description="filler_after_s while a worker is lost")
    rescue_s: float = Field(
        default=3.4, gt=0, description="no answer so long after a worker it needs was lost: a person, not more waiting"
    )
    recovery_s: float = Field(
        default=3.0, gt=0, description="patience with a worker that was lost; it is back in 1 to 2 s, warm"
    )


class TopicSettings(Settings):
    """Which topic a question belongs to, in live calls (dialog/scoping.py)."""

    enabled: bool = True
    file: Path | None = Field(
        default=None,
        description="fitted by `callwright cascade topics`; null: topics.yaml of the home folder, if there",
    )
    wait_s: float = Field(default=0.05, gt=0, le=2, description="patience with the embedder; late: no topic")
    refuse: float | None = Field(
        default=None,
        description="a question outside all topics, and at least so strange, is not searched for; null: all are",
    )


class MenuItem(Settings):
    """What a key stands for when speech fails."""

    name: str = Field(min_length=1, max_length=60, description='as in "for … press 1"')
    question: str = Field(min_length=1, max_length=200, description="as a caller would ask it")


class AssistSettings(Settings):
    """Help for a person who talks with the caller, here or by a bridge: on pages, never spoken."""

    suggest: bool = Field(
        default=True, description="show passages for what the caller asks a person; needs transcribe_by_hand"
    )
    passages: int = Field(default=3, ge=1, le=10, description="suggested for one turn, each of another document")
    patience_s: float = Field(default=5.0, gt=0, le=30, description="with the knowledge base; later: no suggestion")
    transcribe_person: bool = Field(
        default=False,
        description="write down what the person says, too (mind the law on watching employees); for a recorded call it "
        "is recognised in any case, so that a number they read out is silenced, and forgotten",
    )


class DialogSettings(Settings):
    """Everything about a conversation."""

    lines: Path = Field(default=Path("configs/prompts/lines.yaml"), description="Sentences that callers hear.")
    recording_consent: Literal["announce", "ask", "off"] = Field(
        default="announce",
        description="of recorded calls: say that they may be recorded; ask, and discard without a yes; say nothing",
    )
    prompts: Path = Field(default=Path("configs/prompts"), description="Folder of system.txt and answer.txt.")
    cascade: Path = Field(default=Path("configs/cascade.yaml"), description="Thresholds of router and gate.")
    template: Literal["chatml"] = Field(default="chatml", description="Chat template of both language models.")
    budget: BudgetSettings = BudgetSettings()
    topics: TopicSettings = TopicSettings()
    menu: list[MenuItem] = Field(
        default_factory=list, max_length=9, description="offered by keys when speech failed twice, in their order"
    )
    passages: int = Field(default=10, ge=1, le=20, description="passages fetched for a question")
    evidence_chars: int = Field(default=900, ge=100, le=8000, description="most characters of evidence in a prompt")
    max_tokens: int = Field(default=72, ge=8, le=512, description="longest answer of a model, tokens")
    read_ahead: int = Field(
        default=60,
        ge=0,
        le=2000,
        description="pieces of evidence that the small model reads while nobody calls, last asked first; each takes it "
        "a second and 2 MB of engines.small's state_bytes, and saves its caller that second; 0: none",
    )
    remembered_answers: int = Field(
        default=500, ge=0, le=100_000, description="answers of models kept for whoever asks the same; 0: none"
    )
    found_kept_s: float = Field(
        default=300.0, ge=0, description="evidence found so lately is used while the knowledge base is replaced; 0: not"
    )
    max_question_chars: int = Field(default=600, ge=50, le=4000, description="a longer turn keeps its end")
    max_turns: int = Field(default=60, ge=1, le=1000, description="turns after which a person is offered")
    max_call_s: float = Field(default=1800.0, gt=0, description="a call is ended politely after so long")
    targets: dict[str, TargetPlan] = Field(
        default={"person": ()},
        description="where a person is, by the rules' names: a SIP URI, or a list of {mode, target, ring_s, brief} in "
        "the order in which they are tried; empty: nobody can be reached",
    )
    transcribe_by_hand: bool = Field(
        default=True, description="go on writing down what a caller says while a person talks with them"
    )
    assist: AssistSettings = AssistSettings()
    transfer_timeout_s: float = Field(default=35.0, gt=0, description="patience with a transfer's final word")


class RouterThresholds(Settings):
    """When which rung answers. All shares and scores are 0..1."""

    answerable_strength: float = Field(default=0.36, ge=0, le=1)
    """Below this strength of the best passage there is no evidence."""
    sure_strength: float = Field(default=0.44, ge=0, le=1)
    """From here there is; in between the passage must be a whole answer or the large model is asked."""
    cosine_weight: float = Field(default=0.7, ge=0, le=1)
    """Strength = weight · cosine + (1 - weight) · lexical score of a passage."""
    support_alone: float = Field(default=0.6, ge=0, le=1)
    """Share of a model sentence's content words that stand in the passage."""
    support_together: float = Field(default=0.8, ge=0, le=1)
    """… in the passage or the question."""
    strong_score: float = Field(default=0.55, ge=0, le=1)
    """From this cosine the passage is about the question whatever its words."""
    extractive_coverage: float = Field(default=0.6, ge=0, le=1)
    """Share of the question's content words that the passage (with title and heading) must contain."""
    extractive_sentence: float = Field(default=0.3, ge=0, le=2)
    """Share of them in the chosen sentence; above 1 no sentence suffices, and a model answers everything."""
    joined_coverage: float = Field(default=0.5, ge=0, le=1)
    """A turn that leans on the question before it: share of its own content words that the passage must contain."""
    alone_strength: float = Field(default=0.6, ge=0, le=1)
    """From this strength of its own evidence such a turn is taken to stand by itself."""
    name_likeness: float = Field(default=0.68, gt=0, le=1)
    """From this likeness (sound, spelling) a word that no passage holds is a misheard name of theirs; 1: never."""
    low_confidence: float = Field(default=0.45, ge=0, le=1)
    """Recognition confidence below this counts as poorly understood."""
    reject_confidence: float = Field(default=0.25, ge=0, le=1)
    """Below this the caller is asked to repeat."""


class RehearingLimits(Settings):
    """When what would be declined is read again with names that sound like something in it."""

    names: int = Field(default=12, ge=0, le=40)
    """So many, the most alike first, the recogniser is told; 0: it is not asked."""
    alike: float = Field(default=0.9, ge=0, le=1)
    """What it then writes is a name from this likeness on; it may spell one otherwise ("Cityrooms" for CITYROOMZ)."""


class ClarifyLimits(Settings):
    """When the caller is asked which of two things is meant."""

    enabled: bool = True
    gap: float = Field(default=2.0, ge=0)
    """Documents about different things: how much less likely the second may answer (difference of log odds)."""
    share: float = Field(default=0.5, ge=0, le=2)
    """How well a sentence of each must fit the question (dialog.extractive weighs)."""
    sentence_gap: float = Field(default=0.15, ge=0, le=2)
    """Sentences of one document: how much less well the second may fit."""


class CascadeFile(Settings):
    """configs/cascade.yaml: versioned thresholds, and on which data they were fitted."""

    version: int = Field(ge=1)
    fitted_on: str = ""
    target_error: str = ""
    router: RouterThresholds = RouterThresholds()
    answerable: Answerable
    """Of bases whose titles name things."""
    clarify: ClarifyLimits = ClarifyLimits()
    rehearing: RehearingLimits = RehearingLimits()
    generic_words: list[str] = Field(default_factory=list)
    """Words that say nothing about a passage's subject."""
    synonyms: dict[str, list[str]] = Field(default_factory=dict)
    """Word → words that mean it; both ways."""
