"""How Whisper listens: what may be set under ``engines.recognition``, apart from the model, language and threads.

No engine is imported here: the media process reads these settings, the worker uses them.
"""

from __future__ import annotations

from pydantic import Field, field_validator

from contracts.settings import Settings


class Recognition(Settings):
    """Windows, limits and searches. Where a figure has no source named, it was chosen on docs/performance.md's data."""

    compute_type: str = Field(
        default="int8", description="arithmetic of CTranslate2: int8, float32, ... what the processor knows"
    )
    windows_s: tuple[int, ...] = Field(
        default=(10, 20, 30),
        min_length=1,
        description="padded lengths; the shortest that leaves pad_s of silence is taken",
    )
    pad_s: float = Field(default=0.5, ge=0.0, description="silence that a window has to spare")
    lead_s: float = Field(
        default=0.5,
        ge=0.0,
        le=2.0,
        description="silence before the sound, where the window has room: words that begin at once are misheard",
    )
    lead_from_s: float = Field(
        default=4.0, ge=0.0, description="shorter sound gets none: before a short noisy turn, silence invites invention"
    )
    tokens_per_second: float = Field(
        default=8.0, ge=0.0, description="tokens that a reading may have for each second of sound; English needs 3 to 5"
    )
    tokens_extra: int = Field(default=8, ge=1, description="tokens that it may have besides")
    max_compression: float = Field(
        default=2.4, gt=0.0, description="OpenAI's ratio of text to zlib length: more is a loop"
    )
    no_speech: float = Field(default=0.6, ge=0.0, le=1.0, description="OpenAI's silence rule: probability of no speech")
    no_speech_logprob: float = Field(default=-1.0, description="OpenAI's silence rule: words less probable than this")
    min_logprob: float = Field(
        default=-1.0, description="words less probable are noise (OpenAI's threshold for decoding anew)"
    )
    silence_dbfs: float = Field(default=-60.0, description="sound whose peak is lower is not decoded at all")
    words: bool = Field(default=True, description="give the words of final passes their probabilities")
    beam: int = Field(default=5, ge=1, le=16, description="beams of a second search when the first reading is doubtful")
    sure_logprob: float = Field(
        default=-0.35, description="final readings less probable are searched again (95 ms on two cores)"
    )
    beam_from_s: float = Field(
        default=4.0, ge=0.0, description="final passes of longer sound are searched with all beams at once"
    )
    second_from_s: float = Field(
        default=4.0,
        ge=0.0,
        description="final passes of longer sound are heard by the second recogniser, too, and doubtful ones",
    )
    second_weight_doubtful: float = Field(
        default=0.5, ge=0.0, le=1.0, description="what its judgement counts beside the first's where that is doubtful"
    )
    silence_states: int = Field(
        default=250, ge=0, le=1500, description="encoder states of silence, 20 ms each, after a short window"
    )
    digit_beam: int = Field(default=5, ge=1, le=16, description="beams of the reading that knows only digits")
    digits_sure: float = Field(
        default=-0.2, le=0.0, description="log probability of a number at which it need not be heard twice"
    )
    digits_other_count: float = Field(
        default=1.0, ge=0.0, description="log probability by which another count of digits refuses the expected one"
    )
    digits_logprob: float = Field(
        default=-0.7, le=0.0, description="mean log probability of a digit below which a number is no answer"
    )
    sounds_kept: int = Field(
        default=16, ge=0, le=10_000, description="latest final passes that can be read again with names, 1.5 MB each"
    )
    denoise_db: float = Field(default=6.0, ge=0.0, description="how far steady noise may be lowered; 0: not at all")

    @field_validator("windows_s")
    @classmethod
    def _whisper_hears_thirty_seconds(cls, windows: tuple[int, ...]) -> tuple[int, ...]:
        if not all(1 <= window <= 30 for window in windows):
            raise ValueError("windows are 1 to 30 seconds long")
        return windows


class WhisperOptions(Recognition):
    """``path``: folder with model.bin, config.json, tokenizer.json and a vocabulary. ``second``: folder of another one
    that gives its opinion on long turns; empty: none. ``language``: of the calls."""

    path: str
    second: str = ""
    language: str = "en"
    threads: int = 2
