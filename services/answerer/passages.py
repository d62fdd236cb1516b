"""Where the passages come from: the indexer's search over HTTP, or the index itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import httpx

from services.answerer.answer import Search, nothing_indexed
from services.answerer.settings import PassagesIndex
from shared import models
from shared.errors import GristmillError, IndexUnreachable
from shared.index.opening import open_index
from shared.index.port import Hit
from shared.settings import section

SEARCH_SECONDS = 60.0


def by_http(url: str, transport: httpx.AsyncBaseTransport | None = None) -> Search:
    """Return a search that asks an indexer.

    Args:
        url: where it answers HTTP.
        transport: how to get there, where that is not by TCP.
    """

    async def search(question: str, k: int) -> Sequence[Hit]:
        asked = f"{url.rstrip('/')}/search"
        # Closing a client closes its transport, which for one in this process does nothing.
        async with httpx.AsyncClient(transport=transport, timeout=SEARCH_SECONDS) as client:
            try:
                response = await client.get(asked, params={"q": question, "k": k})
                found = response.json()
            except (httpx.HTTPError, ValueError) as error:
                raise IndexUnreachable(
                    f"The search at {url} does not answer: {error!r}.",
                    "Check that the indexer runs and that GRISTMILL_SEARCH_URL names it.",
                ) from error
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise IndexUnreachable(found["error"])
        if response.is_error:
            raise GristmillError(found["error"])
        return [Hit.model_validate(each) for each in found]

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
