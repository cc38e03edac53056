"""The suites' questions once as text and once spoken: what does the telephone cost?

::

    question ─┬──────────────────────────────────────────────────────────────► cascade, topics ──► as text
              └► second voice ─► 8 kHz µ-law, 20 ms packets ─► ear ─► words ─► cascade, topics ──► by voice

Voice, line and ear are the product's own (evaluation/hearing.py); the confidence is the recogniser's. Judged is, both
times, whether what was said answers the question that was meant.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from contracts.audio import RATE
from contracts.engines import Rereader
from contracts.errors import ConfigError
from evaluation.about import matching
from evaluation.asking import Models
from evaluation.contract import Failure, Occasion, Outcome
from evaluation.grounding import UNANSWERABLE, chosen
from evaluation.hearing import WIRE_RATE, Listener, usual_whisper
from evaluation.intents import OUTSIDE, Labelled
from evaluation.intervals import paired_loss
from evaluation.questions import Asked
from evaluation.rounds import Answered, Round, Understood, open_round
from evaluation.routing import BANKING, CLINC, Bench
from evaluation.worlds import FILES
from telephony.lines import Speaker
from telephony.resample import resample
from voice.normalise import normalise
from workers.manifest import ModelStore, load_manifest

QUESTIONS = 60
"""Of each kind, for the cascade of each base: asked twice, of models too."""
TOPICS = 150
"""Of each kind that is only sorted into topics: a spoken question takes a second of two cores."""
SOUNDS_KEPT = 10_000
"""All questions are heard before any is asked; 1.5 MB each."""
ANSWERED, ABSTAIN, TOPIC, OUT, IN = "answered", "abstain", "topic", "out_of_scope", "in_scope"
Hear = Callable[[str], Understood]
_CAPITALS = re.compile(r"\b[A-Z][A-Z'’-]*(?: (?:& )?[A-Z][A-Z'’-]*)+\b|\b[A-Z]{5,}\b")
_WORD = re.compile(r"\b(?=\w*[AEIOUY])[A-Z]{2,}\b|\b[A-Z]{4,}\b")


@dataclass(slots=True, frozen=True)
class Pair:
    """A question both ways. ``kind``: the figure it counts for; ``text``, ``voice``: was it dealt with as it should be;
    ``got``: what came of the spoken one."""

    kind: str
    case: str
    said: str
    heard: Understood
    expected: str
    got: str
    text: bool
    voice: bool

    def failure(self) -> Failure:
        """To be read: lost on the telephone."""
        how = f'heard: "{self.heard.text}" ({self.heard.confidence:.2f}) → {self.got}'
        return Failure(self.case, self.said, self.expected, how, f"{self.kind}: right as text, wrong by voice")


@dataclass(slots=True, frozen=True)
class Asking:
    """A question for the cascade of one base, and what was heard of it."""

    round: Round
    asked: Asked
    heard: Understood


class VoiceSuite:
    """evaluation.contract.Suite: for each figure of the cascade and of routing its share right as ``text``, by
    ``voice``, and the ``loss``."""

    name = "voice"
    title = "The same questions, spoken over the telephone"
    needs: Sequence[str] = ("|".join((*FILES.values(), BANKING, CLINC)),)

    def run(self, occasion: Occasion) -> Outcome:
        """Raises ConfigError, KnowledgeError, LineError, ModelFileError, WorkerError."""
        hear, steps = Telephone(occasion), Steps(occasion)
        return scored([*by_topic(occasion, hear, steps), *by_cascade(occasion, hear, steps)])


class Steps:
    """How far the suite is: a spoken question is a step, a question asked both ways two."""

    def __init__(self, occasion: Occasion) -> None:
        self._advance, self._done = occasion.advance, 0
        sorts = bool(matching(occasion.data, BANKING)) + 2 * bool(matching(occasion.data, CLINC))
        asks = 3 * 2 * len(bases(occasion))
        self._of = max(1, at_most(TOPICS, occasion) * sorts + at_most(QUESTIONS, occasion) * asks)

    def take(self, count: int = 1) -> None:
        """``count`` more are done."""
        self._done = min(self._done + count, self._of)
        self._advance(self._done, self._of)


def at_most(usual: int, occasion: Occasion) -> int:
    """Questions of a kind."""
    return min(usual, occasion.limit or usual)


def bases(occasion: Occasion) -> list[str]:
    """Whose files are there."""
    return [name for name, file in FILES.items() if (occasion.data / file).is_file()]


class Telephone:
    """The second voice, the line, and the operator's ear."""

    def __init__(self, occasion: Occasion) -> None:
        """Raises LineError, ModelFileError."""
        store = ModelStore(load_manifest(), occasion.models)
        self._speaker = Speaker()
        self._listener = Listener(store, whisper={**usual_whisper(store), "sounds_kept": SOUNDS_KEPT})
        self.rereader: Rereader = self._listener.recogniser

    def __call__(self, text: str) -> Understood:
        """What is heard of it."""
        sound = resample(self._speaker.say(normalise(as_said(text)).text), RATE, WIRE_RATE)
        heard = self._listener.hear(np.frombuffer(sound, dtype="<i2"))
        whole = heard.whole
        return Understood(heard.text, heard.confidence, len(heard.turns), whole.readings, whole.words, whole.sound)


def as_said(text: str) -> str:
    """Names in capitals as names: "JINLING NOODLE BAR" → "Jinling Noodle Bar".

    The voice spells what stands in capitals; no caller does. "ATM" and "NASA" stay: one word needs five letters.
    """
    return _CAPITALS.sub(lambda run: _WORD.sub(lambda word: word.group().capitalize(), run.group()), text)


def by_topic(occasion: Occasion, hear: Hear, steps: Steps) -> list[Pair]:
    """BANKING77's topics, CLINC150's questions in and out of scope; one fold, or what --fit learned."""
    sets = [one for one in (BANKING, CLINC) if matching(occasion.data, one)]
    if not sets:
        return []
    count = at_most(TOPICS, occasion)
    # With a limit, the bench takes one fold; the cases are chosen here.
    bench = Bench(replace(occasion, limit=count, advance=lambda done, of: None))
    found: list[Pair] = []
    for pattern in sets:
        model, held_out, _ = next(iter(bench.held_out(pattern)))
        cases = [one for one in held_out if one.topic != OUTSIDE]
        asked = [*some(cases, count, occasion.seed), *some(bench.outside(pattern), count, occasion.seed)]
        heard = []
        for one in asked:
            heard.append(hear(one.text))
            steps.take()
        as_text = model.judge([one.text for one in asked], bench.embed([one.text for one in asked]))
        by_voice = model.judge([one.text for one in heard], bench.embed([one.text for one in heard]))
        for case, words, text, voice in zip(asked, heard, as_text, by_voice, strict=True):
            if pattern == BANKING:
                kind, right = TOPIC, [one.name == case.topic for one in (text, voice)]
            else:
                kind = OUT if case.topic == OUTSIDE else IN
                right = [one.outside == (kind == OUT) for one in (text, voice)]
            got = "out of scope" if kind != TOPIC and voice.outside else voice.name
            found.append(Pair(kind, case.case, case.text, words, case.topic, got, right[0], right[1]))
    return found


def some(cases: Sequence[Labelled], count: int, seed: int) -> list[Labelled]:
    """``count`` of them by chance."""
    return [cases[int(at)] for at in np.random.default_rng(seed).permutation(len(cases))[:count]]


def by_cascade(occasion: Occasion, hear: Telephone, steps: Steps) -> list[Pair]:
    """The grounding suite's first questions of every base."""
    names = bases(occasion)
    if not names:
        return []
    count = at_most(QUESTIONS, occasion)
    with ExitStack() as stack:
        rounds = [open_round(stack, occasion, name, max(count, UNANSWERABLE)) for name in names]
        asked = [(one, question) for one in rounds for question in chosen(one, count, count)]
        spoken = []
        for one, question in asked:
            spoken.append(Asking(one, question, hear(question.text)))
            steps.take()
        return asyncio.run(_asked(occasion, spoken, steps, hear.rereader))


async def _asked(occasion: Occasion, spoken: Sequence[Asking], steps: Steps, rereader: Rereader) -> list[Pair]:
    found = []
    async with Models(occasion.models, occasion.work) as models:
        models.rereader = rereader
        for one in spoken:
            text = await one.round.ask(one.asked, models)
            voice = await one.round.ask(one.asked, models, heard=one.heard)
            found.append(cascade_pair(text, voice, one.heard))
            steps.take(2)
    return found


def cascade_pair(text: Answered, voice: Answered, heard: Understood) -> Pair:
    """An answerable question is dealt with by an answer of which every claim is supported, another one by none."""
    asked = voice.asked
    kind = ANSWERED if voice.answerable else ABSTAIN
    right = [
        one.reply.answered and not any(claim.wrong for claim in one.claims)
        if kind == ANSWERED
        else not one.reply.answered
        for one in (text, voice)
    ]
    failure = voice.failure(asked.answer if kind == ANSWERED else "no answer")
    got = f"{failure.got} [{failure.note}]"
    return Pair(kind, failure.case, asked.text, heard, failure.expected, got, right[0], right[1])


def scored(pairs: Sequence[Pair]) -> Outcome:
    """Both shares of each kind and the loss, with an interval of the loss in the notes. Raises ConfigError for none."""
    if not pairs:
        raise ConfigError("the data holds no question that could be spoken")
    figures, counts, notes = dict[str, dict[str, float]](), dict[str, tuple[int, int]](), []
    for kind, group in groupby(sorted(pairs, key=lambda one: one.kind), key=lambda one: one.kind):
        rows = list(group)
        text, voice = sum(one.text for one in rows), sum(one.voice for one in rows)
        figures[kind] = {
            "text": text / len(rows), "voice": voice / len(rows), "loss": round((text - voice) / len(rows), 4)
        }  # fmt: skip
        counts |= {f"{kind}.text": (text, len(rows)), f"{kind}.voice": (voice, len(rows))}
        lost = sum(one.text and not one.voice for one in rows)
        low, high = paired_loss(lost, lost - (text - voice), len(rows))
        notes.append(
            f"{kind}: {100 * (text - voice) / len(rows):.1f} points lost, 95 % interval {100 * low:.1f} to "
            f"{100 * high:.1f} (n = {len(rows)})."
        )
    heard = [one.heard for one in pairs]
    notes += [
        f"Of {len(heard)} spoken questions {sum(not one.text for one in heard)} were not understood at all; "
        f"{sum(one.turns > 1 for one in heard)} were taken for several turns, whose words are asked together.",
        "Intervals of losses: matched pairs, Agresti and Min (2005).",
    ]
    failures = [one.failure() for one in pairs if one.text and not one.voice]
    return Outcome(figures, counts, failures, notes)
