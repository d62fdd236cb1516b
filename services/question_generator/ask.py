"""A passage and its summary in, a question out, to which the summary is the answer.

A small model's likeliest question is often a poor one, and among several that begin differently
there is nearly always a good one (generate and rank: Heilman and Smith, "Good Question!", 2010).
So the model gives candidates from one pass over the prompt, what is no proper question is set
aside, and of the others the one is taken that lies nearest to the passage and to the answer and
comes to the model most naturally.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.question_generator.fitness import clean, faults
from services.question_generator.prompts import QUESTION, QUESTION_OF_ANSWER, QUESTION_TUNED
from services.question_generator.settings import QuestionSettings
from shared.errors import GenerationFailed
from shared.generation.port import GenerationRequest, Prompt, TextGenerator
from shared.messages import Maker
from shared.text import content, share_found, stem, words

if TYPE_CHECKING:
    from shared.embedding.port import Embedder

_DEFAULTS = QuestionSettings()


@dataclasses.dataclass(frozen=True, slots=True)
class _Candidate:
    text: str
    penalty: float


def maker(
    generator: TextGenerator,
    embedder: Embedder | None = None,
    settings: QuestionSettings = _DEFAULTS,
) -> Maker:
    """Return what to write beside a question made with these."""
    weights = (
        settings.passage_weight,
        settings.answer_weight,
        settings.words_weight,
        settings.likelihood_weight,
    )
    ranking = ",".join(f"{each:g}" for each in weights)
    by = f"{embedder.model}@" if embedder else ""
    prompts = "+".join(each.identity for each in _prompts(generator, settings))
    prompt = f"{prompts}-{by}{ranking}"
    return Maker(model=generator.model, prompt=prompt, decoding=generator.decoding)


async def ask(
    passage: str,
    summary: str,
    generator: TextGenerator,
    embedder: Embedder | None = None,
    *,
    title: str = "",
    settings: QuestionSettings = _DEFAULTS,
) -> str:
    """Return the best question of those that the model asks.

    Args:
        passage: the text that the question is about.
        summary: its summary, the answer.
        generator: the model that writes the candidates.
        embedder: ranks them by meaning; without one they are ranked by their words.
        title: the document's title; may be empty.
        settings: how they are ranked.

    Raises:
        GenerationFailed: nothing the model wrote is a question.
    """
    fields = {"summary": summary, "topic": title or _topic(summary)}
    prompts = _prompts(generator, settings)
    written = await asyncio.gather(
        *(generator.generate(GenerationRequest(prompt, passage, fields)) for prompt in prompts)
    )
    # An endpoint's candidates are in no order.
    weight = settings.likelihood_weight if generator.kind != "endpoint" else 0.0
    lost: dict[str, float] = {}
    for prompt, texts in zip(prompts, written, strict=True):
        for place, text in enumerate(map(clean, texts)):
            unlikely = weight * place / prompt.candidates
            lost[text] = min(unlikely, lost.get(text, unlikely))
    candidates = [
        _Candidate(text, unlikely + faults(text, passage, summary, title))
        for text, unlikely in lost.items()
        if text
    ]
    if not candidates:
        raise GenerationFailed(
            f"The model {generator.model} wrote no question about {passage[:60]!r}."
        )
    scores = await _scores(candidates, passage, summary, title, embedder, settings)
    best = max(range(len(candidates)), key=lambda place: (scores[place], -place))
    return candidates[best].text


def _prompts(generator: TextGenerator, settings: QuestionSettings) -> list[Prompt]:
    """Return how to ask: a local causal model in two ways, as each finds what the other misses."""
    if generator.tuned:
        return [QUESTION_TUNED]
    if generator.kind == "causal":
        return [QUESTION, QUESTION_OF_ANSWER]
    return [dataclasses.replace(QUESTION, seq2seq=settings.seq2seq_prompt)]


def _topic(summary: str) -> str:
    return " ".join(summary.split()[:6])


async def _scores(
    candidates: Sequence[_Candidate],
    passage: str,
    summary: str,
    title: str,
    embedder: Embedder | None,
    settings: QuestionSettings,
) -> list[float]:
    known = {stem(word) for word in (*words(summary), *words(title))}
    scores = [
        settings.words_weight * share_found(content(each.text), known) - each.penalty
        for each in candidates
    ]
    if embedder is None:
        return scores
    vectors = await embedder.embed([*(each.text for each in candidates), passage, summary])
    to_passage, to_summary = vectors @ vectors[-2], vectors @ vectors[-1]
    return [
        score
        + settings.passage_weight * float(to_passage[place])
        + settings.answer_weight * float(to_summary[place])
        for place, score in enumerate(scores)
    ]
