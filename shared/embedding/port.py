"""What turns texts into vectors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]


class Embedder(Protocol):
    """Texts in, vectors out: near in meaning is near in space.

    Attributes:
        model: the model's reference, as in the settings; an index remembers it.
        dimensions: the length of a vector.
    """

    @property
    def model(self) -> str: ...  # noqa: D102
    @property
    def dimensions(self) -> int: ...  # noqa: D102

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each text: shape (n, dimensions), float32, of length 1 (L2).

        Calls that are awaited at the same time share the model's batches.

        Raises:
            EndpointUnreachable: the endpoint does not answer or is busy; try again.
            EndpointRefused: the endpoint refuses this request for good.
        """
        ...

    async def close(self) -> None:
        """Finish what is under way and let go of the model or the connection."""
        ...


def normalised(vectors: Vectors) -> Vectors:
    """Return the rows at length 1; a row of zeros stays what it is."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths), dtype=np.float32)


async def embed_all(
    embed_one: Callable[[str], Awaitable[Vectors]], texts: Sequence[str], dimensions: int
) -> Vectors:
    """Return the rows that a micro-batcher gives for the texts, in order."""
    if not texts:
        return np.empty((0, dimensions), dtype=np.float32)
    return np.stack(await asyncio.gather(*(embed_one(text) for text in texts)))
