"""Which sequences get which tokens in the next ``llama_decode``: a plain decision, without a model.

::

    step          1            2            3          4          5
    call A   ▒▒▒▒▒▒▒▒▒▒▒▒ ▒▒▒▒ ·         ·          ·          ·        ▒ prefill chunk
    call B        (comes) ▒▒▒▒▒▒▒▒▒  ▒▒▒▒▒ ·        ·          ·        · one decoded token
    speculation C    ▒▒                                    (waits)      nothing while an answer has work

Every decoding sequence of the most urgent priority has one token in every step, so they advance evenly; what is left
of the chunk goes to prompts. The prompt with the fewest tokens left comes first, which gives the shortest mean time to
first token; one that has waited ``patience`` steps comes before all younger ones, so that none starves.

Sequences that are less urgent wait: on two cores a second sequence in the step nearly doubles its time (27 → 50 ms at
0.5 B), so speculation would cost the answer as much as another call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Wish:
    """What a sequence could have evaluated now.

    ``pending``: tokens known but not evaluated. ``decoding``: the prompt is done, and the pending token is the last one
    generated. ``waited``: steps since it came, as long as its prompt is not done. ``draft``: guessed tokens after the
    pending one.
    """

    number: int
    priority: int
    pending: int
    decoding: bool = False
    waited: int = 0
    draft: int = 0


@dataclass(slots=True, frozen=True)
class Share:
    """A sequence's part of the step: ``tokens`` pending ones, then ``draft`` guessed ones to be verified."""

    number: int
    tokens: int
    draft: int = 0


def plan(wishes: Sequence[Wish], *, chunk: int, patience: int = 8, draft_rows: int = 8) -> list[Share]:
    """The next step, at most ``chunk`` tokens; empty if nobody wishes anything.

    ``draft_rows`` bounds a step's decoded tokens with the drafts among them. Drafts are taken only when no prompt
    waits, because a prompt's tokens are sure to be of use.
    """
    wishes = [wish for wish in wishes if wish.pending > 0]
    if not wishes:
        return []
    urgent = min(wish.priority for wish in wishes)
    front = [wish for wish in wishes if wish.priority == urgent]
    decoding = [wish for wish in front if wish.decoding][:chunk]
    prompts = sorted(
        (wish for wish in front if not wish.decoding),
        key=lambda wish: (0, wish.number) if wish.waited >= patience else (1, wish.pending, wish.number),
    )
    rows = 0 if prompts else max(0, min(draft_rows, chunk) - len(decoding))
    shares = []
    for left, wish in zip(range(len(decoding), 0, -1), decoding, strict=True):
        draft = min(wish.draft, rows // left)
        rows -= draft
        shares.append(Share(wish.number, 1, draft))
    room = chunk - len(decoding)
    for wish in prompts:
        if room <= 0:
            break
        shares.append(Share(wish.number, min(wish.pending, room)))
        room -= wish.pending
    return shares


def next_in(waiting: Sequence[Wish]) -> Wish | None:
    """Who gets the next free sequence: the most urgent, then whoever came first."""
    return min(waiting, key=lambda wish: (wish.priority, wish.number), default=None)


def to_displace(live: Sequence[Wish], comer: Wish) -> Wish | None:
    """Whose sequence a more urgent ``comer`` takes when none is free: the least urgent, the latest among equals."""
    victim = max(live, key=lambda wish: (wish.priority, wish.number), default=None)
    return victim if victim is not None and victim.priority > comer.priority else None
