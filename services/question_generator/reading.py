"""What only a model can say of a question and its answer: scores that travel with them.

- `grounding_similarity`: how near the answer lies to the passage's sentences. Of an answer of
  several sentences the one that is farthest from any counts.
- `round_trip`: a reader looks for the answer to the question in the passage (Alberti et al. 2019,
  "Synthetic QA Corpora Generation with Roundtrip Consistency"); the score is how well what it
  finds agrees with the answer, 0 to 1.
- `round_trip_f1`, `round_trip_similarity`: the same agreement by words alone (F1) and by meaning
  alone (cosine), with what the reader would choose first.

The reader costs next to nothing: it takes the sentence nearest to the question by meaning and by
words. Several may come near. So `round_trip` is the best product of how near a sentence comes (1
for the nearest) and how well it agrees with the answer. The setting `reader` lets a language model
read instead.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.question_generator.prompts import READ
from shared.embedding.packing import packed
from shared.embedding.port import Embedder, Vectors, normalised
from shared.generation.port import GenerationRequest, TextGenerator
from shared.text import content, f1, sentences

_BEFORE = 0.5  # "She named it so" is found by what the sentence before it tells


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found about one question.

    Attributes:
        scores: see the module's docstring; each from 0 to 1, cosines from -1.
        vector: the question's embedding, packed (`shared/embedding/packing.py`).
    """

    scores: dict[str, float]
    vector: str


async def read(
    questions: Sequence[str],
    answer: str,
    passage: str,
    embedder: Embedder,
    generator: TextGenerator | None = None,
) -> list[Reading]:
    """Score each question of a passage with its answer.

    Args:
        questions: asked of the passage.
        answer: the one answer to all of them.
        passage: where it is from.
        embedder: compares by meaning.
        generator: reads in place of the search for the nearest sentence.
    """
    own, parts = sentences(passage) or [passage], sentences(answer) or [answer]
    said = [await _said(question, passage, generator) for question in questions]
    vectors = await embedder.embed([answer, *own, *parts, *questions, *said])
    whole, passage_vectors, rest = vectors[0], vectors[1 : len(own) + 1], vectors[len(own) + 1 :]
    part_vectors, asked, told = np.split(rest, (len(parts), len(parts) + len(questions)))
    grounding = float((part_vectors @ passage_vectors.T).max(axis=1).min())
    agreed = _agreements(answer, own, passage_vectors @ whole)
    readings = []
    for place, question in enumerate(questions):
        if generator is None:
            nearness = _nearness(question, asked[place], own, passage_vectors)
            first = int(nearness.argmax())
            text, likeness = own[first], float(passage_vectors[first] @ whole)
            holds = float((nearness * agreed).max())
        else:
            text, likeness = said[place], float(told[place] @ whole)
            holds = float(_agreements(answer, [text], np.array([likeness]))[0])
        scores = {
            "grounding_similarity": grounding,
            "round_trip": holds,
            "round_trip_f1": f1(answer, text),
            "round_trip_similarity": likeness,
        }
        rounded = {name: round(value, 4) for name, value in scores.items()}
        readings.append(Reading(rounded, packed(asked[place])))
    return readings


async def _said(question: str, passage: str, generator: TextGenerator | None) -> str:
    if generator is None:
        return ""
    return (await generator.generate(GenerationRequest(READ, passage, {"question": question})))[0]


def _nearness(question: str, vector: Vectors, own: Sequence[str], vectors: Vectors) -> Vectors:
    """Return how near each sentence comes to the question; the nearest has 1."""
    before = np.vstack((np.zeros_like(vectors[:1]), vectors[:-1]))
    by_meaning = normalised(vectors + _BEFORE * before) @ vector
    return _share(_share(by_meaning) + _share(_by_words(question, own)))


def _by_words(question: str, own: Sequence[str]) -> Vectors:
    """Return how much of the question's words each sentence has, rare ones counting more."""
    held = [set(content(each)) for each in own]
    spread = Counter(word for some in held for word in some)
    weights = {w: math.log(1 + len(own) / spread[w]) for w in set(content(question)) if spread[w]}
    return np.array([sum(v for w, v in weights.items() if w in some) for some in held])


def _share(values: Vectors) -> Vectors:
    """Return the values as shares of the greatest; none is below 0."""
    greatest = float(values.max())
    return np.clip(values, 0, None) / greatest if greatest > 0 else np.zeros_like(values)


def _agreements(answer: str, texts: Sequence[str], cosines: Vectors) -> Vectors:
    """Return how well each text agrees with the answer: one holds the other, or means the same."""
    wanted = set(content(answer))
    overlaps = []
    for text in texts:
        held = set(content(text))
        overlaps.append(len(wanted & held) / max(min(len(wanted), len(held)), 1))
    return np.maximum(overlaps, cosines)
