"""The index over HTTP.

- `GET /search?q=...&k=5&document_id=...` answers with a list of hits.
- `GET /stays?document_id=...` answers with `[[passage_id, sequence], ...]`: what is in the index of
  a document, for `gristmill publish --reconcile`.
"""

from __future__ import annotations

from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from shared.embedding.port import Embedder
from shared.errors import GristmillError
from shared.index.port import Hit, PassageIndex, QueryInvalid

MAX_K = 1000


async def search(
    index: PassageIndex, embedder: Embedder, query: str, k: int, documents: list[UUID]
) -> list[Hit]:
    """Return the `k` best passages for a query.

    Args:
        index: where to look.
        embedder: the one the index was made with.
        query: what to look for, in words.
        k: how many to return, from 1 to 1000.
        documents: look in these only; everywhere where it is empty.

    Raises:
        QueryInvalid: an empty query, or a `k` that is out of range.
    """
    if not query.strip():
        raise QueryInvalid("The query is empty.", "Ask for something.")
    if not 1 <= k <= MAX_K:
        raise QueryInvalid(f"k is {k}.", f"Ask for 1 to {MAX_K} passages.")
    vector = await embedder.embed([query])
    return await index.search(query, vector[0], k, documents)


def routes(index: PassageIndex, embedder: Embedder, default_k: int) -> list[Route]:
    """Return the service's own HTTP routes."""

    async def get(request: Request) -> JSONResponse:
        ask = request.query_params
        try:
            documents = [UUID(text) for text in ask.getlist("document_id")]
            k = int(ask.get("k", default_k))
        except ValueError as error:
            return _refused(422, f"Not a valid parameter: {error}.")
        try:
            hits = await search(index, embedder, ask.get("q", ""), k, documents)
        except QueryInvalid as error:
            return _refused(422, str(error))
        except GristmillError as error:
            return _refused(503, str(error))
        return JSONResponse([hit.model_dump(mode="json") for hit in hits])

    async def stays(request: Request) -> JSONResponse:
        try:
            document = UUID(request.query_params.get("document_id", ""))
        except ValueError as error:
            return _refused(422, f"Not a valid parameter: {error}.")
        try:
            found = await index.stays(document)
        except GristmillError as error:
            return _refused(503, str(error))
        return JSONResponse(sorted((str(passage), sequence) for passage, sequence in found))

    return [Route("/search", get), Route("/stays", stays)]


def _refused(status: int, error: str) -> JSONResponse:
    return JSONResponse({"error": error}, status_code=status)
