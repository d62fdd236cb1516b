"""Answers over HTTP: `GET /answer?q=...&k=3&run=ID` says the answer and its sources."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.answerer.answer import NothingIndexed, Search, answer, check
from services.answerer.models import Models
from shared.errors import (
    EndpointRefused,
    GristmillError,
    IndexInUse,
    IndexMismatch,
    ModelNotFound,
    ModelUnsupported,
)
from shared.runs import RunNotFound

_MISSING = (RunNotFound, NothingIndexed)
_UNAVAILABLE = (IndexInUse, IndexMismatch, ModelNotFound, ModelUnsupported, EndpointRefused)


class Asking:
    """Answers questions, one at a time.

    Args:
        models: the models to choose from.
        search: finds the passages.
        model: reference of the model that is asked where no run is named.
    """

    def __init__(self, models: Models, search: Search, model: str) -> None:
        self._models = models
        self._search = search
        self._model = model
        self._turn = asyncio.Lock()

    async def ask(self, question: str, k: int, run: str = "") -> dict[str, Any]:
        """Return the answer, as JSON types; see `answer` and `Models.tuned` for the errors."""
        check(question, k)
        models = self._models
        chosen = models.tuned(run, k) if run else models.untuned(self._model)
        done = await answer(question, k, self._search, chosen.answerer, self._turn)
        return {
            "question": done.question,
            "answer": done.answer,
            "run": chosen.run,
            "model": chosen.model,
            "sources": [hit.model_dump(mode="json") for hit in done.sources],
        }


def routes(asking: Asking, default_k: int) -> list[Route]:
    """Return the service's own HTTP routes."""

    async def get(request: Request) -> JSONResponse:
        given = request.query_params
        try:
            k = int(given.get("k", default_k))
        except ValueError as error:
            return _refused(422, f"Not a valid parameter: {error}.")
        try:
            return JSONResponse(await asking.ask(given.get("q", ""), k, given.get("run", "")))
        except GristmillError as error:
            return _refused(_status_of(error), str(error))

    return [Route("/answer", get)]


def _status_of(error: GristmillError) -> int:
    """404: it is not there; 503: not the asker's fault; 422: it must be asked otherwise."""
    if isinstance(error, _MISSING):
        return 404
    return 503 if error.retryable or isinstance(error, _UNAVAILABLE) else 422


def _refused(status: int, error: str) -> JSONResponse:
    return JSONResponse({"error": error}, status_code=status)
