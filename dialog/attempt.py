"""One model's answer as it grows: whole sentences go through the gate and are spoken; the rest waits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from contracts.clock import Clock
from contracts.engines import Generation, Passage
from contracts.events import EventKind, Rung
from dialog.gate import GroundingGate
from dialog.outcome import Outcome, Result, Voice
from dialog.prompts import NOT_IN_DOCUMENT, without_preamble
from knowledge.passages import sentences

_WHOLE = re.compile(r"[a-z]{3,}(?<!\b(?:etc|ext|est|max|min|avg|inc))(?<!\b(?:dept|incl))(?<!\bapprox)[.!?]$")
"""A sentence that surely ends here: not "9 a.m.", "$3." or "No."; others wait for the token after them."""


class Attempt:
    """One model's answer as it grows: whole sentences go through the gate and are spoken; the rest waits."""

    def __init__(
        self, gate: GroundingGate, question: str, passages: Sequence[Passage], voice: Voice, clock: Clock
    ) -> None:
        self._gate = gate
        self._clock = clock
        self._question = question
        self.passages = tuple(passages)
        self._voice = voice
        self._buffer = ""
        self._first = True
        self.spoken: list[str] = []
        self.began_at = 0.0
        self.spoke_at = 0.0
        """When the first sentence had passed; 0.0 before."""
        self.rejected = 0
        self.declined = False
        self.costs: list[dict[str, Any]] = []

    def begin(self) -> None:
        """From the start, perhaps for the second time: what was spoken is not spoken again."""
        self._buffer = ""
        self.began_at = self._clock.now()

    def take(self, text: str) -> bool:
        """More text; False when no more is wanted."""
        if self._first and text.strip():
            self._first = False
            self._voice.mark("first_token", self._clock.now())
        self._buffer += text
        *whole, rest = sentences(self._buffer) or [""]
        if whole and len(whole) + len(self.spoken) >= 1:
            self._buffer = self._buffer[self._buffer.rindex(rest) :]  # with its trailing space
            return all(self._sentence(sentence) for sentence in whole)
        if self._says_not_there():
            return False
        if _WHOLE.search(self._buffer):
            sentence, self._buffer = self._buffer.strip(), ""
            return self._sentence(sentence)
        return True

    def finished(self, name: str, cost: Generation) -> None:
        """The model stopped by itself; what is left is a sentence if it ends like one."""
        self.costs.append(
            {
                "model": name,
                "prompt_tokens": cost.prompt_tokens,
                "cached_tokens": cost.cached_tokens,
                "generated_tokens": cost.generated_tokens,
                "first_token_s": round(cost.first_token_s, 4),
                "total_s": round(cost.total_s, 4),
            }
        )
        rest, self._buffer = self._buffer.strip(), ""
        if rest and (cost.stop != "length" or not self.spoken):
            self._sentence(rest)

    def _sentence(self, sentence: str) -> bool:
        sentence = without_preamble(sentence)
        if NOT_IN_DOCUMENT.lower() in sentence.lower():
            self.declined = True
            return False
        if sentence in self.spoken:
            return True
        verdict = self._gate.judge(sentence, self.passages, self._question)
        if verdict.passed:
            self.spoke_at = self.spoke_at or self._clock.now()
            self.spoken.append(sentence)
            self._voice.speak(sentence)
            return len(self.spoken) < 3
        self.rejected += 1
        self._voice.record(
            EventKind.GATE_REJECTED,
            {
                "sentence": sentence,
                "passage_id": self.passages[0].passage_id if self.passages else "",
                "unsupported": list(verdict.unsupported),
            },
        )
        return False

    def _says_not_there(self) -> bool:
        if NOT_IN_DOCUMENT.lower() in self._buffer.lower():
            self.declined = True
        return self.declined

    @property
    def whole(self) -> bool:
        """The answer came to its end, and nothing of it was held back."""
        return (
            bool(self.spoken) and not self.rejected and not self.declined and bool(self.costs or len(self.spoken) > 2)
        )

    def outcome(self, rung: Rung, why: str) -> Outcome:
        """What came of it."""
        if self.spoken:
            return Outcome(Result.ANSWERED, rung, " ".join(self.spoken), self.passages[:1], why)
        if self.rejected:
            return Outcome(Result.NOT_GROUNDED, rung, why=f"{why}: gate rejected")
        return Outcome(Result.UNKNOWN, rung, why=f"{why}: the model found no answer in the documents")
