"""Asks an indexer over HTTP, wherever it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

import httpx

from shared.errors import GristmillError, IndexUnreachable
from shared.index.port import Hit

SEARCH_SECONDS = 60.0


class Search(Protocol):
    """Finds passages."""

    def __call__(self, query: str, k: int, documents: Sequence[str] = ()) -> Awaitable[list[Hit]]:
        """Return the `k` best passages, best first, of these documents or of all.

        Raises:
            IndexUnreachable: the indexer or its index does not answer; try again.
            GristmillError: it refuses the query.
        """
        ...


@asynccontextmanager
async def searching(
    url: str, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Search]:
    """Give a search that asks an indexer, over one connection as long as this lasts.

    Args:
        url: where it answers HTTP.
        transport: how to get there, where that is not by TCP. It is closed afterwards, which for
            one in this process does nothing.
    """
    async with httpx.AsyncClient(transport=transport, timeout=SEARCH_SECONDS) as client:

        async def search(query: str, k: int, documents: Sequence[str] = ()) -> list[Hit]:
            params: dict[str, Any] = {"q": query, "k": k, "document_id": list(documents)}
            try:
                response = await client.get(f"{url.rstrip('/')}/search", params=params)
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

        yield search
