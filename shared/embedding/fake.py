"""An embedder without a model, for tests: texts that share words are near."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from shared.embedding.port import Vectors, normalised

_WORD = re.compile(r"\w+")


class FakeEmbedder:
    """Bag of words, each word hashed to a direction of its own; the same in every process.

    Words are cut to five letters, so that "bakes" and "baked" agree as a model would have them.
    """

    def __init__(self, dimensions: int = 64, model: str = "fake:bag-of-words") -> None:
        self.model = model
        self.dimensions = dimensions

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each text; see `Embedder`."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in _WORD.findall(text.lower()):
                vectors[row] += self._direction(word[:5])
        return normalised(vectors)

    async def close(self) -> None:
        """Hold nothing, let go of nothing."""

    def _direction(self, word: str) -> Vectors:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
        direction: Vectors = np.random.default_rng(seed).standard_normal(
            self.dimensions, np.float32
        )
        return direction
