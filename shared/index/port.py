"""Where passages are found again: by meaning and by words, the two rankings fused.

A search asks for the nearest dense vectors and for the best BM25 matches; `shared/index/fusion.py`
makes one ranking of the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared import ids
from shared.embedding.port import Vectors
from shared.errors import GristmillError, IndexMismatch
from shared.messages import PassageMessage

SCROLLED = 1000
"""Points read at once where all of a document are wanted."""
STAY = ("passage_id", "sequence")
"""What names one incarnation in a stored passage."""


class QueryInvalid(GristmillError):
    """A search that cannot be answered as it is asked."""


class IndexedPassage(BaseModel):
    """A passage as the index keeps it: what a hit shows, and which incarnation it is."""

    model_config = ConfigDict(frozen=True)

    passage_id: UUID
    document_id: UUID
    sequence: str
    text: str
    source_uri: str
    title: str = ""
    heading_path: tuple[str, ...] = ()
    char_start: int
    char_end: int
    page: int | None = None

    @classmethod
    def of(cls, message: PassageMessage) -> IndexedPassage:
        """Return what the index keeps of the passage in `message`."""
        passage, source = message.passage, message.source
        return cls(
            document_id=source.document_id,
            sequence=source.sequence,
            source_uri=source.uri,
            title=source.title,
            **passage.model_dump(),
        )

    @property
    def point_id(self) -> UUID:
        """Identity of this incarnation: indexing it twice is indexing it once."""
        return ids.incarnation_id(self.passage_id, self.sequence)

    @property
    def searched_text(self) -> str:
        """What words and meaning are taken from: the headings say what the text is about."""
        heading = "".join(self.heading_path[-1:])
        if self.text.startswith(heading):  # the first passage of a section begins with it
            return self.text
        return f"{heading}\n{self.text}"

    def payload(self) -> dict[str, Any]:
        """Return it as JSON types, to be stored beside the vectors."""
        return self.model_dump(mode="json")


class Hit(BaseModel):
    """A passage that was found; `model_dump(mode="json")` is an item of `search --json`."""

    model_config = ConfigDict(frozen=True)

    score: float
    text: str
    source_uri: str
    title: str
    heading_path: tuple[str, ...]
    char_start: int
    char_end: int
    passage_id: UUID
    document_id: UUID

    @classmethod
    def of(cls, score: float, payload: dict[str, Any]) -> Hit:
        """Return the stored passage as a hit."""
        return cls.model_validate({**payload, "score": score})


def best_hits(best: Sequence[tuple[str, float]], found: Iterable[Any]) -> list[Hit]:
    """Return the fused ranking as hits; a point that was removed since it was ranked is left out.

    Args:
        best: (point id, score), best first.
        found: the engine's records of these points (`id`, `payload`), in any order.
    """
    payloads = {str(point.id): point.payload or {} for point in found}
    return [Hit.of(score, payloads[i]) for i, score in best if i in payloads]


class PassageIndex(Protocol):
    """The passages of all documents, searchable."""

    async def upsert(self, passages: Sequence[IndexedPassage], vectors: Vectors) -> None:
        """Make the passages findable; when this returns they are, and survive a kill.

        Args:
            passages: replace what was stored for the same incarnation.
            vectors: their embeddings, a row each: shape (n, dimensions).

        Raises:
            IndexMismatch: the vectors have another length than the index's.
            IndexUnreachable: it does not answer; try again.
        """
        ...

    async def remove(self, passage_id: UUID, sequence: str) -> None:
        """Take exactly this incarnation out; fine where it is not there."""
        ...

    async def search(
        self, query_text: str, query_vector: Vectors, k: int, document_ids: Sequence[UUID] = ()
    ) -> list[Hit]:
        """Return the `k` best passages, best first, or all there are where that is fewer.

        Args:
            query_text: matched by words (BM25).
            query_vector: its embedding, shape (dimensions,) or (1, dimensions).
            k: how many to return.
            document_ids: look in these documents only; everywhere where it is empty.

        Raises:
            QueryInvalid: the text is empty, or `k` is not positive.
            IndexMismatch, IndexUnreachable: as for `upsert`.
        """
        ...

    async def stays(self, document_id: UUID) -> set[tuple[UUID, str]]:
        """Return which incarnations of a document's passages are in: (passage, sequence)."""
        ...

    async def count(self) -> int:
        """Return how many passages there are."""
        ...

    async def close(self) -> None:
        """Finish what is under way and let go of the index."""
        ...


def stay_of(payload: dict[str, Any]) -> tuple[UUID, str]:
    """Return which incarnation a stored passage is."""
    return UUID(payload["passage_id"]), payload["sequence"]


def candidates(k: int) -> int:
    """Return how deep each of the two rankings is asked before they are fused."""
    return max(50, 4 * k)


def check_query(query_text: str, query_vector: Vectors, k: int, dimensions: int) -> list[float]:
    """Return the query's vector as a flat list; see `PassageIndex.search` for what is refused."""
    if not query_text.strip():
        raise QueryInvalid("The query is empty.", "Ask for something.")
    if k < 1:
        raise QueryInvalid(f"{k} passages cannot be returned.", "Ask for at least one.")
    flat: list[float] = query_vector.reshape(-1).tolist()
    if len(flat) != dimensions:
        raise _mismatch(len(flat), dimensions)
    return flat


def check_vectors(passages: Sequence[IndexedPassage], vectors: Vectors, dimensions: int) -> None:
    """Raise unless there is one vector of the right length for each passage."""
    if len(passages) != len(vectors):
        raise ValueError(f"{len(passages)} passages came with {len(vectors)} vectors")
    if len(passages) and vectors.shape[1:] != (dimensions,):
        raise _mismatch(vectors.shape[-1], dimensions)


def _mismatch(got: int, dimensions: int) -> IndexMismatch:
    return IndexMismatch(
        f"The index holds vectors of {dimensions} numbers and was given one of {got}.",
        "Use the embedding model that the index was made with, or make the index anew.",
    )
