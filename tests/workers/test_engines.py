"""The engines with real models; what needs no model file is not marked."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from jiwer import process_words
from safetensors.numpy import load_file

from contracts.audio import RATE, seconds
from contracts.engines import Generation, GenerationRequest, Token
from contracts.errors import Cancelled, EngineFailed, ModelFileError
from contracts.worker import Priority
from workers.clients import LlamaModel, PiperSynthesiser, SmartTurnJudge, WhisperRecogniser
from workers.engines.embedder import Embedder, EmbedderEngine
from workers.engines.llama import LlamaEngine
from workers.engines.piper import PiperEngine, sounding
from workers.engines.smart_turn import SAMPLES, SmartTurnEngine, last_8_s
from workers.engines.whisper import WhisperEngine, compression_ratio, loops, pcm_to_float
from workers.pool import WorkerPool
from workers.settings import WorkersSettings

MODELS = Path(os.environ.get("CALLWRIGHT_MODELS", "~/.cache/callwright")).expanduser()
STEADY = {"noise_scale": 0.0, "noise_w_scale": 0.0}
SENTENCE = "I would like to know the balance of my savings account."


class Inline:
    """A Job without a process: collects what is emitted, and withdraws itself after some checkpoints if asked to."""

    def __init__(self, cancel_after: int = 1_000_000) -> None:
        self.deadline = float("inf")
        self.emitted: list[tuple[Mapping[str, Any], bytes]] = []
        self._left = cancel_after

    def checkpoint(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Cancelled("enough")

    def emit(self, body: Mapping[str, Any], blob: bytes = b"") -> None:
        self.emitted.append((body, blob))

    @property
    def text(self) -> str:
        return "".join(body["text"] for body, _ in self.emitted)


def options(path: str, **more: Any) -> dict[str, Any]:
    return {"path": str(MODELS / path), "threads": 1, **more}


def speak(text: str, **more: Any) -> bytes:
    """The same audio at every call: Piper's own variation now and then turns a word into its neighbour."""
    engine = PiperEngine(options("piper-joe/voice.onnx", **STEADY, **more))
    engine.load()
    job = Inline()
    engine.run("synthesise", {"text": text}, b"", job)
    return b"".join(blob for _, blob in job.emitted)


def misheard(text: str) -> int:
    """Words of SENTENCE that ``text`` lacks, has too many or has otherwise: processors round differently."""
    words = process_words(SENTENCE, text)
    return words.substitutions + words.deletions + words.insertions


# -------------------------------------------------------------------- without models


@pytest.mark.parametrize("engine", [WhisperEngine, SmartTurnEngine, PiperEngine, LlamaEngine, EmbedderEngine])
def test_a_missing_model_file_is_named_with_the_way_to_get_it(engine: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=rf"{tmp_path}/none.* is missing.*callwright models fetch"):
        engine({"path": str(tmp_path / "none"), "threads": 1})


def test_damaged_files_are_named(tmp_path: Path) -> None:
    rubbish = tmp_path / "model.onnx"
    rubbish.write_bytes(b"rubbish")
    for engine in (SmartTurnEngine({"path": str(rubbish)}), LlamaEngine({"path": str(rubbish)})):
        with pytest.raises(ModelFileError, match=r"model\.onnx cannot be loaded"):
            engine.load()
    for name in ("model.bin", "config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_bytes(struct.pack("<Q", 4) + b"nope")
    with pytest.raises(ModelFileError, match="cannot be loaded"):
        WhisperEngine({"path": str(tmp_path)}).load()
    with pytest.raises(ModelFileError, match="cannot be loaded"):
        Embedder(tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_loops_are_found_and_ordinary_repetition_is_not() -> None:
    assert loops(("thank you very much " * 4).split())
    assert loops(["no"] * 9)
    assert not loops("my number is nine nine nine nine double zero".split())
    assert not loops("yes yes I know I know".split())
    assert compression_ratio("and so on " * 20) > 2.4 > compression_ratio(SENTENCE)


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(EngineFailed, match="not a whole number"):
        pcm_to_float(b"abc")


def test_smart_turn_sees_the_end_of_long_audio_and_zeros_before_short_audio() -> None:
    ramp = np.arange(10 * RATE, dtype=np.float32)
    assert last_8_s(ramp).argmax() == SAMPLES - 1
    short = last_8_s(np.ones(100, np.float32))
    assert len(short) == SAMPLES
    assert (short[:-100] == short[0]).all()
    assert short[-1] > short[0]
    assert abs(short.mean()) < 1e-5
    assert short.std() == pytest.approx(1, abs=1e-3)


def test_silent_ends_are_cut_to_their_length() -> None:
    audio = np.zeros(RATE, np.float32)
    audio[5000:6000] = 0.5
    start, end = sounding(audio, 0.01, lead_ms=10, tail_ms=100)
    assert end - start == 160 + 1000 + 1600
    assert sounding(np.zeros(RATE, np.float32), 0.01, 10, 100) == (0, 0)


# -------------------------------------------------------------------- whisper, piper, smart turn


@pytest.mark.models
def test_whisper_writes_what_piper_said_with_word_probabilities() -> None:
    engine = WhisperEngine(options("whisper-tiny-en"))
    engine.load()
    body = engine.run("transcribe", {}, speak(SENTENCE), Inline()).body
    assert misheard(body["text"]) <= 1
    assert body["rejected"] == ""
    assert [word for word, *_ in body["words"]] == body["text"].split()
    assert all(0 < probability <= 1 for _, probability, *_ in body["words"])
    begins = [start_s for *_, start_s, _ in body["words"]]
    assert begins == sorted(begins)
    assert all(start_s <= end_s for *_, start_s, end_s in body["words"])
    assert -0.5 < body["avg_logprob"] < 0


@pytest.mark.models
def test_whisper_hears_no_words_in_silence_noise_or_nothing() -> None:
    engine = WhisperEngine(options("whisper-tiny-en"))
    engine.load()
    noise = np.random.default_rng(1).normal(0, 300, 2 * RATE).astype("<i2").tobytes()
    for pcm in (b"", bytes(2 * RATE), noise):
        body = engine.run("transcribe", {}, pcm, Inline()).body
        assert (body["text"], body["rejected"]) == ("", "silence")


@pytest.mark.models
def test_whisper_caps_its_words_by_the_length_of_the_audio() -> None:
    engine = WhisperEngine(options("whisper-tiny-en", tokens_per_second=0.0, tokens_extra=3))
    engine.load()
    body = engine.run("transcribe", {}, speak(SENTENCE), Inline()).body
    assert len(body["text"].split()) <= 3


@pytest.mark.models
def test_an_english_only_model_refuses_another_language() -> None:
    with pytest.raises(EngineFailed, match="only English"):
        WhisperEngine(options("whisper-tiny-en", language="de")).load()


@pytest.mark.models
def test_piper_gives_one_trimmed_chunk_per_sentence() -> None:
    engine = PiperEngine(options("piper-joe/voice.onnx", tail_ms=50))
    engine.load()
    job = Inline()
    reply = engine.run("synthesise", {"text": "We open at nine. [[We]] close at five."}, b"", job)
    assert [body["phonemes"] > 8 for body, _ in job.emitted] == [True, True]
    assert reply.body["audio_s"] == pytest.approx(sum(seconds(blob) for _, blob in job.emitted))
    assert 0.5 < seconds(job.emitted[0][1]) < 3
    empty = Inline()
    engine.run("synthesise", {"text": "  "}, b"", empty)
    assert empty.emitted == []


@pytest.mark.models
def test_a_longer_length_scale_speaks_slower() -> None:
    assert len(speak(SENTENCE, length_scale=1.5)) > 1.2 * len(speak(SENTENCE))


@pytest.mark.models
def test_smart_turn_knows_a_finished_sentence_from_a_broken_one() -> None:
    engine = SmartTurnEngine(options("smart-turn/model.onnx"))
    engine.load()
    pause = bytes(RATE // 5 * 2)

    def probability(pcm: bytes) -> float:
        return float(engine.run("probability", {}, pcm, Inline()).body["probability"])

    assert probability(speak("I would like to know the balance of my savings account, please.") + pause) > 0.8
    assert probability(speak("Can you tell me um") + pause) < 0.5


# -------------------------------------------------------------------- embedder


def layer_norm(x: Any, weights: Mapping[str, Any], name: str) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def reference(folder: Path, ids: list[int]) -> npt.NDArray[np.float32]:
    """BERT in numpy, float32, for one sentence."""
    from math import erf

    weights = load_file(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    heads = config["num_attention_heads"]

    def linear(x: Any, name: str) -> Any:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    emb = "embeddings."
    x = weights[f"{emb}word_embeddings.weight"][ids] + weights[f"{emb}position_embeddings.weight"][: len(ids)]
    x = layer_norm(x + weights[f"{emb}token_type_embeddings.weight"][0], weights, f"{emb}LayerNorm")
    for number in range(config["num_hidden_layers"]):
        base = f"encoder.layer.{number}"
        q, k, v = (
            linear(x, f"{base}.attention.self.{n}").reshape(len(ids), heads, -1).transpose(1, 0, 2)
            for n in ("query", "key", "value")
        )
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
        attention = np.exp(scores - scores.max(-1, keepdims=True))
        attention /= attention.sum(-1, keepdims=True)
        mixed = (attention @ v).transpose(1, 0, 2).reshape(len(ids), -1)
        x = layer_norm(
            x + linear(mixed, f"{base}.attention.output.dense"), weights, f"{base}.attention.output.LayerNorm"
        )
        inner = linear(x, f"{base}.intermediate.dense")
        inner = inner * 0.5 * (1 + np.vectorize(erf)(inner / np.sqrt(2)))
        x = layer_norm(x + linear(inner, f"{base}.output.dense"), weights, f"{base}.output.LayerNorm")
    mean = x.mean(0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


@pytest.mark.models
def test_embeddings_agree_with_a_plain_forward_pass_and_do_not_depend_on_their_batch(tmp_path: Path) -> None:
    embedder = Embedder(MODELS / "minilm", cache=tmp_path / "int8")
    texts = ["How do I reset my password?", "I forgot my login code", "The branch opens at nine on weekdays.", ""]
    vectors = embedder.embed(texts)
    assert vectors.shape == (4, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(MODELS / "minilm" / "tokenizer.json"))
        tokenizer.no_padding()
        assert float(reference(MODELS / "minilm", tokenizer.encode(text).ids) @ vector) > (0.99 if text else 0.97)
        assert float(embedder.embed([text])[0] @ vector) > 0.995
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
    assert embedder.embed([]).shape == (0, 384)
    assert [path.name for path in tmp_path.iterdir()] == ["int8"]


# -------------------------------------------------------------------- all of it, in processes


def chat(question: str) -> str:
    return f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"


def spec(name: str, module: str, path: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "engine": f"workers.engines.{module}", "options": {"path": str(MODELS / path), **more}}


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    settings = WorkersSettings.model_validate(
        {
            "workers": [
                {
                    "name": "ears",
                    "threads": 1,
                    "engines": [
                        spec("whisper", "whisper:WhisperEngine", "whisper-tiny-en"),
                        spec("smart_turn", "smart_turn:SmartTurnEngine", "smart-turn/model.onnx"),
                    ],
                },
                {
                    "name": "mouth",
                    "threads": 1,
                    "engines": [spec("piper", "piper:PiperEngine", "piper-joe/voice.onnx", **STEADY)],
                },
                {
                    "name": "small",
                    "threads": 1,
                    "engines": [spec("small", "llama:LlamaEngine", "smollm2-135m/model.gguf", n_ctx=512)],
                },
            ]
        }
    )
    workers = WorkerPool(settings)
    await workers.start()
    yield workers
    await workers.close()


@pytest.mark.models
async def test_adapters_speak_hear_judge_and_answer_through_real_processes(pool: WorkerPool) -> None:
    deadline = time.monotonic() + 60
    chunks = [c async for c in PiperSynthesiser(pool).synthesise(SENTENCE, deadline=deadline, first=True)]
    pcm = b"".join(chunk.pcm for chunk in chunks)
    assert sum(chunk.phonemes for chunk in chunks) > 30
    slowly = PiperSynthesiser(pool, length_scale=1.35)
    slow = b"".join([c.pcm async for c in slowly.synthesise(SENTENCE, deadline=deadline, first=True)])
    assert 1.15 < len(slow) / len(pcm) < 1.6
    recogniser = WhisperRecogniser(pool)
    transcript = await recogniser.transcribe(pcm, deadline=deadline, final=True)
    assert misheard(transcript.text) <= 1
    assert misheard(await recogniser.again(transcript.sound, ["Savings Account"], deadline=deadline)) <= 1
    assert await recogniser.again("another", ["Savings Account"], deadline=deadline) == ""
    assert transcript.confidence > 0.8
    assert 0 <= await SmartTurnJudge(pool).probability(pcm, deadline=deadline) <= 1
    model = LlamaModel(pool, "small")
    await model.prefill(chat(transcript.text), deadline=deadline)
    *tokens, last = [
        item async for item in model.generate(GenerationRequest(chat(transcript.text), 12), deadline=deadline)
    ]
    assert all(isinstance(token, Token) and token.logprob <= 0 for token in tokens)
    assert isinstance(last, Generation)
    assert last.cached_tokens == last.prompt_tokens - 1


@pytest.mark.models
async def test_a_clause_is_spoken_while_a_long_answer_is_paused(pool: WorkerPool) -> None:
    deadline = time.monotonic() + 60
    model = LlamaModel(pool, "small").at(Priority.SPECULATION)
    order: list[str] = []
    begun = asyncio.Event()

    async def think() -> None:
        async for _ in model.generate(GenerationRequest(chat("Tell me a long story."), 120), deadline=deadline):
            begun.set()
        order.append("thought")

    thinking = asyncio.create_task(think())
    await begun.wait()
    async for _ in PiperSynthesiser(pool).synthesise("One moment.", deadline=deadline, first=True):
        order.append("spoken")
    await thinking
    assert order.index("spoken") < order.index("thought")
