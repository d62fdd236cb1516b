"""Which worked examples a query gets to see."""

from __future__ import annotations

import random
from collections.abc import Sequence

from shared.answering.artifact import Artifact
from shared.answering.background import embed
from shared.answering.port import Example, Query


class Demonstrations:
    """A pool of worked examples.

    Args:
        pool: the examples to choose from.
        k: how many a query gets.
        similar: whether those whose questions are nearest in meaning, the nearest last, where a
            model heeds it most; otherwise the same ones for all, drawn with `seed`.
    """

    def __init__(self, pool: Sequence[Example], k: int, *, similar: bool, seed: int = 0) -> None:
        self._pool = list(pool)
        self._k = min(k, len(self._pool))
        fixed = random.Random(seed).sample(self._pool, self._k)
        self._fixed = None if similar and self._k else fixed
        if self._fixed is None:
            self._vectors = embed([each.query.question for each in self._pool])

    @classmethod
    def of(cls, artifact: Artifact, pool: Sequence[Example]) -> Demonstrations | None:
        """Return what an artifact shows of its pool; None where it has no pool."""
        if not pool:
            return None
        details = artifact.details
        return cls(pool, details["k"], similar=details["similar"], seed=details["seed"])

    def choose(self, queries: Sequence[Query]) -> list[list[Example]]:
        """Return the worked examples for each query."""
        if self._fixed is not None:
            return [self._fixed for _ in queries]
        near = embed([query.question for query in queries]) @ self._vectors.T
        return [[self._pool[at] for at in row.argsort()[-self._k :]] for row in near]
