"""Grounded prompts as the operator makes them: the demo bank's documents, our own questions, configs/prompts."""

from __future__ import annotations

import re
from pathlib import Path

from contracts.engines import GenerationRequest, Passage
from dialog.prompts import Prompts
from dialog.settings import DialogSettings
from knowledge.passages import split_passages
from knowledge.settings import PassageSettings
from scripts import latency_questions
from server.settings import ROOT

QUESTIONS = (
    *latency_questions.QUESTIONS,
    "What do I do if my card is stolen abroad?",
    "How much cash can I take out at a machine in a day?",
    "How can I check my balance by phone?",
    "What documents do I need to open an account?",
    "How much does a wire transfer cost?",
    "When does an incoming wire arrive?",
    "What happens if I overdraw my account?",
    "Can I pay my bills automatically?",
    "What should I do about a charge I don't recognise?",
    "Which phones does the mobile app run on?",
    "How long does a new card take to arrive?",
    "What is your phone number for lost cards?",
    "How do I stop a scheduled payment?",
    "Is there a monthly fee on the basic account?",
    "Can I change my PIN at a machine?",
)
_WORD = re.compile(r"[a-z]{3,}")
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.S)


def passages(folder: Path) -> list[Passage]:
    """All passages of a folder of Markdown documents."""
    found = []
    for file in sorted(folder.glob("*.md")):
        text = _FRONT_MATTER.sub("", file.read_text("utf-8"))
        title = next((line.lstrip("# ").strip() for line in text.splitlines() if line.startswith("# ")), file.stem)
        for part in split_passages(text, title, PassageSettings()):
            identity = f"{file.stem}-{part.position}"
            found.append(Passage(identity, file.stem, title, part.heading, part.text, 1.0))
    return found


def evidence(question: str, found: list[Passage]) -> list[Passage]:
    """The passage that shares the most of the question's rare words, and the next one of the same document."""
    bags = [set(_WORD.findall(f"{one.title} {one.heading} {one.text}".lower())) for one in found]
    rare = {word: sum(word in bag for bag in bags) for word in set(_WORD.findall(question.lower()))}
    scores = [sum(1 / rare[word] for word in rare if word in bag) for bag in bags]
    best = found[scores.index(max(scores))]
    rest = [one for one in found if one.document_id == best.document_id and one is not best]
    return [best, *rest[:1]]


def grounded(*, strict: bool, name: str = "Riverside Bank") -> tuple[str, list[GenerationRequest]]:
    """What all prompts begin with, and one request per question; ``strict`` as for the large model."""
    prompts = Prompts(ROOT / "configs" / "prompts", name, DialogSettings())
    found = passages(ROOT / "configs" / "demo" / "knowledge")
    requests = [prompts.answer(question, evidence(question, found), strict=strict) for question in QUESTIONS]
    return prompts.strict_prefix if strict else prompts.prefix, requests
