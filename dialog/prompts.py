"""Prompts: files with our own words, put into our own chat template. Nothing a stranger wrote can close a role.

The order is what makes the KV cache useful: the system text is the same for all calls, then the evidence, then what
was said last, then the question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from contracts.configfile import load_yaml
from contracts.engines import GenerationRequest, Passage
from contracts.errors import ConfigError
from contracts.settings import Settings
from dialog.settings import DialogSettings

NOT_IN_DOCUMENT = "NOT IN DOCUMENT"
"""What the prompt tells a model to say when the evidence has no answer."""
FILES = ("system.txt", "system_strict.txt", "answer.txt", "answer_strict.txt", "examples.yaml")
_PLACEHOLDER = re.compile(r"\{(evidence|history|question)\}")
_ANSWER = "<|im_end|>\n<|im_start|>assistant\n"
_SPECIAL = re.compile(r"<\|[^|>]{0,40}\|?>?|\|>|\[/?INST\]|</?s>|<(?:start|end)_of_turn>", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def neutral(text: str, limit: int) -> str:
    """A stranger's text without chat-template tokens and control characters, at most ``limit`` characters."""
    return _CONTROL.sub(" ", _SPECIAL.sub(" ", text))[:limit].strip()


_PREAMBLE = re.compile(
    r"^(?:(?:yes|sure|okay)[,.] )?(?:according to the document,?|the document (?:says|states|mentions)(?: that)?:?) ",
    re.I,
)


def without_preamble(sentence: str) -> str:
    """ "The document states that you can …" → "You can …": a caller knows no document."""
    rest = _PREAMBLE.sub("", sentence)
    return rest[:1].upper() + rest[1:]


class Example(Settings):
    """A question with the answer that is wanted."""

    document: str
    caller: str
    assistant: str


class ExampleFile(Settings):
    """configs/prompts/examples.yaml."""

    version: int = Field(ge=1)
    examples: list[Example] = Field(max_length=8)


class Prompts:
    """Loaded prompt files. Raises ConfigError when one is missing or lacks a placeholder."""

    def __init__(self, folder: Path, name: str, settings: DialogSettings) -> None:
        self._settings = settings
        self._system = _read(folder / "system.txt", ()).replace("{name}", name)
        self._answer = _read(folder / "answer.txt", ("{evidence}", "{question}"))
        self._strict = _read(folder / "answer_strict.txt", ("{evidence}", "{question}"))
        self._system_strict = _read(folder / "system_strict.txt", ()).replace("{name}", name)
        self._examples = load_yaml(folder / "examples.yaml", ExampleFile).examples
        self.files = tuple(folder / name for name in FILES)

    @property
    def prefix(self) -> str:
        """What every prompt for the small model begins with."""
        return f"<|im_start|>system\n{self._system.strip()}<|im_end|>\n<|im_start|>user\n"

    @property
    def strict_prefix(self) -> str:
        """What every strict prompt begins with: the system text and worked examples."""
        shown = "".join(
            f"Document: {one.document}\n\nCaller: {one.caller}{_ANSWER}{one.assistant}<|im_end|>\n<|im_start|>user\n"
            for one in self._examples
        )
        return f"<|im_start|>system\n{self._system_strict.strip()}<|im_end|>\n<|im_start|>user\n{shown}"

    @property
    def prefixes(self) -> dict[str, str]:
        """The beginnings of prompts by model, for its cache."""
        return {"small": self.prefix, "large": self.strict_prefix}

    def answer(
        self, question: str, passages: Sequence[Passage], history: Sequence[str] = (), *, strict: bool = False
    ) -> GenerationRequest:
        """The request for an answer from ``passages``; ``history`` are the last lines said, oldest first.

        ``strict`` asks for NOT_IN_DOCUMENT where the evidence has no answer, and shows examples: a very small model,
        asked so, says nothing else, so it is left to the gate there.
        """
        text = (self._strict if strict else self._answer).strip()
        asked = neutral(question, self._settings.max_question_chars)
        prompt = f"{self._filled(text, passages, history, asked, strict)}{_ANSWER}"
        return GenerationRequest(prompt, self._settings.max_tokens, stop=("<|im_end|>", "<|im_start|>", "\n\n"))

    def beginning(
        self, passages: Sequence[Passage], history: Sequence[str] = (), so_far: str = "", *, strict: bool = False
    ) -> str:
        """What the prompt for a question on these passages begins with, of which ``so_far`` has been heard."""
        before, mark, _ = (self._strict if strict else self._answer).strip().partition("{question}")
        # The last word may be half of one, and a space belongs to the token of the word after it.
        heard = neutral(so_far, self._settings.max_question_chars).rpartition(" ")[0].rstrip(" .,!?;:")
        return self._filled(before + mark, passages, history, heard, strict).rstrip()

    def _filled(
        self, text: str, passages: Sequence[Passage], history: Sequence[str], question: str, strict: bool
    ) -> str:
        said = "".join(f"{neutral(line, 200)}\n" for line in history)
        values = {
            "evidence": self._evidence(passages),
            "history": f"Said before:\n{said}\n" if said else "",
            "question": question,
        }
        # In one pass: a placeholder in a stranger's words is not looked at.
        filled = _PLACEHOLDER.sub(lambda found: values[found[1]], text)
        return f"{self.strict_prefix if strict else self.prefix}{filled}"

    def _evidence(self, passages: Sequence[Passage]) -> str:
        room = self._settings.evidence_chars
        parts = []
        for passage in passages:
            part = f"{neutral(passage.title, 80)}. {neutral(passage.text, room)}"
            parts.append(part)
            room -= len(part)
            if room < 100:
                break
        return "\n".join(parts)


def _read(path: Path, placeholders: Sequence[str]) -> str:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); restore it or set dialog.prompts") from error
    for placeholder in placeholders:
        if placeholder not in text:
            raise ConfigError(f"{path}: the placeholder {placeholder} is missing")
    return text
