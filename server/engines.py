"""Which engines run in which worker process, and with which model files: from names in the settings to workers' terms."""

from __future__ import annotations

from pydantic import Field

from contracts.settings import Settings


class ModelChoice(Settings):
    """Models by their names in configs/models.yaml, and how many threads each engine may use."""

    whisper: str = Field(default="whisper-base", description="Recogniser; whisper-tiny-en is faster and worse.")
    language: str = Field(default="en", pattern="^[a-z]{2}$", description="The callers' language.")
    small: str = Field(default="qwen-0.5b", description="The small language model (GGUF).")
    large: str = Field(default="qwen-1.5b", description="The large language model (GGUF); empty: none.")
    voice: str = Field(default="piper-joe", description="The operator's voice (Piper).")
    turn: str = Field(default="smart-turn", description="End-of-turn model (ONNX).")
    embedder: str = Field(default="minilm", description="Sentence embeddings (CTranslate2).")
    threads: int = Field(default=2, ge=1, le=64, description="Cores that one burst of work may use.")
    context_tokens: int = Field(default=2048, ge=512, le=32768, description="Context window of the language models.")
    manifest: str = Field(default="configs/models.yaml", description="The model manifest.")
