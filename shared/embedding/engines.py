"""Opens an embedder by its reference, and runs the ones that are local.

- `pkg:NAME/FOLDER`: a sentence-transformers folder inside an installed Python package, read from
  disk: the package is not imported and the network not touched;
- a local folder;
- `openai:URL#MODEL`: an OpenAI-compatible endpoint;
- anything else is a Hugging Face id, downloaded once into the hub's cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np

from shared.batching import MicroBatcher
from shared.embedding.port import Embedder, Vectors, embed_all, normalised
from shared.embedding.settings import DEFAULT_MODEL
from shared.errors import ModelUnsupported
from shared.generation.references import endpoint, locate


def open_embedder(
    reference: str = DEFAULT_MODEL,
    *,
    batch_size: int = 32,
    max_wait_seconds: float = 0.01,
    api_key: str = "",
    device: str = "",
) -> Embedder:
    """Load the embedder, or reach the endpoint, that `reference` names; this blocks for seconds.

    Args:
        reference: see the module's docstring.
        batch_size: most texts in one call of the model.
        max_wait_seconds: how long a text waits for others to share its call.
        api_key: for an endpoint; `OPENAI_API_KEY` where it is empty.
        device: `cpu`, `cuda`, ...; the best there is where it is empty.

    Raises:
        ModelNotFound: no such package, folder or hub id.
        ModelUnsupported: it is there and is no sentence embedder.
        ConfigurationInvalid, EndpointUnreachable, EndpointRefused: see `EndpointEmbedder`.
    """
    address = endpoint(reference)
    if address is not None:
        from shared.embedding.endpoint import EndpointEmbedder

        return EndpointEmbedder(
            address, batch_size=batch_size, max_wait_seconds=max_wait_seconds, api_key=api_key
        )
    return SentenceTransformersEmbedder(
        reference, batch_size=batch_size, max_wait_seconds=max_wait_seconds, device=device
    )


class SentenceTransformersEmbedder:
    """A sentence-transformers model in this process, run in a thread; see `open_embedder`."""

    def __init__(
        self,
        reference: str,
        *,
        batch_size: int = 32,
        max_wait_seconds: float = 0.01,
        device: str = "",
    ) -> None:
        self.model = reference
        self._batch_size = batch_size
        self._transformer = _load(reference, device)
        self.dimensions = int(self._transformer.get_embedding_dimension())
        self._batcher: MicroBatcher[str, Vectors] = MicroBatcher(
            "embedding", self._call, max_size=batch_size, max_wait_seconds=max_wait_seconds
        )

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each text; see `Embedder`."""
        return await embed_all(self._batcher, texts, self.dimensions)

    async def close(self) -> None:
        """Finish what is under way."""
        await self._batcher.aclose()

    async def _call(self, texts: list[str]) -> list[Vectors]:
        return list(await asyncio.to_thread(self._encode, texts))

    def _encode(self, texts: list[str]) -> Vectors:
        vectors = self._transformer.encode(
            texts, batch_size=self._batch_size, show_progress_bar=False, convert_to_numpy=True
        )
        return normalised(np.asarray(vectors, dtype=np.float32))


def _load(reference: str, device: str) -> Any:
    folder = locate(reference).folder  # before the import, which takes seconds
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # it would run through our own output
    try:
        return SentenceTransformer(str(folder), device=device or None, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelUnsupported(
            f"{reference!r} cannot be loaded as a sentence embedder: {error}."
        ) from error
