"""Where the passages come from: the indexer's search over HTTP, or the index itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import httpx

from services.answerer.answer import Search, nothing_indexed
from services.answerer.settings import PassagesIndex
from shared import models
from shared.index.opening import open_index
from shared.index.port import Hit
from shared.index.remote import searching
from shared.settings import section


def by_http(url: str, transport: httpx.AsyncBaseTransport | None = None) -> Search:
    """Return a search that asks an indexer.

    Args:
        url: where it answers HTTP.
        transport: how to get there, where that is not by TCP.
    """

    async def search(question: str, k: int) -> Sequence[Hit]:
        async with searching(url, transport) as ask:
            return await ask(question, k)

    return search


def by_index(home: Path) -> Search:
    """Return a search of the index, held open no longer than a search takes: others need it too."""
    turn = asyncio.Lock()

    async def search(question: str, k: int) -> Sequence[Hit]:
        own = section("indexer", PassagesIndex)
        location = own.location(home)
        if not own.index and not await asyncio.to_thread(Path(location).is_dir):
            raise nothing_indexed(f"There is no index in {home}.")
        embedder = await models.embedder()
        vectors = await embedder.embed([question])
        async with turn:
            index = await open_index(
                location,
                embedder,
                collection=own.collection,
                api_key=own.index_api_key.get_secret_value(),
            )
            try:
                return await index.search(question, vectors[0], k)
            finally:
                await index.close()

    return search
