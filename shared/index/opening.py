"""Opens the index that a location names."""

from __future__ import annotations

import asyncio
from pathlib import Path

from shared.embedding.port import Embedder
from shared.index.port import PassageIndex


async def open_index(
    location: str,
    embedder: Embedder,
    *,
    collection: str = "gristmill",
    api_key: str = "",
    batch_size: int = 256,
    max_wait_seconds: float = 0.01,
) -> PassageIndex:
    """Open a folder (Qdrant Edge) or connect to a `http(s)://` address (Qdrant server).

    A server is asked nothing yet, so this does not raise where it is down; the first use does.

    Raises:
        IndexInUse, IndexMismatch: see `EdgeIndex`.
    """
    if location.startswith(("http://", "https://")):
        from qdrant_client import AsyncQdrantClient

        from shared.index.server import ServerIndex

        client = AsyncQdrantClient(url=location, api_key=api_key or None, check_compatibility=False)
        return ServerIndex(
            client,
            collection=collection,
            model=embedder.model,
            dimensions=embedder.dimensions,
            batch_size=batch_size,
            max_wait_seconds=max_wait_seconds,
        )
    from shared.index.edge import EdgeIndex

    return await asyncio.to_thread(
        EdgeIndex,
        Path(location),
        model=embedder.model,
        dimensions=embedder.dimensions,
        batch_size=batch_size,
        max_wait_seconds=max_wait_seconds,
    )
