"""Answering with a model behind an endpoint: words are all that can be tuned."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, cast

from shared.answering.artifact import Artifact
from shared.answering.background import wait_for
from shared.answering.demonstrations import Demonstrations
from shared.answering.port import ContextTooLong, Example, Query
from shared.answering.template import Turn
from shared.errors import EndpointUnreachable, GenerationFailed
from shared.generation.engines import open_generator
from shared.generation.openai_engine import CHARACTERS_PER_TOKEN
from shared.generation.port import ChatMessage, GenerationRequest, Prompt
from shared.generation.settings import GenerationSettings
from shared.settings import section

_PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds before a busy endpoint is asked again
_PASSAGE, _HERE = "{passage}", "\0"


class EndpointAnswerer:
    """A model that is asked over HTTP; see `Answerer`."""

    def __init__(self, artifact: Artifact, pool: Sequence[Example]) -> None:
        self._artifact = artifact
        settings = section("generation", GenerationSettings)
        self._room = settings.max_input_tokens
        self._generator = open_generator(artifact.model, settings=settings)
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
        said = await self._said(self._request(query, worked))
        said = said.split(template.stop)[0].strip() if template.stop else said
        return self._nearest(said) if self._artifact.labels else said

    async def _said(self, request: GenerationRequest) -> str:
        """Return what the model says; an endpoint that is busy is asked again a few times."""
        for pause in (*_PAUSES, None):
            try:
                return (await self._generator.generate(request))[0]
            except GenerationFailed:
                break
            except EndpointUnreachable:
                if pause is None:
                    raise
                await asyncio.sleep(pause)
        return ""

    def _request(self, query: Query, worked: Sequence[Example]) -> GenerationRequest:
        """Put a query into turns; worked examples, then the passage, are cut where it is too long.

        Raises:
            ContextTooLong: what cannot be cut does not fit.
        """
        template, shown = self._artifact.template, list(worked)
        while shown and _tokens(template.turns(query, shown)) > self._room:
            shown.pop(0)
        *earlier, last = template.turns(query, shown)
        length = _tokens([*earlier, last])
        if length - len(query.context) // CHARACTERS_PER_TOKEN >= self._room:
            raise ContextTooLong(
                f"A question of about {length} tokens is longer than the {self._room} that an "
                f"endpoint is sent: {query.question[:80]!r}.",
                "Shorten it, or raise GRISTMILL_GENERATION_MAX_INPUT_TOKENS if the model reads so "
                "much.",
            )
        asked = _escaped(last["content"])
        if query.context:  # the generator cuts it where it is too long
            asked = _escaped(template.body(replace(query, context=_HERE))).replace(_HERE, _PASSAGE)
        turns = (
            *(ChatMessage(_role(t["role"]), _escaped(t["content"])) for t in earlier),
            ChatMessage("user", asked),
        )
        prompt = Prompt(
            name="answer",
            chat=turns,
            completion="",
            seq2seq="",
            max_new_tokens=template.max_new_tokens,
        )
        return GenerationRequest(prompt, query.context)

    def _nearest(self, said: str) -> str:
        """Return the label that is named first in what the model said; what it said otherwise."""
        places = {label: said.lower().find(label.lower()) for label in self._artifact.labels}
        named = {label: place for label, place in places.items() if place >= 0}
        return min(named, key=named.__getitem__) if named else said


def _tokens(turns: Sequence[Turn]) -> int:
    return sum(len(turn["content"]) for turn in turns) // CHARACTERS_PER_TOKEN


def _role(role: str) -> Literal["system", "user", "assistant"]:
    return cast(Literal["system", "user", "assistant"], role)


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
