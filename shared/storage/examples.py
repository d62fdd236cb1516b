"""Every example ever curated, as an append-only log in a Delta table.

Entries are examples and tombstones. Writing an entry twice, or a tombstone before its example, is
harmless, because `read` resolves the log by identity.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

import pyarrow as pa

from shared.batching import MicroBatcher
from shared.storage.appended import AppendedTable
from shared.storage.rows import LOGGED, Example, Tombstone, to_examples, to_logged

_IDENTITY = ("kind", "example_id", "passage_id", "sequence")


class ExampleLog:
    """The log of examples.

    Args:
        location: a folder or the URL of an object store, such as `s3://bucket/examples`.
        batch_size: most entries in one commit.
        max_wait_seconds: how long an entry waits for others to share its commit.
        compact_every: commits of this writer after which it compacts; 0 for never.
        storage_options: the object store's, as deltalake has them.
    """

    def __init__(
        self,
        location: str,
        *,
        batch_size: int = 512,
        max_wait_seconds: float = 0.02,
        compact_every: int = 50,
        storage_options: dict[str, str] | None = None,
    ) -> None:
        self._table = AppendedTable(location, LOGGED, storage_options)
        self._compact_every = compact_every
        self._commits = 0
        self._batcher: MicroBatcher[Example | Tombstone, None] = MicroBatcher(
            "examples", self._append, max_size=batch_size, max_wait_seconds=max_wait_seconds
        )

    async def append(self, example: Example) -> None:
        """Log an example; when this returns it survives a kill."""
        await self._batcher(example)

    async def retract(self, passage_id: str, sequence: str) -> None:
        """Log that this stay of the passage has ended; its examples are gone, late ones too."""
        await self._batcher(Tombstone(passage_id, sequence))

    async def read(self) -> list[Example]:
        """Return the examples that stand, each once, in no order."""
        return await asyncio.to_thread(self._read)

    async def stays(self) -> dict[str, set[tuple[str, str]]]:
        """Return, for each document, the stays (passage, sequence) that have not been retracted.

        Also those whose examples do not count because the same ones were made again later.
        """
        return await asyncio.to_thread(self._stays)

    async def compact(self) -> None:
        """Join the small files that appends leave; readers and writers go on meanwhile."""
        await asyncio.to_thread(self._table.compact)

    async def close(self) -> None:
        """Write what is waiting."""
        await self._batcher.aclose()

    async def _append(self, entries: list[Example | Tombstone]) -> list[None]:
        await asyncio.to_thread(self._table.append, [to_logged(entry) for entry in entries])
        self._commits += 1
        if self._compact_every and self._commits % self._compact_every == 0:
            await self.compact()
        return [None] * len(entries)

    def _read(self) -> list[Example]:
        table = self._table.read()
        if table is None:
            return []
        return to_examples(table.take(pa.array(_standing(table), pa.int64())))

    def _stays(self) -> dict[str, set[tuple[str, str]]]:
        table = self._table.read()
        columns = ["document_id", *_IDENTITY]
        entries = [] if table is None else table.select(columns).to_pylist()
        ended = {(e["passage_id"], e["sequence"]) for e in entries if e["kind"] == "tombstone"}
        stays: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for entry in entries:
            stay = (entry["passage_id"], entry["sequence"])
            if entry["kind"] == "example" and stay not in ended:
                stays[entry["document_id"]].add(stay)
        return stays


def _standing(table: pa.Table) -> list[int]:
    """Return the rows that stand: no tombstone for their stay, and one for each example.

    Of two stays of the same example the later one wins; within a stay any of its equal copies.
    """
    columns: list[list[Any]] = [table.column(name).to_pylist() for name in _IDENTITY]
    entries = list(zip(*columns, strict=True))
    ended = {(passage, stay) for kind, _, passage, stay in entries if kind == "tombstone"}
    winners: dict[str, tuple[str, int]] = {}
    for row, (kind, example_id, passage, stay) in enumerate(entries):
        if kind != "example" or (passage, stay) in ended:
            continue
        if example_id not in winners or winners[example_id][0] < stay:
            winners[example_id] = (stay, row)
    return [row for _, row in winners.values()]
