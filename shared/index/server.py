"""The index on a Qdrant server or cluster: what many machines share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from uuid import UUID

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import (
    ApiException,
    ResponseHandlingException,
    UnexpectedResponse,
)

from shared import ids
from shared.batching import MicroBatcher
from shared.embedding.port import Vectors
from shared.errors import ConfigurationInvalid, IndexMismatch, IndexUnreachable
from shared.index import bm25
from shared.index.fusion import fuse
from shared.index.port import (
    SCROLLED,
    STAY,
    Hit,
    IndexedPassage,
    best_hits,
    candidates,
    check_query,
    check_vectors,
    stay_of,
)

_BUSY = frozenset({408, 429})
_CONFLICT = 409
_SERVER_ERROR = 500


class ServerIndex:
    """A `PassageIndex` in one collection of a Qdrant server, made on first use.

    Args:
        client: connected to the server.
        collection: the collection's name.
        model: the embedder's reference; kept with the collection.
        dimensions: the length of its vectors.
        batch_size: most passages in one request.
        max_wait_seconds: how long a passage waits for others to share its request.
    """

    def __init__(
        self,
        client: AsyncQdrantClient,
        *,
        model: str,
        dimensions: int,
        collection: str = "gristmill",
        batch_size: int = 256,
        max_wait_seconds: float = 0.01,
    ) -> None:
        self._client = client
        self._collection = collection
        self._model = model
        self._dimensions = dimensions
        self._ready = False
        self._making = asyncio.Lock()
        self._batcher: MicroBatcher[tuple[IndexedPassage, Vectors], None] = MicroBatcher(
            "index", self._write, max_size=batch_size, max_wait_seconds=max_wait_seconds
        )

    async def upsert(self, passages: Sequence[IndexedPassage], vectors: Vectors) -> None:
        """Make the passages findable; see `PassageIndex`."""
        check_vectors(passages, vectors, self._dimensions)
        await self._make()
        await asyncio.gather(*map(self._batcher, zip(passages, vectors, strict=True)))

    async def remove(self, passage_id: UUID, sequence: str) -> None:
        """Take exactly this incarnation out; see `PassageIndex`."""
        await self._make()
        point_id = ids.incarnation_id(passage_id, sequence)
        with _explained():
            await self._client.delete(self._collection, [str(point_id)], wait=True)

    async def search(
        self, query_text: str, query_vector: Vectors, k: int, document_ids: Sequence[UUID] = ()
    ) -> list[Hit]:
        """Return the `k` best passages; see `PassageIndex`."""
        dense = check_query(query_text, query_vector, k, self._dimensions)
        await self._make()
        requests = _requests(dense, bm25.of_query(query_text), candidates(k), document_ids)
        with _explained():
            rankings = await self._client.query_batch_points(self._collection, requests)
            best = fuse([[(str(p.id), p.score) for p in each.points] for each in rankings], k)
            found = await self._client.retrieve(self._collection, [i for i, _ in best])
        return best_hits(best, found)

    async def stays(self, document_id: UUID) -> set[tuple[UUID, str]]:
        """Return which incarnations of a document's passages are in; see `PassageIndex`."""
        await self._make()
        found: set[tuple[UUID, str]] = set()
        offset = None
        while True:
            with _explained():
                points, offset = await self._client.scroll(
                    self._collection,
                    scroll_filter=_in_documents([document_id]),
                    limit=SCROLLED,
                    offset=offset,
                    with_payload=list(STAY),
                )
            found |= {stay_of(point.payload or {}) for point in points}
            if offset is None:
                return found

    async def count(self) -> int:
        """Return how many passages there are."""
        await self._make()
        with _explained():
            return (await self._client.count(self._collection, exact=True)).count

    async def close(self) -> None:
        """Send what is waiting and close the connections."""
        await self._batcher.aclose()
        await self._client.close()

    async def _write(self, items: list[tuple[IndexedPassage, Vectors]]) -> list[None]:
        points = [_point(passage, vector) for passage, vector in items]
        with _explained():
            await self._client.upsert(self._collection, points, wait=True)
        return [None] * len(items)

    async def _make(self) -> None:
        async with self._making:
            if self._ready:
                return
            with _explained():
                if not await self._client.collection_exists(self._collection):
                    await self._create()
                await self._check()
            self._ready = True

    async def _create(self) -> None:
        dense = models.VectorParams(size=self._dimensions, distance=models.Distance.COSINE)
        sparse = models.SparseVectorParams(modifier=models.Modifier.IDF)
        try:
            await self._client.create_collection(
                self._collection,
                vectors_config={bm25.DENSE: dense},
                sparse_vectors_config={bm25.SPARSE: sparse},
                metadata={"model": self._model},
            )
        except UnexpectedResponse as error:
            if error.status_code != _CONFLICT:  # another replica was faster
                raise

    async def _check(self) -> None:
        """Refuse another model's collection; make the payload index where it is missing.

        The index is asked for each time: the process that made the collection may have died
        before it came to that, and asking twice does nothing.
        """
        config = (await self._client.get_collection(self._collection)).config
        vectors = config.params.vectors
        dense = vectors.get(bm25.DENSE) if isinstance(vectors, dict) else None
        model = (config.metadata or {}).get("model", self._model)
        if dense is None or dense.size != self._dimensions or model != self._model:
            made_with = f"{model} ({dense.size if dense else 'no'} dimensions)"
            raise IndexMismatch(
                f"The collection {self._collection!r} was made with {made_with}, "
                f"not with {self._model} ({self._dimensions}).",
                "Set that model again, or another collection name, and index the documents anew.",
            )
        keyword = models.PayloadSchemaType.KEYWORD
        await self._client.create_payload_index(self._collection, "document_id", keyword, wait=True)


def _in_documents(document_ids: Sequence[UUID]) -> models.Filter:
    one_of = models.MatchAny(any=[str(document_id) for document_id in document_ids])
    return models.Filter(must=[models.FieldCondition(key="document_id", match=one_of)])


def _requests(
    dense: list[float], words: bm25.Sparse, depth: int, document_ids: Sequence[UUID]
) -> list[models.QueryRequest]:
    """Return the two rankings to ask for; only one where the query has no words to match."""
    only = _in_documents(document_ids) if document_ids else None
    requests = [models.QueryRequest(query=dense, using=bm25.DENSE, limit=depth, filter=only)]
    if words.indices:
        sparse = models.SparseVector(indices=words.indices, values=words.values)
        requests.append(
            models.QueryRequest(query=sparse, using=bm25.SPARSE, limit=depth, filter=only)
        )
    return requests


def _point(passage: IndexedPassage, vector: Vectors) -> models.PointStruct:
    words = bm25.of_passage(passage.searched_text)
    sparse = models.SparseVector(indices=words.indices, values=words.values)
    return models.PointStruct(
        id=str(passage.point_id),
        vector={bm25.DENSE: vector.tolist(), bm25.SPARSE: sparse},
        payload=passage.payload(),
    )


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn what the client raises into what happened and whether to try again."""
    try:
        yield
    except UnexpectedResponse as error:
        status = error.status_code or 0
        if status in _BUSY or status >= _SERVER_ERROR:
            raise IndexUnreachable(f"The Qdrant server answers {status}: {error}.") from error
        raise ConfigurationInvalid(
            f"The Qdrant server refuses: {error}.", "Check its address, API key and version."
        ) from error
    except (ResponseHandlingException, ApiException) as error:
        raise IndexUnreachable(
            f"The Qdrant server does not answer: {error}.", "Is it running at the address given?"
        ) from error
