"""Which engines run in which worker process, and with which model files: from names in the settings to workers' terms.

::

    speech     whisper + smart_turn      what the caller says
    voice      piper                     GPL: alone in its process
    small      the small language model
    large      the large language model
    knowledge  embedder, Chroma, SQL     not arbitrated: a search takes a few milliseconds
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from contracts.settings import Settings
from knowledge.settings import KnowledgeSettings
from knowledge.suites import SuiteChoice
from workers.engines.whisper_options import Recognition
from workers.manifest import ModelStore, load_manifest
from workers.settings import EngineSettings, WorkerSettings, WorkersSettings

SUITES = "evaluation.releasechild"
"""The process that asks the evaluation's suites about a release."""
SECOND = "whisper-tiny-en"
"""Knows only English, and is another opinion only where it is not the recogniser itself."""


class ModelChoice(Settings):
    """Models by their names in the manifest, and how many threads each engine may use."""

    whisper: str = Field(default="whisper-base", description="Recogniser; whisper-tiny-en is faster and worse.")
    second: str | None = Field(
        default=None,
        description=f"Another recogniser that hears turns of 4 s and more, too. Not set: {SECOND} if callers speak "
        'English; "": none.',
    )
    language: str = Field(default="en", pattern="^[a-z]{2}$", description="The callers' language.")
    small: str = Field(default="qwen-0.5b", description="The small language model (GGUF).")
    large: str = Field(default="qwen-1.5b", description="The large language model (GGUF); empty: none.")
    voice: str = Field(default="piper-joe", description="The operator's voice (Piper).")
    turn: str = Field(default="smart-turn", description="End-of-turn model (ONNX).")
    vad: str = Field(default="silero-vad", description="Voice activity model (ONNX).")
    recognition: Recognition = Field(default=Recognition(), description="How the recogniser listens.")
    threads: int = Field(default=2, ge=1, le=64, description="Cores that one burst of work may use.")
    bursts: int = Field(default=1, ge=1, le=64, description="Bursts at once: cores divided by threads.")
    context_tokens: int = Field(default=4096, ge=512, le=32768, description="KV cells of each language model.")
    small_draft_tokens: int = Field(
        default=0, ge=0, le=16, description="Tokens the small model guesses from its prompt."
    )
    large_draft_tokens: int = Field(default=3, ge=0, le=16, description="The same for the large one, to go faster.")
    start_timeout_s: float = Field(default=120.0, gt=0, description="Patience with a worker that loads its models.")
    hang_timeout_s: float = Field(default=1.5, gt=0, description="A worker silent for so long is replaced.")
    manifest: Path = Field(default=Path("configs/models.yaml"), description="The model manifest.")

    @property
    def second_opinion(self) -> str:
        """The name of the second recogniser; "" for none."""
        if self.second is not None:
            return self.second
        return SECOND if self.language == "en" and self.whisper != SECOND else ""


def store_of(choice: ModelChoice, models: Path, manifest: Path) -> ModelStore:
    """The model files. Raises ConfigError for a bad manifest."""
    return ModelStore(load_manifest(manifest), models)


def chosen(choice: ModelChoice, knowledge: KnowledgeSettings) -> list[str]:
    """Names of all models that these settings need."""
    heard = [choice.whisper, choice.second_opinion, choice.turn, choice.vad]
    names = [*heard, choice.small, choice.large, choice.voice, knowledge.model]
    return list(dict.fromkeys(name for name in names if name))


def whisper_options(choice: ModelChoice, store: ModelStore) -> dict[str, Any]:
    """Options of the Whisper engine (WhisperOptions), as plain data. Raises ModelFileError for a missing model."""
    path = str(store.folder(choice.whisper))
    second = str(store.folder(choice.second_opinion)) if choice.second_opinion else ""
    recognition = choice.recognition.model_dump(mode="json")
    return {"path": path, "second": second, "language": choice.language, **recognition}


def suites_of(
    choice: ModelChoice, store: ModelStore, knowledge: KnowledgeSettings, cascade: Path, name: str
) -> SuiteChoice:
    """What evaluates a release: with the operator's own embedder, thresholds and language models."""
    models = {"small": choice.small, "large": choice.large}
    given = {
        "embedder": str(store.folder(knowledge.model)),
        "cascade": str(cascade.absolute()),
        "language_models": {rung: str(store.target(one, "model.gguf")) for rung, one in models.items() if one},
        "name": name,
    }
    return SuiteChoice(SUITES, given)


def workers_of(
    choice: ModelChoice,
    store: ModelStore,
    home: Path,
    knowledge: KnowledgeSettings,
    prefixes: Mapping[str, str],
    cascade: Path,
    name: str = "",
) -> WorkersSettings:
    """The worker processes. ``prefixes``: what all prompts of ``small`` and ``large`` begin with, kept in their caches;
    ``cascade``: the thresholds by which the knowledge base tries its golden questions; ``name``: who answers.

    Raises ModelFileError for a file that is missing.
    """
    speech = WorkerSettings(
        name="speech",
        threads=choice.threads,
        engines=(
            _engine("whisper", "workers.engines.whisper:WhisperEngine", **whisper_options(choice, store)),
            EngineSettings(name="smart_turn", engine="workers.engines.smart_turn:SmartTurnEngine", awaited=False,
                           options={"path": str(store.path(choice.turn, "model.onnx")), "threads": 1}),
        ),
    )  # fmt: skip
    voice = WorkerSettings(
        name="voice",
        threads=choice.threads,
        engines=(
            _engine("piper", "workers.engines.piper:PiperEngine", path=str(store.path(choice.voice, "voice.onnx"))),
        ),
    )
    models = [_language_model(name, model, choice, store, home, prefixes[name]) for name, model in _ladder(choice)]
    return WorkersSettings(
        workers=(speech, voice, _base(choice, store, home, knowledge, cascade, name), *models),
        bursts=choice.bursts,
        start_timeout_s=choice.start_timeout_s,
        hang_timeout_s=choice.hang_timeout_s,
    )


def _base(
    choice: ModelChoice, store: ModelStore, home: Path, knowledge: KnowledgeSettings, cascade: Path, name: str
) -> WorkerSettings:
    return WorkerSettings(
        name="knowledge",
        threads=1,
        engines=(
            EngineSettings(
                name="knowledge",
                engine="knowledge.engine:KnowledgeEngine",
                arbitrated=False,
                options={
                    "home": str(home),
                    "model_dir": str(store.folder(knowledge.model)),
                    "settings": knowledge.model_dump(mode="json"),
                    "answers": "dialog.rehearsal:rehearsal",
                    "cascade": str(cascade),
                    "suites": SUITES,
                    "suites_given": suites_of(choice, store, knowledge, cascade, name).given,
                },
            ),
            # For the rules' classifier (dialog/risks.py): a few milliseconds a turn, so it waits for no cores either.
            EngineSettings(
                name="embedder",
                engine="workers.engines.embedder:EmbedderEngine",
                arbitrated=False,
                awaited=False,
                options={"path": str(store.folder(knowledge.model)), "threads": 1},
            ),
        ),
    )


def _ladder(choice: ModelChoice) -> list[tuple[str, str]]:
    return [(name, model) for name, model in (("small", choice.small), ("large", choice.large)) if model]


def _language_model(
    name: str, model: str, choice: ModelChoice, store: ModelStore, home: Path, prefix: str
) -> WorkerSettings:
    options = {
        "path": str(store.path(model, "model.gguf")),
        "n_ctx": choice.context_tokens,
        "prefixes": {"system": prefix},
        "state_dir": str(home / "kv"),
        "draft_tokens": choice.small_draft_tokens if name == "small" else choice.large_draft_tokens,
    }
    engine = _engine(name, "workers.engines.llama:LlamaEngine", **options)
    return WorkerSettings(name=name, threads=choice.threads, engines=(engine,))


def _engine(engine_name: str, where: str, **options: Any) -> EngineSettings:
    return EngineSettings(name=engine_name, engine=where, options=options)
