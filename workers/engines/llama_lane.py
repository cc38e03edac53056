"""One request inside the batching language-model engine: its text so far, and what it is owed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from contracts.worker import BatchJob, Done, Reply
from workers.engines.llama_batch import Wish
from workers.engines.llama_cache import Slot
from workers.engines.llama_lookup import PromptLookup
from workers.engines.pieces import StopFilter


class Lane:
    """A request from admit() to its last word.

    ``tokens``: the prompt and what was generated after it; those beyond the slot's own wait to be evaluated. ``stop``:
    why the generation ended, or "". ``waited``: steps since it came, until its prompt is done.
    """

    def __init__(
        self, number: int, prompt: Sequence[int], params: Mapping[str, Any] | None, job: BatchJob, done: Done
    ) -> None:
        self.number, self.job, self.done = number, job, done
        self.tokens = list(prompt)
        self.generates = params is not None
        params = params or {}
        self.limit = int(params.get("max_tokens", 0))
        self.temperature = float(params.get("temperature", 0.0))
        self.rng = np.random.default_rng(int(params.get("seed", 0)))
        self.slot: Slot | None = None
        self.generated = self.waited = 0
        self.stop = "length" if self.generates and self.limit == 0 else ""
        self.lookup: PromptLookup | None = None
        self.draft: list[int] = []
        self._stops = StopFilter(params.get("stop", ()))
        self._began = time.monotonic()
        self._first_s = 0.0
        self._prompt = len(prompt)
        self._cached: int | None = None

    @property
    def owned(self) -> Slot:
        """Its slot, where it is known to have one."""
        assert self.slot is not None
        return self.slot

    @property
    def pending(self) -> int:
        """Tokens that wait to be evaluated."""
        return len(self.tokens) - (len(self.slot.tokens) if self.slot is not None else 0)

    @property
    def decoding(self) -> bool:
        """Is only the token generated last to be evaluated?"""
        return self.generated > 0 and self.pending == 1

    def seat(self, slot: Slot, follow: Sequence[int], draft_tokens: int) -> None:
        """It has a sequence; ``follow``: what came after the same prompt before, as a draft of the answer."""
        self.slot = slot
        if self._cached is None:
            self._cached = len(slot.tokens)
        if (draft_tokens > 0 or follow) and self.generates and self.temperature <= 0 and self.lookup is None:
            self.lookup = PromptLookup(self.tokens, most=draft_tokens, donor=follow)

    def guess(self) -> int:
        """Look for a draft of the next tokens; how many there are."""
        room = self.limit - self.generated - 1
        self.draft = self.lookup.draft(room) if self.lookup is not None and self.decoding else []
        return len(self.draft)

    def wish(self, draft: int = 0) -> Wish:
        """What it would have evaluated in the next step."""
        return Wish(self.number, self.job.priority, self.pending, self.decoding, self.waited, draft)

    def take(self, token: int, data: bytes, logprob: float) -> None:
        """Another token of the answer. Its text goes out as far as no stop string may begin in it."""
        self.tokens.append(token)
        if self.lookup is not None:
            self.lookup.append(token)
        self.generated += 1
        self._first_s = self._first_s or time.monotonic() - self._began
        for text, score in self._stops.feed(data, logprob):
            self.job.emit({"text": text, "logprob": score})
        if self._stops.stopped:
            self.stop = "stop"
        elif self.generated >= self.limit:
            self.stop = "length"

    def prefilled(self) -> Reply:
        """The last word of a ``prefill``."""
        counts = {"prompt_tokens": self._prompt, "cached_tokens": self._cached}
        return Reply({**counts, "compute_s": time.monotonic() - self._began})

    def generation(self) -> Reply:
        """The last word of a ``generate``, after the text that was held back for a stop string that did not come."""
        for text, score in self._stops.finish():
            self.job.emit({"text": text, "logprob": score})
        generation = {
            "prompt_tokens": self._prompt,
            "cached_tokens": self._cached,
            "generated_tokens": self.generated,
            "first_token_s": self._first_s,
            "total_s": time.monotonic() - self._began,
            "stop": self.stop,
            "drafted_tokens": self.lookup.drafted if self.lookup is not None else 0,
            "accepted_tokens": self.lookup.accepted if self.lookup is not None else 0,
        }
        return Reply({"generation": generation})
