"""What the two local engines share: loading once, batching, and threads for the heavy work."""

from __future__ import annotations

import asyncio
import json
import os
from abc import ABC, abstractmethod

from shared.batching import MicroBatcher
from shared.errors import GenerationFailed
from shared.generation import loading
from shared.generation.port import GenerationRequest
from shared.generation.references import Weights
from shared.generation.settings import GenerationSettings
from shared.telemetry import TOKENS


def cores(settings: GenerationSettings) -> int:
    """Return the CPU threads to use."""
    return settings.threads or len(os.sched_getaffinity(0))


class LocalGenerator(ABC):
    """A model in this process. It is loaded at the first request, or by `load`.

    Args:
        model: its reference.
        weights: where it lies.
        engine: the engine's name.
        compute_type: the number format it computes in.
        settings: the settings.
    """

    def __init__(
        self,
        model: str,
        weights: Weights,
        engine: str,
        compute_type: str,
        settings: GenerationSettings,
    ) -> None:
        self.model = model
        self.kind = loading.kind_of(weights)
        self.tuned = weights.adapter is not None
        self._weights = weights
        self.decoding = json.dumps(
            {"compute": compute_type, "engine": engine, "search": "greedy alternatives by score"},
            separators=(",", ":"),
        )
        self._compute_type = compute_type
        self._settings = settings
        self._ready = False
        self._loading = asyncio.Lock()
        self._batcher = MicroBatcher(
            "generation", self._in_thread, settings.batch_size, settings.batch_wait_seconds
        )

    async def generate(self, request: GenerationRequest) -> list[str]:
        """Return the candidates; see `TextGenerator.generate`."""
        await self.load()
        texts = [each for each in await self._batcher(request) if each]
        if not texts:
            raise GenerationFailed(
                f"The model {self.model} wrote nothing for the prompt {request.prompt.name!r} "
                f"about {request.passage[:60]!r}."
            )
        return list(dict.fromkeys(texts))

    async def load(self) -> None:
        """Load the model unless it is loaded."""
        if self._ready:
            return
        async with self._loading:
            if not self._ready:
                await asyncio.to_thread(self._open)
                self._ready = True

    async def aclose(self) -> None:
        """Finish what is asked for and let the model go."""
        await self._batcher.aclose()
        self._close()
        self._ready = False

    async def _in_thread(self, requests: list[GenerationRequest]) -> list[list[str]]:
        return await asyncio.to_thread(self._run, requests)

    def _count(self, prompt: int, output: int) -> None:
        """Count tokens read and written."""
        TOKENS.labels(self.model, "prompt").inc(prompt)
        TOKENS.labels(self.model, "output").inc(output)

    def _room(self, context: int, request: GenerationRequest) -> int:
        """Return how many tokens the prompt may have."""
        taken = request.prompt.max_new_tokens if self.kind == "causal" else 0
        return min(self._settings.max_input_tokens, context - taken)

    @abstractmethod
    def _open(self) -> None:
        """Load the model. Runs in a thread."""

    @abstractmethod
    def _run(self, requests: list[GenerationRequest]) -> list[list[str]]:
        """Return the candidates for each request. Runs in a thread, one call at a time."""

    @abstractmethod
    def _close(self) -> None:
        """Let the model go."""
