"""The suites over one release of the knowledge base: what gates its publication (knowledge/suites.py).

The questions are made by rule from the release's own documents, as for `callwright evaluate` from a data folder; one
document in twelve is left out, and what it answered must then stay unanswered, with the owner's golden questions that
no document answers and questions about anything (strays.txt). They go through the whole cascade, with the operator's
own thresholds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dialog.outcome import Result
from dialog.settings import CascadeFile
from evaluation.asking import Models, Reply, Searches, WithoutModels
from evaluation.bases import Article
from evaluation.contract import Failure
from evaluation.intervals import wilson
from evaluation.questions import Asked, of_places, of_statements, subject, without_answer
from evaluation.rounds import Answered, Round
from evaluation.worlds import REMOVED, World
from knowledge.apart import WholeDocument

STRAYS = Path(__file__).with_name("strays.txt")
"""Made up; nothing that a company's documents would answer."""
HITS = 10
_PASSAGES = 50
_FEWEST = 12
"""Of fewer documents none is left out: too little would be left."""


@dataclass(slots=True, frozen=True)
class Questions:
    """``gone``: keys of the documents that are left out; ``absent``: questions that no document answers then."""

    asked: Sequence[Asked]
    absent: Sequence[Asked]
    gone: frozenset[str]


def article_of(document: WholeDocument) -> Article:
    """As suites see it; its key is its source."""
    return Article(document.source, document.title, document.body)


def questions_of(documents: Sequence[WholeDocument], never: Sequence[str], count: int, seed: int) -> Questions:
    """``count`` of each kind at most, in an order of chance. ``never``: what no document answers, the owner says."""
    chooser = random.Random(seed)
    keys = sorted(one.source for one in documents)
    chooser.shuffle(keys)
    gone = frozenset(keys[: len(keys) // REMOVED if len(keys) >= _FEWEST else 0])
    stating = [article_of(one) for one in documents if not one.answers]
    answering = [article_of(one) for one in documents if one.answers]
    naming = sum(bool(subject(one.title)) for one in stating)
    stated, listed = of_statements(stating, unnamed=2 * naming < len(stating)), of_places(answering)
    rest = [one for one in stating if one.key not in gone]
    absent = [
        *without_answer([one for one in stated if one.article in gone], rest),
        *(one for one in listed if one.article in gone),
    ]
    asked = [one for one in (*stated, *listed) if one.article not in gone]
    chooser.shuffle(asked)
    chooser.shuffle(absent)
    golden = [Asked(f"golden/{at + 1}", text, named=False) for at, text in enumerate(never)]
    strays = [Asked(f"anything/{at + 1}", text, named=False) for at, text in enumerate(STRAYS.read_text().splitlines())]
    missing = [replace(one, case=f"left out/{one.case}", article="") for one in absent[: count // 2]]
    return Questions(asked[:count], (golden + missing + strays)[:count], gone)


async def ask(
    questions: Questions,
    documents: Sequence[WholeDocument],
    base: Searches,
    thresholds: CascadeFile,
    models: Models | WithoutModels,
    advance: Callable[[int, int], None],
) -> dict[str, Any]:
    """Ask everything: what knowledge.suites reads as an outcome. Raises WorkerError."""
    world = World("release", questions.asked, (), questions.absent, base)
    one = Round(world, {each.source: article_of(each) for each in documents}, lambda asked: thresholds)
    found: list[Answered] = []
    lost: list[Failure] = []
    total = len(questions.asked) + len(questions.absent)
    async with models:
        for asked in (*questions.asked, *questions.absent):
            found.append(await one.ask(asked, models))
            if asked.article and (missed := not_found(asked, base)):
                lost.append(missed)
            advance(len(found), total)
    return outcome(found, lost, with_models=isinstance(models, Models))


def not_found(asked: Asked, base: Searches) -> Failure | None:
    """Is its document among the first ten?"""
    passages = base.search(asked.text, limit=_PASSAGES).passages
    hits = list(dict.fromkeys(one.source for one in passages))[:HITS]
    if asked.article in hits:
        return None
    return Failure(asked.case, asked.text, asked.article, "; ".join(hits[:3]), "its document is not found")


def outcome(found: Sequence[Answered], lost: Sequence[Failure], *, with_models: bool) -> dict[str, Any]:
    """Counts, intervals, failures and notes, as JSON. Pure."""
    real = [one for one in found if one.answerable]
    none = [one for one in found if not one.answerable]
    said = [claim for one in real for claim in one.claims]
    wrong = sum(bool(claim.wrong) for claim in said)
    told = [one for one in real if spoke(one.reply, with_models)]
    kept = [one for one in none if not spoke(one.reply, with_models)]
    failures = [_failure(one, "says what no document says") for one in real if any(c.wrong for c in one.claims)]
    failures += [_failure(one, "answered, though no document answers it") for one in none if one not in kept]
    failures += [_failure(one, "not answered") for one in real if one not in told]
    counts = {
        "any_hit_10": (len(real) - len(lost), len(real)),
        "answered": (len(told), len(real)),
        "unsupported": (wrong, len(said)),
        "abstain": (len(kept), len(none)),
    }
    left = sum(_left(one.reply) for one in real)
    back = sum(one.reply.outcome.result is Result.CLARIFY for one in found)
    notes = [
        f"{len(real)} questions made by rule from the documents, {len(none)} that no document answers.",
        f"{sum(one.right for one in real)} of the answers hold the very facts of the sentence that was asked for.",
        f"Asked back, which counts as no answer: {back}.",
    ]
    if not with_models:
        notes.append(f"No language model was asked; {left} answerable questions would be handed to one.")
    return {
        "counts": counts,
        "intervals": {name: list(wilson(*pair)) for name, pair in counts.items() if pair[1]},
        "failures": [asdict(one) for one in (*failures, *lost)],
        "notes": notes,
    }


def spoke(reply: Reply, with_models: bool) -> bool:
    """Was it answered, or would it be by a model that was not asked here?"""
    return reply.answered or (not with_models and _left(reply))


def _left(reply: Reply) -> bool:
    return bool(reply.asked) and not reply.answered


def _failure(one: Answered, what: str) -> Failure:
    wrong = "; ".join(claim.wrong for claim in one.claims if claim.wrong)
    left = _left(one.reply)
    got = " ".join(one.reply.spoken) or ("(handed to a language model)" if left else "(nothing)")
    why = wrong or ("not asked here" if left else one.reply.outcome.why)
    return Failure(one.asked.case, one.asked.text, one.asked.answer or "no answer", f"{got} – {why}", what)
