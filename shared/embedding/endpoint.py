"""Vectors from an OpenAI-compatible endpoint: OpenAI, vLLM, Ollama, TEI and others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NoReturn

import httpx
import numpy as np

from shared.batching import MicroBatcher
from shared.embedding.port import Vectors, embed_all, normalised
from shared.errors import EndpointRefused, EndpointUnreachable
from shared.generation.references import Endpoint

_BUSY = frozenset({408, 409, 425, 429})


class EndpointEmbedder:
    """Embed through `POST URL/embeddings`.

    Opening it asks for one vector, because only the answer tells how long vectors are.

    Args:
        address: the URL, which ends as OpenAI's does, in `/v1`, and the model's name there.
        batch_size: most texts in one request.
        max_wait_seconds: how long a text waits for others to share its request.
        api_key: sent as bearer token; `OPENAI_API_KEY` where it is not given.
        timeout_seconds: for one request.
        transport: stands in for the network in tests.

    Raises:
        EndpointUnreachable, EndpointRefused: as `Embedder.embed` does.
    """

    def __init__(
        self,
        address: Endpoint,
        *,
        batch_size: int = 32,
        max_wait_seconds: float = 0.01,
        api_key: str = "",
        timeout_seconds: float = 60.0,
        transport: httpx.MockTransport | None = None,
    ) -> None:
        self.model = f"openai:{address.url}#{address.name}"
        self._name = address.name
        self._url = address.url + "/embeddings"
        key = api_key or os.environ.get("OPENAI_API_KEY", "")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        with httpx.Client(headers=headers, timeout=timeout_seconds, transport=transport) as client:
            try:
                reply = client.post(self._url, json=self._body(["length"]))
            except httpx.TransportError as error:
                self._unreachable(error)
        self.dimensions = self._vectors(reply, 1).shape[1]
        self._client = httpx.AsyncClient(
            headers=headers, timeout=timeout_seconds, transport=transport
        )
        self._batcher: MicroBatcher[str, Vectors] = MicroBatcher(
            "embedding", self._request, max_size=batch_size, max_wait_seconds=max_wait_seconds
        )

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each text; see `Embedder`."""
        return await embed_all(self._batcher, texts, self.dimensions)

    async def close(self) -> None:
        """Finish what is under way and close the connections."""
        await self._batcher.aclose()
        await self._client.aclose()

    async def _request(self, texts: list[str]) -> list[Vectors]:
        try:
            reply = await self._client.post(self._url, json=self._body(texts))
        except httpx.TransportError as error:
            self._unreachable(error)
        vectors = self._vectors(reply, len(texts))
        if vectors.shape[1] != self.dimensions:
            raise EndpointRefused(
                f"{self._url} gave vectors of {vectors.shape[1]} numbers, before {self.dimensions}."
            )
        return list(vectors)

    def _body(self, texts: list[str]) -> dict[str, Any]:
        return {"model": self._name, "input": texts, "encoding_format": "float"}

    def _unreachable(self, error: httpx.TransportError) -> NoReturn:
        raise EndpointUnreachable(
            f"{self._url} does not answer: {error!r}.", "Is the endpoint running?"
        ) from error

    def _vectors(self, reply: httpx.Response, expected: int) -> Vectors:
        said = f"{self._url} answers {reply.status_code}: {reply.text[:300]}"
        if reply.status_code in _BUSY or reply.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise EndpointUnreachable(said)
        if reply.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise EndpointRefused(said, "Set the API key (OPENAI_API_KEY).")
        if reply.status_code != httpx.codes.OK:
            raise EndpointRefused(said)
        try:
            rows = sorted(reply.json()["data"], key=lambda row: int(row["index"]))
            vectors = np.asarray([row["embedding"] for row in rows], dtype=np.float32)
        except (ValueError, KeyError, TypeError) as error:
            raise EndpointRefused(f"{said}, which is not a list of embeddings.") from error
        if vectors.ndim != 2 or len(vectors) != expected or not np.isfinite(vectors).all():  # noqa: PLR2004
            raise EndpointRefused(f"{self._url} gave no usable vectors: shape {vectors.shape}.")
        return normalised(vectors)
