"""Who owns which cells of the KV cache: slots, shared beginnings, and states put aside in host memory.

::

    pinned  [system prompt of the bank]                      option ``prefixes``, evaluated (or read) at load
    slot 0  [system prompt][passage A][question][answer]     live: shares the first cells with the pinned one
    slot 1  [system prompt][passage B][question]             idle: what an earlier prompt has left
    saved   ················[passage C][question]            host memory: pushed out of a slot, back in milliseconds

A prompt gets the longest beginning that any of them holds, in a slot of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts.errors import EngineFailed
from workers.engines.llama_context import LlamaContext
from workers.engines.llama_states import Saved, StateStore, common


@dataclass(slots=True, eq=False)
class Slot:
    """One sequence. ``cells``: an identity per token, equal where two slots share the cell.

    ``reserve``: cells its live request may still need. ``prompt``: how many tokens of it are worth keeping.
    """

    sequence: int
    pinned: bool = False
    live: bool = False
    tokens: list[int] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    prompt: int = 0
    reserve: int = 0
    used: int = 0


class KvCache:
    """Slots 0..``slots``-1, then ``pinned`` ones, then a scratch sequence, in the cells of one context."""

    def __init__(self, context: LlamaContext, *, slots: int, pinned: int, state_bytes: int, state_tokens: int) -> None:
        self._context = context
        self._slots = [Slot(number, pinned=number >= slots) for number in range(slots + pinned)]
        self._scratch = slots + pinned
        self.states = StateStore(state_bytes)
        self._state_tokens = state_tokens
        self._turn = itertools.count(1)
        self._cell = itertools.count()

    @property
    def pinned(self) -> list[Slot]:
        """The slots of the prefixes, in their order."""
        return [slot for slot in self._slots if slot.pinned]

    def check(self, tokens: Sequence[int], room: int) -> None:
        """Raises EngineFailed if a request could never be served, even alone."""
        kept = sum(len(slot.tokens) for slot in self.pinned)
        shared = max((common(slot.tokens, tokens) for slot in self.pinned), default=0)
        if kept - shared + len(tokens) + room > self._context.n_ctx:
            others = f" beside {kept - shared} of pinned prefixes" if kept > shared else ""
            text = f"prompt of {len(tokens)} + answer of {room} tokens exceed n_ctx {self._context.n_ctx}{others}"
            raise EngineFailed(text)

    def take(self, tokens: Sequence[int], room: int) -> Slot | None:
        """A live slot that holds the longest known beginning of ``tokens``, with cells for the rest and ``room`` more.

        The last token is never among what is held, because its logits are needed. None if slots or cells are taken by
        live requests.
        """
        restored = self._from_saved(tokens, room)
        if restored is not None:
            return restored
        best, held = self._best(tokens)
        idle = self._idle()
        if not idle or not self._fits(len(tokens) + room, best.cells[:held]):
            return None
        # Continued in place if nothing of it is lost but its last token.
        slot = best if best in idle and len(best.tokens) <= held + 1 else idle[0]
        if slot is best:
            self._put_aside(slot)
            self.truncate(slot, held)
        else:
            self._empty(slot)
            self._share(best, slot, held)
        self._make_room(slot, len(tokens) + room - held)
        return self._begin(slot, tokens, room)

    def _from_saved(self, tokens: Sequence[int], room: int) -> Slot | None:
        """The same from a saved state, if one has clearly more of the tokens than any slot."""
        held, saved = self.states.find(tokens[:-1])
        if saved is None or held < self._best(tokens)[1] + self._state_tokens:
            return None
        prefix = next((slot.cells[: saved.start] for slot in self._slots if slot.sequence == saved.prefix), [])
        idle = self._idle()
        if not idle or not self._fits(len(tokens) + room, prefix):
            return None
        slot = idle[0]
        self._empty(slot)
        self._make_room(slot, len(tokens) + room - saved.start)
        return self._begin(slot, tokens, room) if self._put_back(slot, saved, held) else None

    def _best(self, tokens: Sequence[int]) -> tuple[Slot, int]:
        """The slot that holds the most of a prompt, and how many tokens of it."""
        best = max(self._slots, key=lambda slot: (common(slot.tokens, tokens), not slot.pinned))
        return best, min(common(best.tokens, tokens), len(tokens) - 1)

    def _idle(self) -> list[Slot]:
        """Slots without a request, the one used longest ago first."""
        free = [slot for slot in self._slots if not (slot.pinned or slot.live)]
        return sorted(free, key=lambda slot: (bool(slot.tokens), slot.used))

    def evaluated(self, slot: Slot, tokens: Sequence[int]) -> None:
        """The context has these tokens now."""
        slot.tokens.extend(tokens)
        slot.cells.extend(itertools.islice(self._cell, len(tokens)))
        slot.reserve = max(0, slot.reserve - len(tokens))

    def catch_up(self, slot: Slot, tokens: Sequence[int]) -> int:
        """Share what another slot has evaluated of ``tokens`` meanwhile; how many tokens that were."""
        have, most = len(slot.tokens), len(tokens) - 1
        best = max(self._slots, key=lambda other: common(other.tokens, tokens) if other is not slot else 0)
        held = min(common(best.tokens, tokens), most)
        if best is slot or held <= have:
            return 0
        self._share(best, slot, held)
        slot.reserve = max(0, slot.reserve - (held - have))
        return held - have

    def truncate(self, slot: Slot, length: int) -> None:
        """Forget a slot's tokens from ``length`` on."""
        if len(slot.tokens) > length:
            self._context.truncate(slot.sequence, length)
            del slot.tokens[length:], slot.cells[length:]

    def release(self, slot: Slot) -> None:
        """Its request is over; what it holds stays until the room is needed."""
        slot.live, slot.reserve = False, 0
        slot.prompt = min(slot.prompt, len(slot.tokens))

    def forget(self, slot: Slot) -> None:
        """Its request failed: hold nothing of it."""
        self.release(slot)
        slot.prompt = 0
        self._context.truncate(slot.sequence, 0)
        slot.tokens.clear()
        slot.cells.clear()

    def continuation(self, tokens: Sequence[int]) -> list[int]:
        """What followed exactly these tokens in a slot, if anything did."""
        for slot in self._slots:
            if len(slot.tokens) > len(tokens) and slot.tokens[: len(tokens)] == list(tokens):
                return slot.tokens[len(tokens) :]
        return []

    def _begin(self, slot: Slot, tokens: Sequence[int], room: int) -> Slot:
        slot.live, slot.used = True, next(self._turn)
        slot.prompt = len(tokens)
        slot.reserve = len(tokens) - len(slot.tokens) + room
        return slot

    def _fits(self, wanted: int, shared: Sequence[int]) -> bool:
        """Would it fit with all idle slots emptied? Of the ``shared`` cells, those that only idle ones hold are new."""
        kept = {cell for slot in self._slots if slot.pinned or slot.live for cell in slot.cells}
        reserved = sum(slot.reserve for slot in self._slots if slot.live)
        return len(kept) + reserved + wanted - sum(cell in kept for cell in shared) <= self._context.n_ctx

    def _make_room(self, keep: Slot, needed: int) -> None:
        """Empty the idle slots used longest ago until ``needed`` more cells are free."""
        for slot in self._idle():
            used = {cell for one in self._slots for cell in one.cells}
            reserved = sum(one.reserve for one in self._slots if one.live)
            if len(used) + reserved + needed <= self._context.n_ctx:
                return
            if slot is not keep:
                self._empty(slot)

    def _share(self, source: Slot, target: Slot, end: int) -> None:
        start = len(target.tokens)
        if end > start:
            self._context.copy(source.sequence, target.sequence, start, end)
            target.tokens += source.tokens[start:end]
            target.cells += source.cells[start:end]

    def _empty(self, slot: Slot) -> None:
        """Clear a slot, after saving what may be of use."""
        self._put_aside(slot)
        self.forget(slot)

    def _put_aside(self, slot: Slot) -> None:
        """Save the state of a slot's prompt if enough of it is nowhere else."""
        tokens = slot.tokens[: slot.prompt]
        prefix = max(self.pinned, key=lambda pinned: common(pinned.tokens, tokens), default=None)
        start = common(prefix.tokens, tokens) if prefix is not None else 0
        elsewhere = max((common(one.tokens, tokens) for one in self._slots if one is not slot), default=0)
        worth = len(tokens) - max(start, elsewhere)
        if worth >= self._state_tokens and self.states.wants(tokens, self._state_tokens):
            self._context.copy(slot.sequence, self._scratch, start, len(tokens))
            data = self._context.state(self._scratch)
            self._context.truncate(self._scratch, 0)
            self.states.put(Saved(tuple(tokens), start, prefix.sequence if prefix is not None else -1, data))

    def _put_back(self, slot: Slot, saved: Saved, held: int) -> bool:
        """Into an empty slot; False if the context has no contiguous room for it."""
        if not self._context.set_state(slot.sequence, saved.data):
            return False
        prefix = next((one for one in self.pinned if one.sequence == saved.prefix), None)
        if prefix is not None and saved.start:
            self._context.copy(prefix.sequence, slot.sequence, 0, saved.start)
            slot.cells = prefix.cells[: saved.start]
        slot.tokens = list(saved.tokens)
        slot.cells += itertools.islice(self._cell, len(saved.tokens) - saved.start)
        self.truncate(slot, held)
        return True
