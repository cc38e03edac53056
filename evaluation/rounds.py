"""Asks a world's questions through the whole cascade, each with thresholds that were not fitted on it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from contracts.engines import Word
from contracts.errors import ConfigError
from dialog.outcome import Question
from dialog.router import Router
from dialog.settings import CascadeFile
from dialog.words import Thesaurus
from evaluation.asking import CONFIDENCE, Cascades, Reply, shipped
from evaluation.bases import Article
from evaluation.contract import Failure, Occasion
from evaluation.fitfile import LEAST_ERROR, SURE_ERROR, fit_data, judged_world
from evaluation.fitting import fit
from evaluation.judging import Claim, claims, right
from evaluation.questions import Asked
from evaluation.worlds import FILES, World, articles_of, world

FOLDS = 5
ThresholdsOf = Callable[[Asked], CascadeFile]


@dataclass(slots=True, frozen=True)
class Answered:
    """A question and what came of it. ``world``: whose base was asked."""

    world: str
    asked: Asked
    reply: Reply
    claims: Sequence[Claim]
    right: bool

    @property
    def answerable(self) -> bool:
        """Does the base hold the answer?"""
        return bool(self.asked.article)

    @property
    def well(self) -> bool:
        """Dealt with as it should be: the answer, or no answer where there is none."""
        return self.right if self.answerable else not self.reply.answered

    def failure(self, expected: str) -> Failure:
        """To be read."""
        got = " ".join(self.reply.spoken) or f"({self.reply.outcome.result}: {self.reply.outcome.why})"
        note = "; ".join(one.wrong for one in self.claims if one.wrong) or f"{self.reply.outcome.rung}"
        return Failure(f"{self.world}/{self.asked.case}", self.asked.text, expected, got, note)


@dataclass(slots=True, frozen=True)
class Understood:
    """A spoken question as it was recognised. ``confidence``: 0..1; ``turns``: into how many it was cut; ``readings``:
    what else it may have been; ``words``: how sure each is; ``sound``: names it to the recogniser."""

    text: str
    confidence: float
    turns: int = 1
    readings: tuple[str, ...] = ()
    words: tuple[Word, ...] = ()
    sound: str = ""


@dataclass(slots=True, frozen=True)
class Round:
    """An opened world, its documents by key, and the thresholds for each of its questions."""

    world: World
    articles: Mapping[str, Article]
    thresholds: ThresholdsOf

    async def ask(
        self, asked: Asked, models: Cascades, router: type[Router] = Router, heard: Understood | None = None
    ) -> Answered:
        """``heard``: what the cascade gets instead of the question's own words; judged is what it says to those.

        Raises WorkerError.
        """
        words = heard or Understood(asked.text, CONFIDENCE)
        base, thresholds = self.world.base, self.thresholds(asked)
        heard_as = Question(words.text, words.confidence, readings=words.readings, words=words.words, sound=words.sound)
        reply = await models.ask(heard_as, base, thresholds, router)
        said = claims(asked, reply, self.articles)
        return Answered(self.world.name, asked, reply, said, right(asked, reply, said))


def worlds_in(occasion: Occasion) -> list[str]:
    """Which bases the data has. Raises ConfigError if it has none."""
    found = [name for name, file in FILES.items() if (occasion.data / file).is_file()]
    if not found:
        raise ConfigError(f"{occasion.data}: a knowledge base is missing; one of {', '.join(FILES.values())}")
    return found


def open_round(stack: ExitStack, occasion: Occasion, name: str, count: int) -> Round:
    """A world with ``count`` questions of each kind; the base stays open as long as ``stack``."""
    found = stack.enter_context(world(occasion.data, name, occasion.models, occasion.work, occasion.seed, count))
    articles = {one.key: one for one in articles_of(occasion.data, name)}
    return Round(found, articles, _thresholds(found, occasion))


def _thresholds(found: World, occasion: Occasion) -> ThresholdsOf:
    """Fitted on ``occasion.fit``; without it, for each fold of questions on the others."""
    file = shipped()
    words = Thesaurus(file.synonyms, file.generic_words)
    if occasion.fit is not None:
        work = occasion.work / "fit"
        work.mkdir(exist_ok=True)
        fitted = fit_data(occasion.fit, occasion.models, work, words, occasion.seed, lambda line: None)
        whole = file.model_copy(update={"answerable": fitted})
        return lambda asked: whole
    judged = judged_world(found, words, occasion.seed)
    groups = sorted({one.group for one in judged})
    random.Random(occasion.seed).shuffle(groups)
    fold_of = {group: number % FOLDS for number, group in enumerate(groups)}
    files = []
    for fold in range(FOLDS):
        others = [one for one in judged if fold_of[one.group] != fold]
        fitted = fit(others, f"fold {fold}", LEAST_ERROR, SURE_ERROR, occasion.seed)
        files.append(file.model_copy(update={"answerable": fitted}))
    return lambda asked: files[fold_of[asked.article or asked.case]]
