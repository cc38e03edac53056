"""What the cascade saves against the large model alone, and what it costs in right answers: both asked the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from dialog.matching import candidates
from dialog.words import Thesaurus
from evaluation.asking import LargeOnly, Models, shipped
from evaluation.charts import curve
from evaluation.contract import Occasion, Outcome
from evaluation.rounds import Answered, Round, open_round, worlds_in

ANSWERABLE, UNANSWERABLE = 40, 20
"""Of each base."""
PASSAGES = 10


@dataclass(slots=True, frozen=True)
class Pair:
    """A question, what the cascade made of it, and what the large model did. ``sure``: probability that it answers."""

    cascade: Answered
    large: Answered
    sure: float


class CascadeSuite:
    """evaluation.contract.Suite: ``model_time_ratio``: seconds of language models against the large one alone."""

    name = "cascade"
    title = "The cascade against the large model alone"
    needs: Sequence[str] = ("knowledge/banking/documents.json|knowledge/spoken_faq/knowledge.json",)

    def run(self, occasion: Occasion) -> Outcome:
        """Raises ConfigError, KnowledgeError, WorkerError."""
        return scored(asyncio.run(ask_both(occasion)))


async def ask_both(occasion: Occasion) -> list[Pair]:
    """Every question twice, one after the other, so that whatever else runs slows both."""
    answerable = min(ANSWERABLE, occasion.limit or ANSWERABLE)
    unanswerable = min(UNANSWERABLE, occasion.limit or UNANSWERABLE)
    found: list[Pair] = []
    with ExitStack() as stack:
        rounds = [open_round(stack, occasion, name, 2 * ANSWERABLE) for name in worlds_in(occasion)]
        asked = [
            (one, question)
            for one in rounds
            for question in (*one.world.answerable[:answerable], *one.world.unanswerable[:unanswerable])
        ]
        async with Models(occasion.models, occasion.work) as models:
            for number, (one, question) in enumerate(asked):
                cascade = await one.ask(question, models)
                large = await one.ask(question, models, router=LargeOnly)
                found.append(Pair(cascade, large, likely(one, question.text)))
                occasion.advance(number + 1, len(asked))
    return found


def likely(one: Round, text: str) -> float:
    """Probability of the best passage, by the shipped weights."""
    file = shipped()
    words = Thesaurus(file.synonyms, file.generic_words)
    fits = candidates(text, one.world.base.search(text, limit=PASSAGES).passages, words)
    return max((file.answerable.probability(fit) for fit in fits), default=0.0)


def scored(pairs: Sequence[Pair]) -> Outcome:
    """Figures, the questions that only one of them got right, and quality against cost as the threshold moves."""
    count = len(pairs)
    correct = sum(one.cascade.well for one in pairs)
    correct_large = sum(one.large.well for one in pairs)
    free = sum(not one.cascade.reply.asked for one in pairs)
    spent = sum(one.cascade.reply.model_s for one in pairs)
    spent_large = sum(one.large.reply.model_s for one in pairs)
    ratio = spent / spent_large if spent_large else 0.0
    counts = {
        "correct": (correct, count),
        "correct_large_only": (correct_large, count),
        "no_model_share": (free, count),
    }
    failures = [
        one.cascade.failure(one.cascade.asked.answer or "no answer")
        for one in sorted(pairs, key=lambda one: one.large.well, reverse=True)
        if not one.cascade.well
    ]
    points = trade(pairs)
    picture = curve(
        points,
        (ratio, correct / count if count else 0.0),
        "model time of the large model alone",
        "dealt with correctly",
    )
    return Outcome(
        figures={
            "correct": correct / count if count else 0.0,
            "correct_large_only": correct_large / count if count else 0.0,
            "model_time_ratio": ratio,
            "no_model_share": free / count if count else 0.0,
        },
        counts=counts,
        failures=failures,
        notes=[
            f"Mean model time {spent / max(1, count):.2f} s against {spent_large / max(1, count):.2f} s a question.",
            "Correct: all facts of the sentence that the question was made from and nothing unsupported; or no answer, "
            "where no document has one.",
        ],
        pictures={"quality against cost": picture} if picture else {},
    )


def trade(pairs: Sequence[Pair]) -> list[tuple[float, float]]:
    """(model time, correct) as shares, when questions less sure than a threshold all go to the large model."""
    spent_large = sum(one.large.reply.model_s for one in pairs) or 1.0
    found = []
    for threshold in sorted({0.0, *(one.sure for one in pairs), 1.01}):
        taken = [one.large if one.sure < threshold else one.cascade for one in pairs]
        found.append(
            (sum(one.reply.model_s for one in taken) / spent_large, sum(one.well for one in taken) / len(pairs))
        )
    return sorted(found)
