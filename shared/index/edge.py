"""The index in this process and one folder: Qdrant Edge, the server's engine without the server.

    FOLDER/lock                held while the index is open; a dead process holds nothing
    FOLDER/index/meta.json     which embedding model the vectors are from
    FOLDER/index/shard/        Qdrant Edge's own files, with a write-ahead log

The `index` folder is made under another name and renamed, so it is there whole or not at all,
whenever the process is killed. What `upsert` has returned for is in the write-ahead log.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import qdrant_edge as qdrant

from shared import ids
from shared.batching import MicroBatcher
from shared.embedding.port import Vectors
from shared.errors import IndexInUse, IndexMismatch, IndexUnreachable
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

_OPTIMIZE_EVERY = 5_000
_T = TypeVar("_T")


class EdgeIndex:
    """A `PassageIndex` on Qdrant Edge; one process may have it open.

    Args:
        folder: where it lies; made where it does not exist.
        model: the embedder's reference.
        dimensions: the length of its vectors.
        batch_size: most passages in one write.
        max_wait_seconds: how long a passage waits for others to share its write.

    Raises:
        IndexInUse: another process, or this one, has it open.
        IndexMismatch: it was made with another embedding model.
    """

    def __init__(
        self,
        folder: Path,
        *,
        model: str,
        dimensions: int,
        batch_size: int = 256,
        max_wait_seconds: float = 0.01,
    ) -> None:
        self._folder = folder
        self._dimensions = dimensions
        folder.mkdir(parents=True, exist_ok=True)
        self._lock: int | None = _lock(folder)
        try:
            _create_unless_there(folder, model, dimensions)
            self._shard = qdrant.EdgeShard.load(str(folder / "index" / "shard"))
        except BaseException:
            self._unlock()
            raise
        self._written = 0
        self._batcher: MicroBatcher[tuple[IndexedPassage, Vectors], None] = MicroBatcher(
            "index", self._write, max_size=batch_size, max_wait_seconds=max_wait_seconds
        )

    async def upsert(self, passages: Sequence[IndexedPassage], vectors: Vectors) -> None:
        """Make the passages findable; see `PassageIndex`."""
        check_vectors(passages, vectors, self._dimensions)
        await asyncio.gather(*map(self._batcher, zip(passages, vectors, strict=True)))

    async def remove(self, passage_id: UUID, sequence: str) -> None:
        """Take exactly this incarnation out; see `PassageIndex`."""
        point_id = ids.incarnation_id(passage_id, sequence)
        await self._update(qdrant.UpdateOperation.delete_points([point_id]))

    async def search(
        self, query_text: str, query_vector: Vectors, k: int, document_ids: Sequence[UUID] = ()
    ) -> list[Hit]:
        """Return the `k` best passages; see `PassageIndex`."""
        dense = check_query(query_text, query_vector, k, self._dimensions)
        requests = _requests(dense, bm25.of_query(query_text), candidates(k), document_ids)
        return await self._in_thread(lambda: self._search(requests, k))

    def _search(self, requests: list[qdrant.QueryRequest], k: int) -> list[Hit]:
        rankings = self._shard.query_batch(qdrant.QueryBatchRequest(requests))
        best = fuse([[(str(p.id), p.score) for p in ranking] for ranking in rankings], k)
        found = self._shard.retrieve(
            [UUID(point_id) for point_id, _ in best], with_payload=True, with_vector=False
        )
        return best_hits(best, found)

    async def stays(self, document_id: UUID) -> set[tuple[UUID, str]]:
        """Return which incarnations of a document's passages are in; see `PassageIndex`."""
        found: set[tuple[UUID, str]] = set()
        offset = None
        while True:
            request = qdrant.ScrollRequest(
                offset=offset,
                limit=SCROLLED,
                filter=_in_documents([document_id]),
                with_payload=list(STAY),
            )
            points, offset = await self._in_thread(lambda: self._shard.scroll(request))  # noqa: B023 - awaited in this turn
            found |= {stay_of(point.payload or {}) for point in points}
            if offset is None:
                return found

    async def count(self) -> int:
        """Return how many passages there are."""
        return await self._in_thread(lambda: self._shard.count(qdrant.CountRequest(exact=True)))

    async def close(self) -> None:
        """Write what is waiting, close the files and let others open them."""
        if self._lock is None:
            return
        await self._batcher.aclose()
        await self._in_thread(self._shard.close)
        self._unlock()

    async def _write(self, items: list[tuple[IndexedPassage, Vectors]]) -> list[None]:
        points = [_point(passage, vector) for passage, vector in items]
        await self._update(qdrant.UpdateOperation.upsert_points(points))
        self._written += len(points)
        if self._written >= _OPTIMIZE_EVERY:  # builds the graph, drops what was deleted
            self._written = 0
            await self._in_thread(self._shard.optimize)
        return [None] * len(items)

    async def _update(self, operation: Any) -> None:
        await self._in_thread(lambda: self._shard.update(operation))

    async def _in_thread(self, call: Callable[[], _T]) -> _T:
        if self._lock is None:
            raise RuntimeError("this index is closed")
        try:
            return await asyncio.to_thread(call)
        except Exception as error:  # Edge raises nothing more special
            raise IndexUnreachable(
                f"The index in {self._folder} failed: {error}.", "Is there space on the disk?"
            ) from error

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
        self._lock = None


def _lock(folder: Path) -> int:
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise IndexInUse(
            f"The index in {folder} is open already.",
            "Stop the Gristmill that runs on this folder, or search through it: it answers over "
            "HTTP. To write from several processes, use a Qdrant server.",
        ) from error
    return lock


def _create_unless_there(folder: Path, model: str, dimensions: int) -> None:
    """Make the `index` folder; where it is there, check that it is this model's."""
    index, partial = folder / "index", folder / "index.partial"
    made_with = {"model": model, "dimensions": dimensions}
    if index.is_dir():
        found = json.loads((index / "meta.json").read_text())
        if found != made_with:
            raise IndexMismatch(
                f"The index in {folder} was made with {found['model']} "
                f"({found['dimensions']} dimensions), not with {model} ({dimensions}).",
                f"Set that model again, or delete {folder} and index the documents anew.",
            )
        return
    shutil.rmtree(partial, ignore_errors=True)  # left by a process that was killed here
    (partial / "shard").mkdir(parents=True)
    (partial / "meta.json").write_text(json.dumps(made_with))
    shard = qdrant.EdgeShard.create(str(partial / "shard"), _config(dimensions))
    shard.update(
        qdrant.UpdateOperation.create_field_index("document_id", qdrant.PayloadSchemaType.Keyword)
    )
    shard.close()
    partial.rename(index)


def _config(dimensions: int) -> qdrant.EdgeConfig:
    dense = qdrant.EdgeVectorParams(size=dimensions, distance=qdrant.Distance.Cosine)
    sparse = qdrant.EdgeSparseVectorParams(modifier=qdrant.Modifier.Idf)
    return qdrant.EdgeConfig(vectors={bm25.DENSE: dense}, sparse_vectors={bm25.SPARSE: sparse})


def _point(passage: IndexedPassage, vector: Vectors) -> qdrant.Point:
    words = bm25.of_passage(passage.searched_text)
    vectors: dict[str, Any] = {
        bm25.DENSE: vector.tolist(),
        bm25.SPARSE: qdrant.SparseVector(words.indices, words.values),
    }
    return qdrant.Point(passage.point_id, vectors, passage.payload())


def _in_documents(document_ids: Sequence[UUID]) -> qdrant.Filter:
    one_of = qdrant.MatchAny([str(document_id) for document_id in document_ids])
    return qdrant.Filter(must=[qdrant.FieldCondition(key="document_id", match=one_of)])


def _requests(
    dense: list[float], words: bm25.Sparse, depth: int, document_ids: Sequence[UUID]
) -> list[qdrant.QueryRequest]:
    """Return the two rankings to ask for; only one where the query has no words to match."""
    only = _in_documents(document_ids) if document_ids else None
    queries = [qdrant.Query.Nearest(dense, using=bm25.DENSE)]
    if words.indices:
        sparse = qdrant.SparseVector(words.indices, words.values)
        queries.append(qdrant.Query.Nearest(sparse, using=bm25.SPARSE))
    return [qdrant.QueryRequest(query=query, filter=only, limit=depth) for query in queries]
