"""Small judgements about recognised words: joining passes, what is stable, what is no turn at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from contracts.engines import MOST_READINGS, Transcript
from voice.settings import EarSettings

WORKER = "worker"
"""``Transcript.rejected`` of a turn that no worker could recognise: the session decides what to say."""

_NODS = """mhm mm hm mmhm mmhmm hmm mm-hm mm-hmm uh-huh uhhuh huh uh um ah oh okay ok right yeah yep
sure alright good great
cool fine really wow yes gotcha"""
_BACKCHANNELS = frozenset(_NODS.split())
_PHANTOMS = frozenset({"you", "thank you", "thanks for watching", "thank you for watching", "bye", "so", "the", "oh"})
"""What Whisper writes under breath and line noise."""
_HUMS = frozenset({"mama", "mm mm", "hm hm", "i hum", "m", "mmm"})
"""What Whisper writes, sure of itself, when somebody hums with closed lips."""
_URGENT = frozenset({"stop", "wait", "hold on", "help", "hello", "operator", "agent", "person", "excuse me"})
"""These stop the operator however badly they are heard."""
_LETTERS = re.compile(r"[^\w\s'-]+")


def plain(text: str) -> str:
    """Lower case, no punctuation, single spaces."""
    return " ".join(_LETTERS.sub(" ", text.lower()).split())


def is_backchannel(text: str) -> bool:
    """ "mm-hm", "okay, right", "I see": up to three words that only say "go on"."""
    words = plain(text).replace("i see", "mhm").replace("all right", "alright").replace("got it", "mhm").split()
    return 0 < len(words) <= 3 and all(word in _BACKCHANNELS for word in words)


def is_hum(transcript: Transcript, voiced_s: float, settings: EarSettings) -> bool:
    """A short sound over our speech that Whisper made words of without believing in them: "mm-hm" becomes "Mama".

    Measured on a synthetic voice over µ-law: hums 0.30-0.52, short real words ("stop", "no", "fees") from 0.50 on.
    """
    words = plain(transcript.text)
    if not words or len(words.split()) > 2 or voiced_s > settings.hum_s or words in _URGENT:
        return False
    return transcript.confidence < settings.hum_confidence or words in _HUMS


def stable_prefix(before: str, now: str) -> str:
    """The words of ``now`` that two passes agree on, from the beginning, as ``now`` spells them."""
    old, new = plain(before).split(), now.split()
    count = 0
    for word in new:
        bare = plain(word).split()
        if bare and old[: len(bare)] != bare:
            break
        old = old[len(bare) :]
        count += 1
    return " ".join(new[:count])


def join(parts: Sequence[Transcript]) -> Transcript:
    """One transcript of consecutive passes: words in order, means weighted by length, rejected only if all were.

    A part that its worker lost makes the whole ``rejected="worker"`` only when no words are left.
    """
    spoken = [part for part in parts if part.text.strip()]
    compute_s = sum(part.compute_s for part in parts)
    if not spoken:
        reasons = [part.rejected for part in parts if part.rejected]
        reason = WORKER if WORKER in reasons else next(iter(reasons), "")
        silence = max((part.no_speech for part in parts), default=0.0)
        return Transcript("", no_speech=silence, compute_s=compute_s, rejected=reason)
    if len(spoken) == 1 and len(parts) == 1:
        return spoken[0]
    weights = [len(part.text.split()) for part in spoken]
    total = sum(weights)
    return Transcript(
        text=" ".join(part.text.strip() for part in spoken),
        avg_logprob=sum(part.avg_logprob * weight for part, weight in zip(spoken, weights, strict=True)) / total,
        no_speech=min(part.no_speech for part in spoken),
        compute_s=compute_s,
        words=tuple(word for part in spoken for word in part.words),
        readings=_readings(spoken),
    )


def _readings(parts: Sequence[Transcript]) -> tuple[str, ...]:
    """Of all parts together, each with one of them read otherwise; the first readings of each before the second."""
    texts = [part.text.strip() for part in parts]
    found = [
        " ".join((*texts[:at], part.readings[rank], *texts[at + 1 :]))
        for rank in range(MOST_READINGS)
        for at, part in enumerate(parts)
        if rank < len(part.readings)
    ]
    return tuple(found[:MOST_READINGS])


def timed(transcript: Transcript, began: float) -> Transcript:
    """Its words with monotonic times, of sound that began at ``began``."""
    words = (replace(one, start=began + one.start, end=began + one.end) if one.end else one for one in transcript.words)
    return replace(transcript, words=tuple(words))


def guarded(transcript: Transcript, settings: EarSettings) -> Transcript:
    """Void words that were probably not said: Whisper itself doubts there was speech, or writes its usual phantoms."""
    if not transcript.text or transcript.rejected:
        return transcript
    doubtful = transcript.no_speech > settings.max_no_speech or (
        transcript.no_speech > 0.5 and transcript.avg_logprob < settings.min_logprob
    )
    phantom = plain(transcript.text) in _PHANTOMS and (transcript.no_speech > 0.5 or transcript.confidence < 0.4)
    if not (doubtful or phantom or not plain(transcript.text)):
        return transcript
    return replace(transcript, text="", words=(), readings=(), rejected="silence")
