"""Says the operator only what its documents say, and does it say it? Asked of bases with documents taken out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack

from dialog.outcome import Result
from evaluation.asking import Models
from evaluation.contract import Failure, Occasion, Outcome
from evaluation.questions import Asked
from evaluation.rounds import Answered, Round, open_round, worlds_in

ANSWERABLE = 200
UNANSWERABLE = 120
"""Of each base: a third about documents that were taken out, as many of the other base, as many out of any scope."""


class GroundingSuite:
    """evaluation.contract.Suite: ``unsupported`` is a share of claims, ``abstain`` and ``answered`` of questions."""

    name = "grounding"
    title = "Only what the documents say"
    needs: Sequence[str] = ("knowledge/*/*.json",)

    def run(self, occasion: Occasion) -> Outcome:
        """Raises ConfigError, KnowledgeError, WorkerError."""
        return scored(asyncio.run(ask_all(occasion)))


async def ask_all(occasion: Occasion) -> list[Answered]:
    """Everything, through the cascade as it is shipped but for what is fitted."""
    names = worlds_in(occasion)
    wanted = min(ANSWERABLE, occasion.limit or ANSWERABLE)
    found: list[Answered] = []
    with ExitStack() as stack:
        rounds = [open_round(stack, occasion, name, max(wanted, UNANSWERABLE)) for name in names]
        asked = [(one, question) for one in rounds for question in chosen(one, wanted, occasion.limit)]
        async with Models(occasion.models, occasion.work) as models:
            for number, (one, question) in enumerate(asked):
                found.append(await one.ask(question, models))
                occasion.advance(number + 1, len(asked))
    return found


def chosen(one: Round, answerable: int, limit: int | None) -> list[Asked]:
    """The questions of one world that are asked."""
    third = min(UNANSWERABLE, limit or UNANSWERABLE) // 3
    foreign = one.world.foreign
    half = len(foreign) // 2
    return [
        *one.world.answerable[:answerable], *one.world.removed[:third], *foreign[:third],
        *foreign[max(half, third) :][:third],
    ]  # fmt: skip


def scored(found: Sequence[Answered]) -> Outcome:
    """Figures, and everything that went wrong."""
    real = [one for one in found if one.answerable]
    none = [one for one in found if not one.answerable]
    said = [claim for one in real for claim in one.claims]
    wrong = sum(bool(claim.wrong) for claim in said)
    kept = sum(not one.reply.answered for one in none)
    told = sum(one.reply.answered for one in real)
    failures: list[Failure] = [one.failure(one.asked.answer) for one in real if any(c.wrong for c in one.claims)]
    failures += [one.failure("no answer") for one in none if one.reply.answered]
    failures += [one.failure(one.asked.answer) for one in real if not one.reply.answered]
    counts = {"unsupported": (wrong, len(said)), "abstain": (kept, len(none)), "answered": (told, len(real))}
    rungs = {rung: sum(one.reply.outcome.rung == rung for one in real) for rung in ("extractive", "small", "large")}
    exact = sum(one.right for one in real)
    back = [sum(one.reply.outcome.result is Result.CLARIFY for one in some) for some in (real, none)]
    return Outcome(
        figures={name: count / of if of else 0.0 for name, (count, of) in counts.items()},
        counts=counts,
        failures=failures,
        notes=[
            f"{exact} of {len(real)} answerable questions got the very facts of the sentence they were made from.",
            f"Answerable questions by rung: {', '.join(f'{name} {count}' for name, count in rungs.items())}.",
            f"Asked back, and so not answered: {back[0]} answerable questions, {back[1]} unanswerable ones.",
            "Questions are made by rule from the documents; claims are judged by rule, apart from the gate.",
        ],
    )
