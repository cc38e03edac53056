"""contracts.engines over a WorkerClient: what voice and dialog call; they know nothing of processes.

Every call raises contracts.errors.WorkerError subclasses; leaving early cancels the work.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, cast

from contracts.engines import Generation, GenerationRequest, SpeechChunk, Token, Transcript, Word
from contracts.worker import Priority, Urgency, WorkerClient


class WhisperRecogniser:
    """contracts.engines.Recogniser and Rereader."""

    def __init__(
        self, client: WorkerClient, engine: str = "whisper", *, urgent: Priority = Priority.FINAL_RECOGNITION
    ) -> None:
        self._client, self._engine, self._urgent = client, engine, urgent

    def at(self, priority: Priority) -> WhisperRecogniser:
        """The same, with final passes at another priority: of speech to which nobody owes an answer."""
        return WhisperRecogniser(self._client, self._engine, urgent=priority)

    async def transcribe(self, pcm: bytes, *, deadline: float, final: bool, digits: int = 0) -> Transcript:
        """Words of internal PCM up to 30 s; ``final`` passes go before partial ones."""
        priority = self._urgent if final else Priority.PARTIAL_RECOGNITION
        params = {"final": final, "digits": digits}
        reply = await self._client.request(
            self._engine, "transcribe", params, blob=pcm, deadline=deadline, priority=priority
        )
        body = reply.body
        return Transcript(
            text=body["text"],
            avg_logprob=body["avg_logprob"],
            no_speech=body["no_speech"],
            compute_s=body["compute_s"],
            rejected=body["rejected"],
            words=tuple(Word(*word) for word in body["words"]),
            alternatives=tuple(body.get("alternatives", ())),
            readings=tuple(body.get("readings", ())),
            sound=body.get("sound", ""),
        )

    async def again(self, sound: str, names: Sequence[str], *, deadline: float) -> str:
        """contracts.engines.Rereader: as urgent as the final recognition, of which it is the end."""
        params = {"sound": sound, "names": list(names)}
        reply = await self._client.request(
            self._engine, "again", params, deadline=deadline, priority=Priority.FINAL_RECOGNITION
        )
        return str(reply.body["text"])


class SmartTurnJudge:
    """contracts.engines.TurnJudge."""

    def __init__(self, client: WorkerClient, engine: str = "smart_turn") -> None:
        self._client, self._engine = client, engine

    async def probability(self, pcm: bytes, *, deadline: float) -> float:
        """0..1 that the turn is complete. As urgent as the final recognition: both end the turn."""
        reply = await self._client.request(
            self._engine, "probability", {}, blob=pcm, deadline=deadline, priority=Priority.FINAL_RECOGNITION
        )
        return float(reply.body["probability"])


class PiperSynthesiser:
    """contracts.engines.Synthesiser. ``length_scale`` > 1 speaks slower; None: as the worker's voice is set."""

    def __init__(self, client: WorkerClient, engine: str = "piper", *, length_scale: float | None = None) -> None:
        self._client, self._engine = client, engine
        self._options = {} if length_scale is None else {"length_scale": length_scale}

    async def synthesise(
        self, text: str, *, deadline: float, first: bool, urgency: Urgency | None = None
    ) -> AsyncIterator[SpeechChunk]:
        """Speech of a clause, one chunk per sentence in it; nothing for text without a sound."""
        # Later clauses must also get past the decoding that goes on meanwhile (60 ms against seconds), or the
        # caller hears a gap.
        priority = Priority.FIRST_AUDIO if first else Priority.FINAL_RECOGNITION
        stream = self._client.stream(
            self._engine, "synthesise", {"text": text, **self._options}, deadline=deadline, priority=urgency or priority
        )
        async with aclosing(cast("Any", stream)) as replies:
            async for reply in replies:
                if reply.blob:
                    words = tuple((int(a), int(b), int(count)) for a, b, count in reply.body.get("words", ()))
                    yield SpeechChunk(reply.blob, reply.body.get("phonemes", 0), words)


class LlamaModel:
    """contracts.engines.LanguageModel. ``engine`` is its name in the workers' settings, ``name`` what records show."""

    def __init__(
        self, client: WorkerClient, engine: str, name: str = "", *, priority: Priority = Priority.ANSWER
    ) -> None:
        self._client, self._engine, self._priority = client, engine, priority
        self.name = name or engine

    def at(self, priority: Priority) -> LlamaModel:
        """The same model at another priority: SPECULATION for what may be thrown away."""
        return LlamaModel(self._client, self._engine, self.name, priority=priority)

    async def generate(self, request: GenerationRequest, *, deadline: float) -> AsyncIterator[Token | Generation]:
        """Tokens as they come, never a part of a stop string; the last item is the Generation."""
        params = {
            "prompt": request.prompt,
            "max_tokens": request.max_tokens,
            "stop": list(request.stop),
            "temperature": request.temperature,
            "seed": request.seed,
        }
        urgency = request.urgency or self._priority
        stream = self._client.stream(self._engine, "generate", params, deadline=deadline, priority=urgency)
        async with aclosing(cast("Any", stream)) as replies:
            async for reply in replies:
                body = reply.body
                yield Generation(**body["generation"]) if "generation" in body else Token(body["text"], body["logprob"])

    async def prefill(self, prompt: str, *, deadline: float) -> None:
        """Put a prompt into the KV cache ahead of time, at SPECULATION priority."""
        await self._client.request(
            self._engine, "prefill", {"prompt": prompt}, deadline=deadline, priority=Priority.SPECULATION
        )
