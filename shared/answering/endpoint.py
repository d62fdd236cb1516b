"""Answering with a model behind an endpoint: words are all that can be tuned."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal, cast

from shared.answering.artifact import Artifact
from shared.answering.background import wait_for
from shared.answering.demonstrations import Demonstrations
from shared.answering.port import Example, Query
from shared.errors import GenerationFailed
from shared.generation.engines import open_generator
from shared.generation.port import ChatMessage, GenerationRequest, Prompt
from shared.generation.settings import GenerationSettings
from shared.settings import section


class EndpointAnswerer:
    """A model that is asked over HTTP; see `Answerer`."""

    def __init__(self, artifact: Artifact, pool: Sequence[Example]) -> None:
        self._artifact = artifact
        self._generator = open_generator(
            artifact.model, settings=section("generation", GenerationSettings)
        )
        self._demonstrations = Demonstrations.of(artifact, pool)

    def answer(self, queries: Sequence[Query]) -> list[str]:
        """Return one answer for each query; empty where the model said nothing."""
        worked: list[list[Example]] = [[] for _ in queries]
        if self._demonstrations is not None:
            worked = self._demonstrations.choose(queries)
        return wait_for(self._all(queries, worked))

    def likelihood(self, examples: Sequence[Example]) -> None:  # noqa: ARG002
        """Return None: endpoints do not tell."""
        return

    async def _all(
        self, queries: Sequence[Query], worked: Sequence[Sequence[Example]]
    ) -> list[str]:
        asked = (self._one(q, shown) for q, shown in zip(queries, worked, strict=True))
        return list(await asyncio.gather(*asked))

    async def _one(self, query: Query, worked: Sequence[Example]) -> str:
        template = self._artifact.template
        *earlier, last = template.turns(query, worked)
        prompt = Prompt(
            name="answer",
            chat=(
                *(ChatMessage(_role(t["role"]), _escaped(t["content"])) for t in earlier),
                ChatMessage("user", "{passage}"),
            ),
            completion="",
            seq2seq="",
            max_new_tokens=template.max_new_tokens,
        )
        try:
            said = (await self._generator.generate(GenerationRequest(prompt, last["content"])))[0]
        except GenerationFailed:
            return ""
        said = said.split(template.stop)[0].strip() if template.stop else said
        return self._nearest(said) if self._artifact.labels else said

    def _nearest(self, said: str) -> str:
        """Return the label that is named first in what the model said; what it said otherwise."""
        places = {label: said.lower().find(label.lower()) for label in self._artifact.labels}
        named = {label: place for label, place in places.items() if place >= 0}
        return min(named, key=named.__getitem__) if named else said


def _role(role: str) -> Literal["system", "user", "assistant"]:
    return cast(Literal["system", "user", "assistant"], role)


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
