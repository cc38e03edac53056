"""llama.cpp's C interface as far as the engine needs it: one model, one context, several sequences in one KV cache."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import llama_cpp
import numpy as np

from contracts.errors import EngineFailed
from workers.engines.files import unusable
from workers.engines.llama_sample import Logits

_ABORTED = 2
_libc = ctypes.CDLL(None)


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator, unused-ignore]
def _be_quiet(level: int, text: bytes, user_data: Any) -> None:
    """llama.cpp writes pages to stderr while loading; its errors reach us as return values."""


class Row(NamedTuple):
    """One token of a step. ``wants``: its logits are read afterwards."""

    token: int
    position: int
    sequence: int
    wants: bool


class LlamaContext:
    """A loaded model. Sequences 0..``sequences``-1 share ``n_ctx`` KV cells; a copied prefix costs no cells.

    Raises ModelFileError if the GGUF cannot be loaded.
    """

    def __init__(
        self, path: Path, *, n_ctx: int, threads: int, sequences: int, batch: int, mmap: bool, flash: bool
    ) -> None:
        llama_cpp.llama_log_set(_be_quiet, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        model_params = llama_cpp.llama_model_default_params()
        model_params.load_mode = llama_cpp.LLAMA_LOAD_MODE_MMAP if mmap else llama_cpp.LLAMA_LOAD_MODE_NONE
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), model_params)
        if not self._model:
            raise unusable(path, ValueError("llama.cpp does not accept it"))
        params = llama_cpp.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = n_ctx, batch, batch
        params.n_threads = params.n_threads_batch = threads
        params.n_seq_max, params.kv_unified = sequences, True
        params.flash_attn_type = (
            llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED if flash else llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        )
        self._stop = ctypes.create_string_buffer(2)
        # Asked before each operation of the graph, on the computing thread. A Python function there would wait for the
        # interpreter's lock some 700 times a token; libc's strlen answers from memory: "" is 0, go on; "x" is 1, abort.
        params.abort_callback = ctypes.cast(_libc.strlen, llama_cpp.ggml_abort_callback)
        params.abort_callback_data = ctypes.cast(self._stop, ctypes.c_void_p)
        self._context = llama_cpp.llama_init_from_model(self._model, params)
        if not self._context:
            raise EngineFailed(f"{path.name}: no context of {n_ctx} tokens; is there memory enough?")
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        self.vocabulary = int(llama_cpp.llama_vocab_n_tokens(self._vocab))
        self._batch = llama_cpp.llama_batch_init(batch, 0, 1)
        self.n_ctx, self.batch = n_ctx, batch

    def tokenize(self, text: str) -> list[int]:
        """Tokens of a prompt. ``<|im_start|>`` and its like become special tokens; nothing is put in front."""
        data = text.encode()
        tokens = (llama_cpp.llama_token * (len(data) + 8))()
        count = llama_cpp.llama_tokenize(self._vocab, data, len(data), tokens, len(tokens), False, True)
        if count < 0:
            raise EngineFailed(f"the prompt cannot be tokenized ({len(data)} bytes)")
        return list(tokens[:count])

    def piece(self, token: int) -> bytes:
        """A token's bytes; special tokens have none."""
        buffer = ctypes.create_string_buffer(64)
        size = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        if size < 0:
            buffer = ctypes.create_string_buffer(-size)
            size = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        return bytes(buffer.raw[:size])

    def ends(self, token: int) -> bool:
        """Is it an end-of-generation token?"""
        return bool(llama_cpp.llama_vocab_is_eog(self._vocab, token))

    def decode(self, rows: Sequence[Row]) -> bool:
        """Evaluate at most ``batch`` tokens; False if interrupt() cut it short: then nothing of it was kept.

        Raises EngineFailed.
        """
        batch = self._batch
        batch.n_tokens = len(rows)
        for i, row in enumerate(rows):
            batch.token[i], batch.pos[i] = row.token, row.position
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, row.sequence
            batch.logits[i] = row.wants
        status = llama_cpp.llama_decode(self._context, batch)
        if status not in (0, _ABORTED):
            raise EngineFailed("the KV cache is full" if status == 1 else f"llama_decode returned {status}")
        return bool(status == 0)

    def interrupt(self) -> None:
        """From any thread: cut the running decode() short, or the next one, until rearm()."""
        self._stop[0] = b"x"

    def rearm(self) -> None:
        """Forget interrupt()."""
        self._stop[0] = b"\0"

    def logits(self, row: int) -> Logits:
        """Raw scores over the vocabulary after a ``wants`` row of the last decode(); a view, gone with the next one."""
        pointer = llama_cpp.llama_get_logits_ith(self._context, row)
        return np.ctypeslib.as_array(pointer, shape=(self.vocabulary,))

    def truncate(self, sequence: int, length: int) -> None:
        """Forget a sequence's tokens from position ``length`` on."""
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, length, -1)

    def copy(self, source: int, target: int, start: int, end: int) -> None:
        """Let ``target`` share the tokens of ``source`` at positions ``start`` to ``end``."""
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, start, end)

    def state(self, sequence: int) -> bytes:
        """The KV state of a sequence: some 12 kB a token for a 0.5 B model."""
        size = llama_cpp.llama_state_seq_get_size(self._context, sequence)
        data = (ctypes.c_uint8 * size)()
        written = llama_cpp.llama_state_seq_get_data(self._context, data, size, sequence)
        return bytes(memoryview(data)[:written])

    def set_state(self, sequence: int, data: bytes) -> bool:
        """Put a state back, at the positions it had; the sequence is emptied first. False if there is no room."""
        array = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        if llama_cpp.llama_state_seq_set_data(self._context, array, len(data), sequence):
            return True
        self.truncate(sequence, 0)
        return False

    def save(self, sequence: int, tokens: Sequence[int], path: Path) -> None:
        """Write a sequence's KV state to a file."""
        array = (llama_cpp.llama_token * len(tokens))(*tokens)
        if not llama_cpp.llama_state_seq_save_file(self._context, str(path).encode(), sequence, array, len(tokens)):
            raise EngineFailed(f"the KV state cannot be written to {path}")

    def restore(self, sequence: int, tokens: Sequence[int], path: Path) -> bool:
        """Read a KV state back; False if it is not that of ``tokens``."""
        array, count = (llama_cpp.llama_token * len(tokens))(), ctypes.c_size_t()
        size = llama_cpp.llama_state_seq_load_file(
            self._context, str(path).encode(), sequence, array, len(tokens), ctypes.byref(count)
        )
        if size and list(array[: count.value]) == list(tokens):
            return True
        self.truncate(sequence, 0)
        return False
