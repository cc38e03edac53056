"""all-MiniLM-L6-v2 without torch: sentences to unit vectors, by CTranslate2 in int8.

At first load the safetensors weights are converted into a folder beside them (or ``cache``); later loads take 0.1 s.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import numpy.typing as npt
from ctranslate2.specs import common_spec, transformer_spec
from safetensors import SafetensorError
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from contracts.errors import EngineFailed
from contracts.worker import Job, Reply
from workers.engines.files import model_path, unusable

FILES = ("model.safetensors", "config.json", "tokenizer.json")
MAX_TOKENS = 256
"""The length that the model was trained for; longer text is cut."""
BATCH = 64

Vectors = npt.NDArray[np.float32]


class Embedder:
    """Texts to vectors. ``path``: folder with model.safetensors, config.json and tokenizer.json.

    Raises ModelFileError when a file is missing or damaged.
    """

    def __init__(self, path: str | Path, *, threads: int = 1, cache: str | Path | None = None) -> None:
        folder = model_path({"path": path}, *FILES)
        converted = Path(cache) if cache is not None else folder / "ctranslate2-int8"
        if not (converted / "model.bin").is_file():
            convert(folder, converted)
        try:
            self._encoder = ctranslate2.Encoder(str(converted), compute_type="int8", intra_threads=threads)
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self.dimension = int(json.loads((folder / "config.json").read_text())["hidden_size"])
        except (RuntimeError, ValueError, LookupError) as error:
            raise unusable(folder, error) from error
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.no_padding()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """float32 array of shape (len(texts), dimension); each row has length 1, so a dot product is the cosine."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        # Alike lengths go together, so that little padding is computed.
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            vectors[batch] = self._embed([ids[i] for i in batch])
        return vectors

    def _embed(self, ids: list[list[int]]) -> Vectors:
        longest = max(len(row) for row in ids)
        lengths = np.array([len(row) for row in ids], np.int32)
        padded = np.zeros((len(ids), longest), np.int32)
        for row, tokens in zip(padded, ids, strict=True):
            row[: len(tokens)] = tokens
        output = self._encoder.forward_batch(
            ctranslate2.StorageView.from_array(padded), ctranslate2.StorageView.from_array(lengths)
        )
        states = np.array(output.last_hidden_state)
        mask = (np.arange(longest)[None, :] < lengths[:, None]).astype(np.float32)[..., None]
        means = (states * mask).sum(axis=1) / mask.sum(axis=1)
        return np.asarray(means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12), np.float32)


class EmbedderEngine:
    """contracts.worker.Engine: method ``embed``, params ``texts``. Options: path, threads, cache."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        model_path(options, *FILES)
        self._options = options

    def load(self) -> None:
        """Convert if need be, load, embed one word."""
        options = self._options
        self._embedder = Embedder(options["path"], threads=int(options.get("threads", 1)), cache=options.get("cache"))
        self._embedder.embed(["warm"])

    def run(self, method: str, params: Mapping[str, Any], blob: bytes, job: Job) -> Reply:
        """``embed``: {shape: [n, dimension]}, blob: the rows as little-endian float32."""
        if method != "embed":
            raise EngineFailed(f"embedder has no method {method!r}")
        rows = []
        for start in range(0, len(params["texts"]), BATCH):
            job.checkpoint()
            rows.append(self._embedder.embed(params["texts"][start : start + BATCH]))
        vectors = np.concatenate(rows) if rows else np.zeros((0, self._embedder.dimension), np.float32)
        return Reply({"shape": list(vectors.shape)}, vectors.astype("<f4").tobytes())


def convert(folder: Path, target: Path) -> None:
    """Write a CTranslate2 int8 model of ``folder`` to ``target``; complete or not at all, also if two do it at once."""
    try:
        weights = load_file(folder / "model.safetensors")
        config = json.loads((folder / "config.json").read_text())
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        spec = _specification(weights, config, tokenizer)
    except (SafetensorError, ValueError, LookupError) as error:
        raise unusable(folder / "model.safetensors", error) from error
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        spec.validate()
        spec.optimize(quantization="int8")
        spec.save(str(scratch))
        try:
            scratch.rename(target)
        except OSError:
            if not (target / "model.bin").is_file():
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _specification(weights: Mapping[str, npt.NDArray[Any]], config: Mapping[str, Any], tokenizer: Tokenizer) -> Any:
    layers = int(config["num_hidden_layers"])
    encoder = transformer_spec.TransformerEncoderSpec(
        layers,
        int(config["num_attention_heads"]),
        pre_norm=False,
        activation=common_spec.Activation.GELU,
        layernorm_embedding=True,
        num_source_embeddings=2,
        embeddings_merge=common_spec.EmbeddingsMerge.ADD,
    )
    encoder.scale_embeddings = False
    prefix = "bert." if any(name.startswith("bert.") for name in weights) else ""

    def get(name: str) -> npt.NDArray[np.float32]:
        return np.ascontiguousarray(weights[prefix + name], dtype=np.float32)

    def linear(spec: Any, *names: str) -> None:
        spec.weight = np.concatenate([get(f"{name}.weight") for name in names])
        spec.bias = np.concatenate([get(f"{name}.bias") for name in names])

    def norm(spec: Any, name: str) -> None:
        spec.gamma, spec.beta = get(f"{name}.weight"), get(f"{name}.bias")

    encoder.embeddings[0].weight = get("embeddings.word_embeddings.weight")
    encoder.embeddings[1].weight = get("embeddings.token_type_embeddings.weight")
    encoder.position_encodings.encodings = get("embeddings.position_embeddings.weight")
    norm(encoder.layernorm_embedding, "embeddings.LayerNorm")
    for number, layer in enumerate(encoder.layer):
        base = f"encoder.layer.{number}"
        attention = f"{base}.attention"
        linear(layer.self_attention.linear[0], *(f"{attention}.self.{part}" for part in ("query", "key", "value")))
        linear(layer.self_attention.linear[1], f"{attention}.output.dense")
        norm(layer.self_attention.layer_norm, f"{attention}.output.LayerNorm")
        linear(layer.ffn.linear_0, f"{base}.intermediate.dense")
        linear(layer.ffn.linear_1, f"{base}.output.dense")
        norm(layer.ffn.layer_norm, f"{base}.output.LayerNorm")
    spec = transformer_spec.TransformerEncoderModelSpec(encoder)
    vocabulary = sorted(tokenizer.get_vocab(with_added_tokens=True).items(), key=lambda item: item[1])
    spec.register_vocabulary([token for token, _ in vocabulary])
    spec.config.unk_token = "[UNK]"
    spec.config.layer_norm_epsilon = float(config["layer_norm_eps"])
    return spec
