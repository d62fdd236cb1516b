"""Which questions of a document mean the same, in other words.

Nearness of embeddings alone does not tell: "What came before it?" and "What came after it?" lie at
.99. So two questions mean the same where they lie near, ask for the same kind of thing (a time, a
place, a person, ...), have the same names, numbers, negations and words like "before", and have
the same answer.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TypeAlias

import numpy as np

from services.curator.duplicates import names, numbers
from shared.embedding.packing import unpacked
from shared.embedding.port import Vectors
from shared.storage.rows import Example
from shared.text import f1, negations, words

_SAME_ANSWER = 0.8
_KINDS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:year|date|day|month|century|decade|time)\b",
        r"\b(?:how (?:many|much|long|old|far|large|big|often|high)|what (?:percent\w*|number))\b",
        r"\bwhere\b|\b(?:what|which) (?:\w+ )?(?:city|country|place|town|region|state|continent)\b",
        r"\bwhy\b",
        r"\bhow\b",
        r"\bwho(?:m|se)?\b",
    )
)
_TURNS = frozenset(
    """before after first second third last next previous most least more less fewer all none one
    two three four five six seven eight nine ten largest smallest highest lowest oldest newest best
    worst""".split()  # noqa: SIM905
)
_Key: TypeAlias = tuple[int, frozenset[str], frozenset[str], int]


class Meanings:
    """Questions of one document, and how near to them in meaning others are.

    Args:
        similarity: cosine from which two may mean the same.
    """

    def __init__(self, similarity: float) -> None:
        self._similarity = similarity
        self._asked: dict[_Key, list[tuple[Vectors, str]]] = defaultdict(list)

    def add(self, row: Example) -> None:
        """Compare later ones to this one too; one without an embedding cannot be compared."""
        if row.vector:
            self._asked[_key(row.question)].append((unpacked(row.vector), row.answer))

    def likeness(self, row: Example) -> float:
        """Return the cosine with the nearest question that means the same, 0 where none does."""
        asked = self._asked.get(_key(row.question), []) if row.vector else []
        if not asked:
            return 0.0
        cosines = np.stack([vector for vector, _ in asked]) @ unpacked(row.vector)
        same = [
            float(cosine)
            for cosine, (_, answer) in zip(cosines, asked, strict=True)
            if cosine >= self._similarity and f1(answer, row.answer) >= _SAME_ANSWER
        ]
        return max(same, default=0.0)


def _key(question: str) -> _Key:
    """Return what questions that mean the same must share."""
    said = words(question)
    kind = next((n for n, pattern in enumerate(_KINDS) if pattern.search(question)), len(_KINDS))
    facts = frozenset((*names(question), *numbers(question)))
    return kind, facts, _TURNS.intersection(said), negations(said) % 2
