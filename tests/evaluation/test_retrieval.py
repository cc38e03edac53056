"""The retrieval suite on a base of a few documents that the test writes."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import ConfigError
from evaluation.contract import Occasion, Outcome
from evaluation.retrieval import RetrievalSuite, banking_cases, callers_side, faq_cases

DOCUMENTS = [
    {"id": "wires", "title": "Wire transfers", "content": "A wire transfer within the country costs 25 dollars."},
    {"id": "mugs", "title": "Gift mugs", "content": "A mug with the bank's logo is given to new customers."},
]
KNOWLEDGE = {
    "hotel": {
        "1": {"name": "Alder Lodge", "docs": {"0": {"title": "Are dogs allowed?", "body": "Dogs are welcome."}}},
        "2": {"name": "Birch House", "docs": {"0": {"title": "Are dogs allowed?", "body": "No dogs, please."}}},
    }
}


def task(name: str, told: str, *required: str) -> dict[str, Any]:
    return {"id": name, "user_scenario": {"instructions": told}, "required_documents": list(required)}


def dialogue(lodging: str, asked: str, entity: int) -> dict[str, Any]:
    log = [
        {"speaker": "S", "text": f"i found one place and it's called {lodging}"},
        {"speaker": "U", "text": asked, "nbest": [{"hyp": asked, "score": -1.0}]},
    ]
    label = {"target": True, "knowledge": [{"domain": "hotel", "entity_id": entity, "doc_id": 0}]}
    return {"log": log, "label": label}


def write(folder: Path, tasks: Any, dialogues: Any) -> None:
    for name, content in (
        ("banking/documents.json", DOCUMENTS),
        ("banking/tasks.json", tasks),
        ("spoken_faq/knowledge.json", KNOWLEDGE),
        ("spoken_faq/dialogues.json", dialogues),
    ):
        path = folder / "knowledge" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))


@pytest.fixture
def occasion(tmp_path: Path) -> Occasion:
    models = Path(os.environ.get("CALLWRIGHT_MODELS") or Path.home() / ".cache" / "callwright")
    if not (models / "minilm" / "model.safetensors").is_file():
        pytest.skip("callwright models fetch")
    (tmp_path / "work").mkdir()
    return Occasion(data=tmp_path / "data", fit=None, models=models, work=tmp_path / "work")


def run(occasion: Occasion, tasks: Any, dialogues: Any) -> Outcome:
    write(occasion.data, tasks, dialogues)
    return RetrievalSuite().run(occasion)


def test_a_found_document_counts_and_one_that_is_not_there_is_a_failure_to_read(occasion: Occasion) -> None:
    tasks = [
        task("a", "You want to know what a wire transfer costs.", "wires"),
        task("b", "You have lost your umbrella.", "umbrellas"),
    ]
    spoken = [dialogue("alter lodge", "do they take dogs there", 1), dialogue("birch house", "are docs allowed", 2)]
    seen: list[tuple[int, int]] = []
    outcome = run(replace(occasion, advance=lambda done, of: seen.append((done, of))), tasks, spoken)
    assert outcome.figures == {"banking": {"any_hit_10": 0.5}, "spoken_faq": {"r1": 1.0, "r5": 1.0}}
    assert outcome.counts["banking.any_hit_10"] == (1, 2)
    assert [(one.case, one.expected) for one in outcome.failures] == [("b", "umbrellas")]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_tasks_without_required_documents_and_turns_that_no_entry_answers_are_no_cases() -> None:
    unanswered = {"log": [{"speaker": "U", "text": "hello"}], "label": {"target": False}}
    assert banking_cases([task("a", "You say hello.")]) == []
    assert faq_cases([unanswered], KNOWLEDGE) == []


def test_the_answer_key_is_no_part_of_what_is_searched_for() -> None:
    (case,) = banking_cases([task("a", "# Say\n\n- You're moving, and your card is lost.", "secret_document_7")])
    assert case.said == "Say\nI am moving, and my card is lost."
    (spoken,) = faq_cases([dialogue("birch house", "are dogs allowed", 2)], KNOWLEDGE)
    assert "No dogs" not in " ".join((spoken.said, *spoken.talk, *spoken.readings))


def test_what_is_said_to_a_caller_becomes_what_a_caller_says() -> None:
    assert callers_side("1. **You are** in a hurry.\n2. Your PIN is lost") == "I am in a hurry.\nmy PIN is lost"


def test_other_layouts_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"tasks\.json, task 1: has no 'user_scenario'"):
        banking_cases([{"id": "a"}])
    with pytest.raises(ConfigError, match=r"dialogues\.json, dialogue 1: has no 'label'"):
        faq_cases([{"log": []}], KNOWLEDGE)
    with pytest.raises(ConfigError, match=r"tasks\.json: is not a list"):
        banking_cases({})
