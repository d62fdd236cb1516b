"""The words of a text as a sparse vector: one way for every adapter, so that all rank alike.

Qdrant's own BM25 (lower case, English stop words and stemmer, tokens hashed to dimensions). The
inverse document frequency is not in the vector: the engine multiplies it in when it searches.
"""

from __future__ import annotations

from typing import NamedTuple

from qdrant_edge import Bm25, Bm25Config

DENSE = "dense"
SPARSE = "bm25"

# A passage of 60 to 220 words keeps about 80 tokens once the stop words are gone.
_model = Bm25(Bm25Config(avg_len=80.0))


class Sparse(NamedTuple):
    """The dimensions that are not zero, and their values."""

    indices: list[int]
    values: list[float]


def of_passage(text: str) -> Sparse:
    """Return the weights of the words in a text that is searched."""
    vector = _model.embed_document(text)
    return Sparse(list(vector.indices), list(vector.values))


def of_query(text: str) -> Sparse:
    """Return the words asked for; nothing where the text has stop words only."""
    vector = _model.embed_query(text)
    return Sparse(list(vector.indices), list(vector.values))
