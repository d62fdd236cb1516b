"""Awaiting from code that blocks: one event loop in a thread of its own, for embedders and HTTP."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import numpy as np

from shared.embedding.port import Embedder, Vectors
from shared.embedding.settings import EmbeddingSettings
from shared.settings import section

T = TypeVar("T")


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="answering", daemon=True).start()
    return loop


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end and return its result. Not from that loop itself."""
    return asyncio.run_coroutine_threadsafe(work, _loop()).result()


@functools.cache
def _embedder() -> Embedder:
    from shared.embedding.engines import open_embedder

    settings = section("embedding", EmbeddingSettings)
    return open_embedder(
        settings.model, api_key=settings.api_key.get_secret_value(), device=settings.device
    )


def embed(texts: list[str]) -> Vectors:
    """Return one normalised row for each text, by the embedder of the settings."""
    if not texts:
        return np.zeros((0, _embedder().dimensions), dtype=np.float32)
    return wait_for(_embedder().embed(texts))
