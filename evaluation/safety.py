"""Who is handed to a person for their own good, and who is so without reason: the shipped rules and risk classifier.

What callers say goes through the same RuleBook and RiskModel as in a call, with the shipped configs and the same
embedder. Only ConvAbuse is learned from: in folds of it, or from the folder of ``--fit``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contracts.configfile import load_yaml
from contracts.handoff import Reason
from contracts.settings import Settings
from escalation.facts import TurnFacts
from escalation.risk import RiskFile, RiskModel, Vectors, pieces
from escalation.rules import Firing, RuleBook
from evaluation import clips, safetydata
from evaluation.contract import Failure, Occasion, Outcome
from evaluation.safetydata import Case
from workers.engines.embedder import Embedder

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
REQUESTS = Path(__file__).resolve().parent / "person_requests.yaml"
PROTECTING = frozenset({Reason.DANGER, Reason.EMERGENCY, Reason.VULNERABLE, Reason.BEREAVEMENT, Reason.ABUSE})
"""Reasons that are a false alarm when an ordinary customer's question gives them."""
FOLDS = 5
SHOWN = 40
BATCH = 512
LIMITS = np.arange(0.3, 0.95, 0.025)


class RequestFile(Settings):
    """evaluation/person_requests.yaml."""

    requests: list[str]


class Judge:
    """The product's rules with the product's classifier; embeds in batches."""

    def __init__(self, models: Path, configs: Path = CONFIGS) -> None:
        self.embedder = Embedder(models / "minilm", threads=1)
        self.file = load_yaml(configs / "risk.yaml", RiskFile)
        self.book = RuleBook.load(configs / "rules.yaml")
        self.shipped = self.embedder.embed(self.file.texts)
        self.model = RiskModel.fit(self.file, self.shipped)

    def firings(self, cases: Sequence[Case]) -> list[Firing | None]:
        """What each turn leads to."""
        parts = [pieces(case.text) for case in cases]
        flat = [text for listed in parts for text in listed]
        vectors = self.embedder.embed(flat) if flat else np.zeros((0, self.embedder.dimension), np.float32)
        found, at = [], 0
        for case, listed in zip(cases, parts, strict=True):
            risks = self.model.score(listed, vectors[at : at + len(listed)])
            at += len(listed)
            found.append(self.book.evaluate(TurnFacts(text=case.text, risks=risks)))
        return found


class SafetySuite:
    """Key ``safety`` of the scorecard."""

    name = "safety"
    title = "People in danger or need, abuse, and requests for a person"
    needs = (
        safetydata.SELF_HARM,
        safetydata.COUNSEL,
        safetydata.XSTEST,
        safetydata.ABUSE,
        safetydata.BANKING,
        safetydata.CALLS,
    )

    def run(self, occasion: Occasion) -> Outcome:
        """Raises ConfigError for data that cannot be read, ModelFileError without the embedder."""
        judge = Judge(occasion.models)
        data, failures = occasion.data, []
        ordinary = [*safetydata.banking(data)[: occasion.limit], *safetydata.caller_turns(data)[: occasion.limit]]
        harmless = safetydata.harmless_prompts(data)[: occasion.limit]
        wanted = [
            ("self_harm_recall", safetydata.self_harm(data)[: occasion.limit], PROTECTING),
            ("vulnerable_recall", safetydata.vulnerable(data)[: occasion.limit], PROTECTING),
            ("person_request_recall", _requests(), frozenset({Reason.PERSON_REQUESTED})),
        ]
        steps = len(ordinary) + len(harmless) + sum(len(cases) for _, cases, _ in wanted)
        done = 0
        counts: dict[str, tuple[int, int]] = {}
        for name, cases, reasons in wanted:
            found = judge.firings(cases)
            missed = [not _one_of(firing, reasons) for firing in found]
            counts[name] = (len(cases) - sum(missed), len(cases))
            failures += _failures(cases, found, missed, "a person")
            done += len(cases)
            occasion.advance(done, steps)
        alarms = []
        for start in range(0, len(ordinary), BATCH):
            batch = ordinary[start : start + BATCH]
            found = judge.firings(batch)
            false = [_one_of(firing, PROTECTING) for firing in found]
            alarms += false
            failures += _failures(batch, found, false, "no alarm")
            occasion.advance(done + start + len(batch), steps)
        counts["false_alarm"] = (sum(alarms), len(alarms))
        found = judge.firings(harmless)
        false = [firing is not None for firing in found]
        counts["xstest_false"] = (sum(false), len(false))
        failures += _failures(harmless, found, false, "no alarm")
        occasion.advance(steps, steps)
        clips, alarmed = _clips(judge, occasion)
        failures += alarmed
        f1, alone, note = abuse_f1(judge, occasion)
        figures = {name: hits / total for name, (hits, total) in counts.items() if total} | {"abuse_f1": f1}
        notes = (
            note,
            f"Abuse by the shipped examples and rules alone, nothing learned from the data: F1 {alone:.3f}.",
            "False alarms are hand-overs for danger, emergency, need, loss or abuse; for XSTest any hand-over counts.",
            "The sixty requests for a person are the project's own (evaluation/person_requests.yaml).",
            *clips,
        )
        return Outcome(figures, counts, failures, notes)


def _clips(judge: Judge, occasion: Occasion) -> tuple[list[str], list[Failure]]:
    """What the rules made of the recorded callers, in words, and each turn that would get a person, to be read."""
    listened = clips.heard(occasion.data, occasion.models, occasion.limit, lambda: None)
    if not listened:
        return [], []
    cases = [case for clip in listened for case in clip.cases()]
    found = judge.firings(cases)
    taken = sorted({case.id.rpartition("-")[0] for case, firing in zip(cases, found, strict=True) if firing})
    unheard = sum(
        judge.book.evaluate(TurnFacts(no_match=run)) is not None for run in (clip.wordless_run for clip in listened)
    )
    said = (
        f"{len(listened)} recorded callers (clips), heard by the operator's ear, {len(cases)} turns with words: "
        f"{len(taken)} would get a person for what was heard ({', '.join(taken) or 'nobody'}), "
        f"{unheard} for turns without words."
    )
    return [said], _failures(cases, found, [firing is not None for firing in found], "no hand-over")


def abuse_f1(judge: Judge, occasion: Occasion) -> tuple[float, float, str]:
    """F1 of abuse learned from data, F1 of what is shipped alone, and how it was learned."""
    cases = safetydata.abuse(occasion.data)[: occasion.limit]
    truth = np.array([label for _, label in cases])
    texts = [case.text for case, _ in cases]
    vectors = judge.embedder.embed(texts)
    shipped = np.array([_one_of(one, frozenset({Reason.ABUSE})) for one in judge.firings([case for case, _ in cases])])
    if occasion.fit is not None:
        taught = safetydata.abuse(occasion.fit)
        words, labels = [case.text for case, _ in taught], np.array([label for _, label in taught])
        known = judge.embedder.embed(words)
        limit = _best(labels, _by_folds(judge, words, known, labels, occasion.seed))
        scores = _learned(judge, words, known, labels, texts, vectors)
        return f1_of(truth, scores >= limit), f1_of(truth, shipped), f"Abuse: learned from {occasion.fit}."
    scores = _by_folds(judge, texts, vectors, truth, occasion.seed)
    said = _folds(len(texts), occasion.seed)
    found = np.zeros(len(texts), bool)
    for fold in range(FOLDS):
        inside = said == fold
        found[inside] = scores[inside] >= _best(truth[~inside], scores[~inside])
    return f1_of(truth, found), f1_of(truth, shipped), f"Abuse: {FOLDS} folds of {len(texts)} turns with a majority."


def f1_of(truth: npt.NDArray[np.bool_], found: npt.NDArray[np.bool_]) -> float:
    """F1 of the positive class; 0 where there is none."""
    both = int((truth & found).sum())
    total = int(truth.sum() + found.sum())
    return 2 * both / total if total else 0.0


def _by_folds(
    judge: Judge, texts: list[str], vectors: Vectors, truth: npt.NDArray[np.bool_], seed: int
) -> npt.NDArray[np.float32]:
    fold_of = _folds(len(texts), seed)
    scores = np.zeros(len(texts), np.float32)
    for fold in range(FOLDS):
        taught, asked = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        scores[asked] = _learned(
            judge,
            [texts[row] for row in taught],
            vectors[taught],
            truth[taught],
            [texts[row] for row in asked],
            vectors[asked],
        )
    return scores


def _learned(
    judge: Judge,
    texts: Sequence[str],
    vectors: Vectors,
    labels: npt.NDArray[np.bool_],
    asked: Sequence[str],
    asked_vectors: Vectors,
) -> npt.NDArray[np.float32]:
    """Scores of a model of abuse alone, taught with the shipped examples and these."""
    own = judge.file.labels["abuse"]
    start = judge.file.texts.index(own[0])
    mine = np.zeros(len(judge.shipped), bool)
    mine[start : start + len(own)] = True
    others = [text for text, is_own in zip(judge.file.texts, mine, strict=True) if not is_own]
    yes, no = np.flatnonzero(labels), np.flatnonzero(~labels)
    file = judge.file.model_copy(
        update={
            "labels": {"abuse": [*own, *(texts[int(row)] for row in yes)]},
            "sums": {},
            "none": [*others, *(texts[int(row)] for row in no)],
        }
    )
    rows = np.vstack([judge.shipped[mine], vectors[yes], judge.shipped[~mine], vectors[no]])
    return np.asarray(RiskModel.fit(file, rows).scores(asked, asked_vectors)[:, 0])


def _best(truth: npt.NDArray[np.bool_], scores: npt.NDArray[np.float32]) -> float:
    return float(max(LIMITS, key=lambda limit: f1_of(truth, scores >= limit)))


def _folds(count: int, seed: int) -> npt.NDArray[np.int64]:
    return np.asarray(np.random.default_rng(seed).permutation(count) % FOLDS)


def _requests() -> list[Case]:
    listed = load_yaml(REQUESTS, RequestFile).requests
    return [Case(f"request-{number}", text) for number, text in enumerate(listed, 1)]


def _one_of(firing: Firing | None, reasons: frozenset[Reason]) -> bool:
    return firing is not None and firing.reason in reasons


def _failures(
    cases: Sequence[Case], found: Sequence[Firing | None], wrong: Sequence[bool], expected: str
) -> list[Failure]:
    kept = [(case, firing) for case, firing, bad in zip(cases, found, wrong, strict=True) if bad][:SHOWN]
    return [
        Failure(
            case.id,
            case.text[:400],
            expected,
            firing.rule_id if firing else "nothing",
            firing.evidence if firing else case.kind,
        )
        for case, firing in kept
    ]
