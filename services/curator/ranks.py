"""Where a search for a question finds the question's own passage, among all that are indexed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from services.curator.build import RANK
from shared.ids import fingerprint
from shared.index.remote import Search
from shared.storage.rows import Example

AT_ONCE = 16


async def ranks(rows: Iterable[Example], search: Search, depth: int) -> dict[str, int]:
    """Return by example id where the own passage stands, from 1; `depth` + 1 where it does not.

    Raises:
        IndexUnreachable: the index does not answer; no rank is known then.
    """
    turns = asyncio.Semaphore(AT_ONCE)

    async def rank(row: Example) -> tuple[str, int]:
        async with turns:
            hits = await search(row.question, depth)
        places = {str(hit.passage_id): place for place, hit in enumerate(hits, 1)}
        return row.example_id, places.get(row.passage_id, depth + 1)

    return dict(await asyncio.gather(*map(rank, rows)))


def known_ranks(rows: Iterable[Example], before: Iterable[Example]) -> dict[str, int]:
    """Return the ranks of the rows that have one in an earlier version over the same corpus."""
    found = {(row.passage_id, row.question): row.scores.get(RANK) for row in before}
    ranked = ((row.example_id, found.get((row.passage_id, row.question))) for row in rows)
    return {example_id: int(rank) for example_id, rank in ranked if rank is not None}


def corpus_of(rows: Iterable[Example], depth: int) -> str:
    """Return a fingerprint of what ranks depend on: the passages, and how deep is looked."""
    return fingerprint(str(depth), *sorted({row.passage_id for row in rows}))
