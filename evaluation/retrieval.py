"""Does the operator find the document that answers? Asked of the product's own search, on bases made from the data.

``knowledge/banking``: the caller's side is what a task tells its caller to say, searched as one story; a hit is a
document, ten are looked at. ``knowledge/spoken_faq``: the last turn is the question, with the recogniser's other
readings; what both sides said before is the talk; a hit is an entry.

Nothing is fitted here: the search's weights stand in ``knowledge.settings``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.engines import Evidence, Passage
from contracts.errors import ConfigError
from evaluation.contract import Failure, Occasion, Outcome
from knowledge.base import KnowledgeBase
from knowledge.engine import open_base
from knowledge.passages import plain
from knowledge.settings import KnowledgeSettings

BY = "evaluation"
BANKING = "knowledge/banking"
FAQ = "knowledge/spoken_faq"
HITS = 10
_SELF = (
    (re.compile(r"\byou(?:'re| are)\b", re.I), "I am"),
    (re.compile(r"\byour(s?)\b", re.I), r"my"),
    (re.compile(r"\byou\b", re.I), "I"),
)
_MARK = re.compile(r"^\s*(?:#+|[-*•]|\d+[.)])\s+")


@dataclass(slots=True, frozen=True)
class Asked:
    """A case: what to search for, and what answers it. ``right``: documents, or pairs of document and heading."""

    name: str
    said: str
    right: frozenset[str]
    talk: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()


class RetrievalSuite:
    """evaluation.contract.Suite."""

    name = "retrieval"
    title = "Finding the document that answers"
    needs: Sequence[str] = (
        f"{BANKING}/documents.json",
        f"{BANKING}/tasks.json",
        f"{FAQ}/knowledge.json",
        f"{FAQ}/dialogues.json",
    )

    def run(self, occasion: Occasion) -> Outcome:
        """Raises ConfigError, KnowledgeError."""
        bank = banking_cases(_read(occasion.data / BANKING / "tasks.json"))[: occasion.limit]
        entries = _read(occasion.data / FAQ / "knowledge.json")
        spoken = faq_cases(_read(occasion.data / FAQ / "dialogues.json"), entries)[: occasion.limit]
        total = len(bank) + len(spoken)
        failures: list[Failure] = []
        found = passages_found = 0
        with base_of(occasion.data / BANKING / "documents.json", occasion) as base:
            for at, case in enumerate(bank):
                passages = _search(base, case, limit=50).passages
                hits = list(dict.fromkeys(_key(one) for one in passages))[:HITS]
                found += bool(case.right & set(hits))
                passages_found += bool(case.right & {_key(one) for one in passages[:HITS]})
                if not case.right & set(hits):
                    failures.append(_failure(case, hits[:3]))
                occasion.advance(at + 1, total)
        ranks: list[int] = []
        with base_of(occasion.data / FAQ / "knowledge.json", occasion) as base:
            for at, case in enumerate(spoken):
                hits = list(dict.fromkeys(_entry(one) for one in _search(base, case, limit=2 * HITS).passages))
                ranks.append(next((rank for rank, hit in enumerate(hits, 1) if hit in case.right), 0))
                if ranks[-1] != 1:
                    failures.append(_failure(case, hits[:3], f"rank {ranks[-1]}" if ranks[-1] else "not found"))
                occasion.advance(len(bank) + at + 1, total)
        counts = {
            "banking.any_hit_10": (found, len(bank)),
            "spoken_faq.r1": (sum(rank == 1 for rank in ranks), len(ranks)),
            "spoken_faq.r5": (sum(0 < rank <= 5 for rank in ranks), len(ranks)),
        }
        figures: dict[str, dict[str, float]] = {"banking": {}, "spoken_faq": {}}
        for name, (right, of) in counts.items():
            part, _, figure = name.partition(".")
            figures[part][figure] = right / of if of else 0.0
        notes = (
            "banking: ten hits are the first ten documents; the caller's side is what the task tells its caller",
            f"banking, ten passages instead of ten documents: {passages_found} of {len(bank)}",
            "nothing was fitted: the same weights for both bases",
        )
        return Outcome(figures, counts, failures, notes)


@contextmanager
def base_of(documents: Path, occasion: Occasion) -> Iterator[KnowledgeBase]:
    """A published base that holds one file; what quarantine holds back is let in, as a person would do."""
    base = open_base(occasion.work / documents.parent.name, occasion.models / "minilm", KnowledgeSettings())
    base.open()
    try:
        base.add(documents.read_bytes(), documents.name, by=BY)
        for one in base.held():
            base.decide(one.document.source, accept=True, by=BY)
        base.publish(base.propose(by=BY).release, by=BY, despite="an evaluation")
        yield base
    finally:
        base.close()


def banking_cases(tasks: Any) -> list[Asked]:
    """Tasks that require documents. Raises ConfigError."""
    found = []
    for at, task in enumerate(_list(tasks, "tasks.json")):
        try:
            told = task["user_scenario"]["instructions"]
            required = frozenset(map(str, task.get("required_documents") or ()))
        except (KeyError, TypeError) as error:
            raise ConfigError(
                f"tasks.json, task {at + 1}: has no {error}; give files laid out like the data"
            ) from error
        if required:
            text = told if isinstance(told, str) else "\n".join(map(str, dict(told).values()))
            found.append(Asked(str(task.get("id", at + 1)), callers_side(text), required))
    return found


def callers_side(told: str) -> str:
    """What a caller is told, as the caller would say it: in the first person, without Markdown."""
    lines = [plain(_MARK.sub("", line)) for line in told.splitlines()]
    text = "\n".join(line for line in lines if line)
    for pattern, word in _SELF:
        text = pattern.sub(word, text)
    return text


def faq_cases(dialogues: Any, knowledge: Mapping[str, Any]) -> list[Asked]:
    """Dialogues whose last turn an entry answers. Raises ConfigError."""
    found = []
    for at, dialogue in enumerate(_list(dialogues, "dialogues.json")):
        try:
            label, log = dialogue["label"], dialogue["log"]
            if not label.get("target", True) or not label.get("knowledge") or not log:
                continue
            right = frozenset(_answer(one, knowledge) for one in label["knowledge"])
            last = log[-1]
            said = [str(one["hyp"]) for one in last.get("nbest", ())]
            talk = tuple(str(turn["text"]) for turn in log[:-1])
            found.append(Asked(f"dialogue {at + 1}", str(last["text"]), right, talk, tuple(said)))
        except (KeyError, TypeError) as error:
            raise ConfigError(
                f"dialogues.json, dialogue {at + 1}: has no {error}; give files laid out like the data"
            ) from error
    return found


def _answer(label: Mapping[str, Any], knowledge: Mapping[str, Any]) -> str:
    domain, entity, number = (str(label[key]) for key in ("domain", "entity_id", "doc_id"))
    title = knowledge[domain][entity]["docs"][number]["title"]
    return f"{domain}/{entity} {plain(title)}"


def _key(passage: Passage) -> str:
    """A document's key within its file."""
    return passage.source.partition("#")[2]


def _entry(passage: Passage) -> str:
    return f"{_key(passage)} {passage.heading or passage.title}"


def _search(base: KnowledgeBase, case: Asked, limit: int) -> Evidence:
    return base.search(case.said, limit=limit, talk=case.talk, readings=case.readings)


def _failure(case: Asked, hits: Sequence[str], note: str = "") -> Failure:
    return Failure(case.name, case.said, "; ".join(sorted(case.right)), "; ".join(hits), note)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); give a folder laid out like the data") from error


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise ConfigError(f"{name}: is not a list; give files laid out like the data")
    return value
