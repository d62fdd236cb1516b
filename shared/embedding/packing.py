"""A vector as a short text, to travel in a message: each number in one byte, in base64.

Of two vectors of length 1, packed and unpacked, the cosine is off by less than 0.01.
"""

from __future__ import annotations

import base64

import numpy as np

from shared.embedding.port import Vectors

_MOST = 127


def packed(vector: Vectors) -> str:
    """Return a vector of shape (dimensions,) as text; its length is not kept."""
    greatest = float(np.abs(vector).max()) or 1.0
    return base64.b64encode((vector / greatest * _MOST).round().astype(np.int8).tobytes()).decode()


def unpacked(text: str) -> Vectors:
    """Return what was packed, at length 1 (L2); zeros stay zeros."""
    vector = np.frombuffer(base64.b64decode(text), np.int8).astype(np.float32)
    length = float(np.linalg.norm(vector)) or 1.0
    return np.asarray(vector / length, dtype=np.float32)
