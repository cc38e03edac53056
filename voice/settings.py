"""Every threshold of the voice room, in one place, frozen. Durations in seconds unless the name says otherwise."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from contracts.settings import Settings


class VadSettings(Settings):
    """When 20 ms of sound count as speech."""

    gate_mode: int = Field(
        default=2, ge=0, le=3, description="webrtcvad aggressiveness of the cheap gate (0 lets most through)"
    )
    gate_hold_s: float = Field(
        default=0.4, ge=0.0, description="the gate stays open this long after its last speech frame"
    )
    start_probability: float = Field(default=0.4, gt=0.0, lt=1.0, description="Silero probability that turns speech on")
    end_probability: float = Field(
        default=0.35, gt=0.0, lt=1.0, description="Silero probability below which speech is off"
    )
    floor_dbfs: float = Field(
        default=-70.0, description="frames quieter than this are dead silence, whatever the models say"
    )
    range_db: float = Field(default=42.0, gt=0.0, description="frames this far below the loudest of late are no speech")
    peak_fall_db_s: float = Field(default=6.0, ge=0.0, description="how fast the loudest of late is forgotten")
    warm_windows: int = Field(
        default=12, ge=0, le=16, description="past 32 ms windows shown to Silero when the gate opens"
    )

    @model_validator(mode="after")
    def _hysteresis(self) -> VadSettings:
        if self.end_probability > self.start_probability:
            raise ValueError("end_probability must not exceed start_probability")
        return self


class EndpointProfile(Settings):
    """How patient the turn machine is while a certain kind of answer is expected."""

    short_silence_s: float = Field(default=0.2, gt=0.0, description="no turn is ended before so much silence")
    max_silence_s: float = Field(default=1.6, gt=0.0, description="silence that ends the turn whatever the signs say")
    caution: float = Field(default=0.0, description="added to the log odds that the caller goes on")

    @model_validator(mode="after")
    def _order(self) -> EndpointProfile:
        if self.max_silence_s < self.short_silence_s:
            raise ValueError("max_silence_s must not be below short_silence_s")
        return self


class PatienceSettings(Settings):
    """From signs to the silence that ends a turn (voice/patience.py). Natural log odds that the caller goes on."""

    risk: float = Field(
        default=0.04, gt=0.0, lt=0.5, description="accepted chance of cutting in: lower is safer and slower"
    )
    pause_s: float = Field(default=0.35, gt=0.0, description="mean pause inside a turn, of callers at large")
    pause_weight: float = Field(default=4.0, gt=0.0, description="pauses of this caller that outweigh that mean")
    pause_max_s: float = Field(default=0.6, gt=0.0, description="this caller's mean pause is believed up to here")
    complete: float = Field(default=-1.9, description="after a wish, a question or a farewell")
    unknown: float = Field(default=-1.5, description="after words that tell nothing, and without words")
    leading: float = Field(default=0.4, description="after a greeting, a name, a bare yes, an account of what happened")
    incomplete: float = Field(default=0.75, description="after words that no sentence ends with")
    smart_turn_weight: float = Field(
        default=0.25, ge=0.0, description="how far Smart Turn's log odds count; below 1: over the phone it is too sure"
    )
    whole_silence_s: float = Field(
        default=0.2, gt=0.0, description="no turn of whole words is ended before this silence"
    )
    words_wait_s: float = Field(
        default=0.45, ge=0.0, description="no turn is ended before its words are there, up to this silence"
    )
    blind_silence_s: float = Field(
        default=0.7, gt=0.0, description="no turn without whole words ends sooner while Smart Turn is out of order"
    )


class TurnSettings(Settings):
    """Timing rules of the turn machine (voice/turn.py)."""

    open: EndpointProfile = EndpointProfile()
    yes_no: EndpointProfile = EndpointProfile(max_silence_s=0.8, caution=-0.5)
    digits: EndpointProfile = EndpointProfile(short_silence_s=0.6, max_silence_s=2.0, caution=1.5)
    name: EndpointProfile = EndpointProfile(short_silence_s=0.45, max_silence_s=1.8, caution=0.7)
    patience: PatienceSettings = PatienceSettings()
    min_speech_s: float = Field(default=0.1, ge=0.02, description="voiced time before sound is called speech")
    gap_s: float = Field(default=0.1, ge=0.0, description="unvoiced time that forgets an unconfirmed onset")
    resume_s: float = Field(
        default=0.06, ge=0.02, description="voiced time in a pause before the caller counts as going on"
    )
    recognise_after_s: float = Field(
        default=0.06, ge=0.02, description="silence at which the final recognition pass starts"
    )
    ask_at_s: tuple[float, ...] = Field(
        default=(0.12, 0.32),
        description="silences at which Smart Turn is asked; later it mistakes the silence itself for an end",
    )
    likely_probability: float = Field(
        default=0.5, description="Smart Turn probability from which TurnLikely is announced"
    )
    merge_window_s: float = Field(
        default=0.8, ge=0.0, description="going on this soon after an endpoint continues that turn"
    )
    segment_min_s: float = Field(
        default=12.0, gt=0.0, description="a pause after this much speech cuts a recognised segment off"
    )
    segment_max_s: float = Field(
        default=28.0, gt=0.0, le=29.5, description="a segment is cut here even in mid-word (30 s window)"
    )
    turn_max_s: float = Field(default=120.0, gt=0.0, description="a turn is ended here whatever the caller does")
    barge_in_s: float = Field(
        default=0.2, ge=0.02, description="voiced time over the operator's speech that interrupts it"
    )
    claim_s: float = Field(default=1.2, ge=0.1, description="voiced time after which sound can be no mere backchannel")
    dtmf_mute_s: float = Field(
        default=0.2, ge=0.0, description="sound this soon after a key press is the key's own tone"
    )
    silence_s: tuple[float, ...] = Field(
        default=(6.0, 14.0), description="mutual silences that are reported, ascending"
    )


class EarSettings(Settings):
    """Recognition around the turn machine."""

    preroll_s: float = Field(default=0.3, ge=0.0, description="audio before the onset that recognition gets to hear")
    ring_s: float = Field(default=40.0, ge=10.0, description="audio kept; more than the longest segment plus pre-roll")
    partial_interval_s: float = Field(
        default=0.6, ge=0.0, description="speech between partial passes; 0 switches them off"
    )
    rejoin_s: float = Field(
        default=19.0,
        ge=0.0,
        le=29.0,
        description="a turn that goes on is recognised anew as a whole up to this length (final passes); words beside "
        "a seam are often wrong; 19 s and the pre-roll fit Whisper's window of 20 s",
    )
    partial_rejoin_s: float = Field(
        default=9.0,
        ge=0.0,
        le=29.0,
        description="the same for partial passes, which are many: up to here they fit the window of 10 s",
    )
    partial_deadline_s: float = Field(default=1.5, gt=0.0, description="patience with a partial pass")
    final_deadline_s: float = Field(default=4.0, gt=0.0, description="patience with a final pass, one retry included")
    words_late_s: float = Field(
        default=0.8, gt=0.0, description="words so late after the end of speech are announced as late (WordsLate)"
    )
    judge_window_s: float = Field(default=8.0, gt=0.0, description="audio Smart Turn gets to hear")
    judge_deadline_s: float = Field(default=0.8, gt=0.0, description="patience with Smart Turn")
    max_no_speech: float = Field(
        default=0.85, gt=0.0, le=1.0, description="Whisper's no-speech probability that voids its text"
    )
    min_logprob: float = Field(
        default=-1.0, description="with no_speech over half, a mean log probability that voids the text"
    )
    hum_s: float = Field(
        default=0.45, ge=0.0, description="up to this much voice, with words hardly believed, is a hum such as mm-hm"
    )
    hum_confidence: float = Field(default=0.45, ge=0.0, le=1.0, description="words of a hum are less certain than this")
    wordless_turn_s: float = Field(
        default=1.0, ge=0.0, description="voiced time from which a turn without words is reported"
    )


class OverlapSettings(Settings):
    """The caller's first sound over the operator's speech (voice/overlap.py)."""

    hold_s: float = Field(
        default=0.08, ge=0.02, description="sound, a voice among it, after which the operator's speech is held"
    )
    sure_probability: float = Field(
        default=0.75, gt=0.0, le=1.0, description="Silero probability at which a sound is surely a voice (a dish: 0.6)"
    )
    confirm_s: float = Field(default=0.08, ge=0.02, description="voiced time after which a doubtful sound is a voice")
    credit_s: float = Field(
        default=0.36, ge=0.0, description="sound that preceded the voice by no more than this is its beginning"
    )
    gap_s: float = Field(default=0.06, ge=0.02, description="quiet inside a sound, as before a plosive")
    over_s: float = Field(
        default=0.3, ge=0.02, description="quiet after which a sound that became no turn lets the operator go on"
    )
    trial_after_s: float = Field(
        default=0.08, ge=0.02, description="sound without a voice, louder than any of late, that is held for on trial"
    )
    trial_s: float = Field(default=0.28, ge=0.02, description="such a hold is over if no voice has come by then")
    fall_db: float = Field(default=10.0, ge=0.0, description="no trial for what has fallen so far: it dies away")
    rest_s: float = Field(default=30.0, ge=0.0, description="no trial so soon after one without a voice")
    settle_s: float = Field(default=1.0, ge=0.0, description="no trial before a line was heard so long")
    forget_db_s: float = Field(default=0.25, ge=0.0, description="how fast the loudest noise of a line is forgotten")
    floor_dbfs: float = Field(default=-56.0, description="what is quieter is no sound (a hiss on the phone: -53)")
    rise_db: float = Field(
        default=8.0,
        ge=0.0,
        description="how far a sound stands above the line's noise, and a trial's above its loudest",
    )
    floor_rise_db_s: float = Field(default=6.0, ge=0.0, description="how fast the idea of the line's noise rises")


class ClauseSettings(Settings):
    """Where an answer is cut for synthesis. Lengths in characters."""

    first_min: int = Field(
        default=10, ge=1, description="a first clause is at least this long, unless its sentence is shorter"
    )
    first_max: int = Field(default=48, ge=8, description="a first clause without punctuation is cut at a word here")
    min: int = Field(default=24, ge=1, description="later clauses are at least this long")
    max: int = Field(default=160, ge=20, description="a sentence longer than this is cut at a comma, or at a word")


class MouthSettings(Settings):
    """Synthesis ahead of playout."""

    clauses: ClauseSettings = ClauseSettings()
    clause_deadline_s: float = Field(default=4.0, gt=0.0, description="patience with the synthesis of a clause")
    ahead_s: float = Field(default=12.0, gt=0.0, description="synthesis stops this far ahead of playout")
    sentence_gap_s: float = Field(default=0.1, ge=0.0, description="silence put between sentences")
    slow_scale: float = Field(
        default=1.35, gt=1.0, le=2.0, description="how much longer sounds last for a caller who asked for slower speech"
    )
    rehearsal_wait_s: float = Field(
        default=0.3,
        ge=0.0,
        description="patience with a clause whose sound is being made ahead, before it is begun anew",
    )
    duck_gain: float = Field(default=0.25, ge=0.0, le=1.0, description="loudness while the caller makes a sound")
    fade_s: float = Field(default=0.01, gt=0.0, le=0.02, description="fade-out of an interruption, at most one frame")
    resume_lead_s: float = Field(
        default=0.02, ge=0.0, le=0.2, description="held speech goes on this much before the word that was cut, rising"
    )


class PhraseSettings(Settings):
    """Prepared sentences."""

    max_bytes: int = Field(default=48_000_000, ge=0, description="memory for prepared audio (32,000 bytes a second)")
    directory: Path | None = Field(
        default=None, description="folder to keep prepared audio in between runs; none if unset"
    )


class FrontSettings(Settings):
    """Between a leg and its session."""

    queue_size: int = Field(default=256, ge=8, description="ear events waiting for the session")
    dtmf_per_s: float = Field(default=10.0, gt=0.0, description="keys per second that are believed, in the long run")
    dtmf_burst: int = Field(default=40, ge=1, description="keys believed in a burst")
    hold_barge_in: bool = Field(
        default=True, description="hold speech first, and drop it only when the caller said words"
    )
    hold_patience_s: float = Field(
        default=5.0, gt=0.0, description="held speech goes on when nobody speaks and nothing was decided for so long"
    )


class VoiceSettings(Settings):
    """Root of the voice room's settings."""

    vad: VadSettings = VadSettings()
    turn: TurnSettings = TurnSettings()
    ear: EarSettings = EarSettings()
    overlap: OverlapSettings = OverlapSettings()
    mouth: MouthSettings = MouthSettings()
    phrases: PhraseSettings = PhraseSettings()
    front: FrontSettings = FrontSettings()
