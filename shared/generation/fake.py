"""A generator for tests: no model, the same port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from shared.errors import GenerationFailed
from shared.generation.port import GenerationRequest, Kind

_OPENINGS = ("What is said of", "How is it with", "Why is it that", "Who speaks of")


def _write(request: GenerationRequest) -> list[str]:
    """Answer with the passage's first sentence, or ask about its first words."""
    words = request.passage.split()
    if request.prompt.name.startswith("question"):
        subject = " ".join(words[:8]).rstrip(".,;:?!")
        return [f"{opening} {subject}?" for opening in _OPENINGS][: request.prompt.candidates]
    sentence = request.passage.split(". ", 1)[0].strip()
    return [sentence if sentence.endswith(".") else f"{sentence}."]


class FakeGenerator:
    """Answers from a function of the request, and remembers what it was asked.

    Args:
        write: gives the candidates; the default makes a summary or questions of the passage's
            own words, so that different passages get different texts.
        latency_seconds: how long each answer takes.
        model: the reference it claims to be.
        fail_on: a passage that holds this text fails.
    """

    kind: Kind = "causal"
    tuned: bool = False
    decoding = '{"engine":"fake"}'

    def __init__(
        self,
        write: Callable[[GenerationRequest], Sequence[str]] = _write,
        *,
        latency_seconds: float = 0.0,
        model: str = "fake",
        fail_on: str = "",
    ) -> None:
        self.model = model
        self.requests: list[GenerationRequest] = []
        self.closed = False
        self._write = write
        self._latency_seconds = latency_seconds
        self._fail_on = fail_on

    async def generate(self, request: GenerationRequest) -> list[str]:
        """Return what `write` gives for the request."""
        self.requests.append(request)
        if self._latency_seconds:
            await asyncio.sleep(self._latency_seconds)
        if self._fail_on and self._fail_on in request.passage:
            raise GenerationFailed(f"The passage holds {self._fail_on!r}.")
        return list(self._write(request))

    async def load(self) -> None:
        """Do nothing: there is nothing to load."""

    async def aclose(self) -> None:
        """Remember that it was closed."""
        self.closed = True
