"""Guesses for the next tokens, to be verified in one step: prompt-lookup decoding (Saxena, 2023).

A grounded answer repeats the words of its passage. The last tokens are looked up in the text so far, and what followed
them there is the guess::

    prompt    … the daily limit for transfers is 5,000 dollars per day …
    answer    The daily limit for transfers ──► is 5,000 dollars per

At temperature 0 a token is accepted only where the model itself would have chosen it, so the text stays the same.
A lookup that keeps missing costs steps, so it is asked less: its length follows what was accepted lately.
"""

from __future__ import annotations

from collections.abc import Sequence


class PromptLookup:
    """The n-grams of one growing text. ``longest`` and ``shortest``: sizes looked up, the longest first.

    ``most``: tokens of a guess, 0 for none. ``donor``: a continuation that an equal request has had; as long as the
    text agrees with it, it is the guess, whatever ``most`` says.
    """

    def __init__(
        self, tokens: Sequence[int], *, most: int, longest: int = 3, shortest: int = 2, donor: Sequence[int] = ()
    ) -> None:
        self._tokens: list[int] = []
        self._sizes = range(longest, shortest - 1, -1)
        self._after: dict[tuple[int, ...], int] = {}
        self._most = most
        self._trust = float(most)
        self._donor = list(donor)
        self.drafted = self.accepted = 0
        for token in tokens:
            self.append(token)
        self._prompt = len(self._tokens)

    def append(self, token: int) -> None:
        """The text has grown."""
        count = len(self._tokens)
        for size in self._sizes:
            if count >= size:
                # Noted only now that something follows it: the end of the text must not find itself.
                self._after[tuple(self._tokens[count - size :])] = count
        self._tokens.append(token)

    def draft(self, limit: int) -> list[int]:
        """At most ``limit`` guessed tokens; none without a match."""
        made = len(self._tokens) - self._prompt
        if self._donor[:made] == self._tokens[self._prompt :] and made < len(self._donor):
            return self._donor[made : made + limit]
        count = min(limit, round(self._trust))
        for size in self._sizes:
            start = self._after.get(tuple(self._tokens[-size:])) if count > 0 else None
            if start is not None:
                return self._tokens[start : start + count]
        return []

    def judged(self, drafted: int, accepted: int) -> None:
        """How much of a draft the model agreed with."""
        self.drafted += drafted
        self.accepted += accepted
        # One more than was right last time, in a moving mean; never under one, or it would not be tried again.
        self._trust = min(float(self._most), max(1.0, (self._trust + accepted + 1) / 2))
