"""The models that the settings name, each loaded once in a process however many services use it."""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path

from shared.embedding.port import Embedder
from shared.embedding.settings import EmbeddingSettings
from shared.generation.engines import open_generator
from shared.generation.port import TextGenerator
from shared.generation.settings import GenerationSettings
from shared.settings import section

_loading = asyncio.Lock()


@functools.cache
def generator(reference: str, home: Path) -> TextGenerator:
    """Return the generator for a reference, run as the section `generation` says.

    Raises:
        ModelNotFound: nothing there.
    """
    settings = section("generation", GenerationSettings)
    if "cache_dir" not in settings.model_fields_set:
        settings = settings.model_copy(update={"cache_dir": home / "models"})
    return open_generator(reference, settings=settings)


async def embedder() -> Embedder:
    """Return the embedder that the section `embedding` names, loading it at the first call.

    Raises:
        ModelNotFound: nothing there.
    """
    async with _loading:
        return await asyncio.to_thread(_embedder)


@functools.cache
def _embedder() -> Embedder:
    from shared.embedding.engines import open_embedder

    settings = section("embedding", EmbeddingSettings)
    return open_embedder(
        settings.model,
        batch_size=settings.batch_size,
        max_wait_seconds=settings.batch_wait_seconds,
        api_key=settings.api_key.get_secret_value(),
        device=settings.device,
    )
