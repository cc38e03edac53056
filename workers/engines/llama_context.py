"""llama.cpp's C interface as far as the engine needs it: one model, one context, several sequences in one KV cache."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt

from contracts.errors import EngineFailed
from workers.engines.files import unusable

Logits = npt.NDArray[np.float32]


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator, unused-ignore]
def _be_quiet(level: int, text: bytes, user_data: Any) -> None:
    """llama.cpp writes pages to stderr while loading; its errors reach us as return values."""


class LlamaContext:
    """A loaded model. Sequences 0..``sequences``-1 share ``n_ctx`` KV cells; a copied prefix costs no cells.

    Raises ModelFileError if the GGUF cannot be loaded.
    """

    def __init__(self, path: Path, *, n_ctx: int, threads: int, sequences: int, batch: int, mmap: bool) -> None:
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
        self._context = llama_cpp.llama_init_from_model(self._model, params)
        if not self._context:
            raise EngineFailed(f"{path.name}: no context of {n_ctx} tokens; is there memory enough?")
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        self._vocab_size = int(llama_cpp.llama_vocab_n_tokens(self._vocab))
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

    def decode(self, tokens: Sequence[int], position: int, sequence: int) -> None:
        """Evaluate at most ``batch`` tokens; the last one's logits are kept. Raises EngineFailed."""
        batch = self._batch
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i] = token, position + i
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, sequence
            batch.logits[i] = i == len(tokens) - 1
        status = llama_cpp.llama_decode(self._context, batch)
        if status != 0:
            raise EngineFailed("the KV cache is full" if status == 1 else f"llama_decode returned {status}")

    def logits(self) -> Logits:
        """Raw scores over the vocabulary after the last decoded token (a copy)."""
        pointer = llama_cpp.llama_get_logits_ith(self._context, -1)
        return np.ctypeslib.as_array(pointer, shape=(self._vocab_size,)).copy()

    def truncate(self, sequence: int, length: int) -> None:
        """Forget a sequence's tokens from position ``length`` on."""
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, length, -1)

    def copy(self, source: int, target: int, length: int) -> None:
        """Let ``target`` share the first ``length`` tokens of ``source``."""
        llama_cpp.llama_memory_seq_rm(self._memory, target, -1, -1)
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, 0, length)

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
