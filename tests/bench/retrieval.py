"""How well search finds the right passage: `python -m tests.bench.retrieval`.

The 2,910 human questions of squad2-half-dev.json are asked of an index of its 646 paragraphs: by
the index's hybrid search, and by each of the two rankings it is made of, in the same run. MRR@10
counts 1 / rank of the question's own paragraph, 0 past the tenth.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import qdrant_edge as qdrant

from shared import ids, models
from shared.embedding.port import Embedder
from shared.index import bm25
from shared.index.edge import EdgeIndex
from shared.index.port import IndexedPassage
from tests.bench.squad import Row, paragraphs

DEPTH = 10
Ranking = list[UUID]


def passage(text: str, title: str) -> IndexedPassage:
    """A paragraph as the indexer would index it, without a heading above it."""
    document = ids.document_id(title)
    return IndexedPassage(
        passage_id=ids.passage_id(document, text),
        document_id=document,
        sequence="1",
        text=text,
        source_uri=title,
        char_start=0,
        char_end=len(text),
    )


@asynccontextmanager
async def index_of(rows: Sequence[Row], embedder: Embedder) -> AsyncIterator[EdgeIndex]:
    """Open an index of the paragraphs for a while."""
    passages = [passage(row.passage, row.title) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        index = EdgeIndex(Path(folder), model=embedder.model, dimensions=embedder.dimensions)
        await index.upsert(passages, await embedder.embed([p.searched_text for p in passages]))
        yield index
        await index.close()


def alone(shard: Any, query: Any, using: str) -> Ranking:
    """One of the two rankings, asked of the same index."""
    request = qdrant.QueryRequest(
        query=qdrant.Query.Nearest(query, using=using), limit=DEPTH, with_payload=True
    )
    return [UUID(point.payload["passage_id"]) for point in shard.query(request)]


def score(rankings: Sequence[Ranking], wanted: Sequence[UUID]) -> tuple[float, float, float]:
    """Return rank 1, rank 10 and MRR@10."""
    places = [r.index(w) + 1 if w in r else 0 for r, w in zip(rankings, wanted, strict=True)]
    found = np.array(places)
    reciprocal = np.divide(1.0, found, out=np.zeros(len(found)), where=found > 0)
    return float((found == 1).mean()), float((found > 0).mean()), float(reciprocal.mean())


async def main() -> int:
    """Measure and print; 1 where the hybrid search is not ahead of both."""
    rows = paragraphs()
    passages = [passage(row.passage, row.title) for row in rows]
    asked = [
        (text, each.passage_id)
        for row, each in zip(rows, passages, strict=True)
        for text, _, _ in row.human
    ]
    questions, wanted = [text for text, _ in asked], [right for _, right in asked]
    embedder = await models.embedder()
    vectors = await embedder.embed(questions)
    async with index_of(rows, embedder) as index:
        shard = index._shard
        words = [bm25.of_query(text) for text in questions]
        sparse = [qdrant.SparseVector(each.indices, each.values) for each in words]
        table = {
            "BM25 alone": [alone(shard, each, bm25.SPARSE) for each in sparse],
            "MiniLM alone": [alone(shard, each.tolist(), bm25.DENSE) for each in vectors],
        }
        began = time.monotonic()
        hybrid = [
            [hit.passage_id for hit in await index.search(text, vector, DEPTH)]
            for text, vector in zip(questions, vectors, strict=True)
        ]
        milliseconds = (time.monotonic() - began) / len(questions) * 1000
        table["hybrid search"] = hybrid
    scores = {name: score(rankings, wanted) for name, rankings in table.items()}
    print(f"{len(questions)} questions, {len(passages)} paragraphs, {milliseconds:.1f} ms a search")
    for name, (first, tenth, mean) in scores.items():
        print(f"{name:14} rank 1 {first:.3f}   rank 10 {tenth:.3f}   MRR@10 {mean:.3f}")
    ours = scores.pop("hybrid search")
    return int(any(ours[at] <= other[at] for other in scores.values() for at in (0, 2)))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
