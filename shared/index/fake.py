"""An index in memory, for tests: the same contract, a few dozen passages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from shared import ids
from shared.embedding.port import Vectors
from shared.index.fusion import fuse
from shared.index.port import Hit, IndexedPassage, check_query, check_vectors

_WORD = re.compile(r"\w+")


class FakeIndex:
    """A `PassageIndex` that ranks by dot product and by rare words in common.

    Attributes:
        passages: what is in it, by point id.
    """

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions
        self.passages: dict[UUID, IndexedPassage] = {}
        self._vectors: dict[UUID, Vectors] = {}

    async def upsert(self, passages: Sequence[IndexedPassage], vectors: Vectors) -> None:
        """Make the passages findable; see `PassageIndex`."""
        check_vectors(passages, vectors, self._dimensions)
        for passage, vector in zip(passages, vectors, strict=True):
            self.passages[passage.point_id] = passage
            self._vectors[passage.point_id] = vector

    async def remove(self, passage_id: UUID, sequence: str) -> None:
        """Take exactly this incarnation out; see `PassageIndex`."""
        point_id = ids.incarnation_id(passage_id, sequence)
        self.passages.pop(point_id, None)
        self._vectors.pop(point_id, None)

    async def search(
        self, query_text: str, query_vector: Vectors, k: int, document_ids: Sequence[UUID] = ()
    ) -> list[Hit]:
        """Return the `k` best passages; see `PassageIndex`."""
        check_query(query_text, query_vector, k, self._dimensions)
        there = [
            point_id
            for point_id, passage in self.passages.items()
            if not document_ids or passage.document_id in document_ids
        ]
        near = {str(p): float(self._vectors[p] @ query_vector.reshape(-1)) for p in there}
        words = {str(p): w for p in there if (w := self._weight(query_text, p)) > 0}
        rankings = [sorted(each.items(), key=lambda pair: -pair[1]) for each in (near, words)]
        best = fuse(rankings, k)
        return [Hit.of(score, self.passages[UUID(p)].payload()) for p, score in best]

    async def stays(self, document_id: UUID) -> set[tuple[UUID, str]]:
        """Return which incarnations of a document's passages are in; see `PassageIndex`."""
        there = [p for p in self.passages.values() if p.document_id == document_id]
        return {(passage.passage_id, passage.sequence) for passage in there}

    async def count(self) -> int:
        """Return how many passages there are."""
        return len(self.passages)

    async def close(self) -> None:
        """Keep everything, so that a test can look at it afterwards."""

    def _weight(self, query_text: str, point_id: UUID) -> float:
        words = [set(_words(p.searched_text)) for p in self.passages.values()]
        asked = set(_words(query_text)) & set(_words(self.passages[point_id].searched_text))
        return sum(1 / sum(word in some for some in words) for word in asked)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
