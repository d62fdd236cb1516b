"""Identity of documents, passages, points and examples.

Everything that is stored is stored under an identity derived from what it is, so that doing a
thing twice is the same as doing it once.
"""

from __future__ import annotations

import hashlib
from uuid import UUID, uuid5

_DOCUMENTS = UUID("6f0c1f0e-7a0b-5d6e-9a53-0d0b5c1e9f11")


def sha256(body: bytes) -> str:
    """Return the hex SHA-256 of `body`: the revision of a document, the name of a blob."""
    return hashlib.sha256(body).hexdigest()


def document_id(uri_or_key: str) -> UUID:
    """Return the identity of the document at this URI, or under the key its user gave it."""
    return uuid5(_DOCUMENTS, uri_or_key)


def passage_id(document: UUID, text: str) -> UUID:
    """Return the identity of a passage: the same text in the same document is the same passage."""
    return uuid5(document, sha256(text.encode()))


def incarnation_id(passage: UUID, sequence: str) -> UUID:
    """Return the identity of one stay of a passage in its document.

    A passage that is cut from a document and later put back is the same passage in a new
    incarnation, so a late removal of the first stay cannot touch the second.
    """
    return uuid5(passage, sequence)


def example_id(passage: UUID, fingerprint: str, ordinal: int) -> UUID:
    """Return the identity of the `ordinal`-th example made of a passage by one way of making it."""
    return uuid5(passage, f"{fingerprint}/{ordinal}")


def fingerprint(*parts: str) -> str:
    """Return 16 hex digits that change whenever one of `parts` does."""
    return sha256("\x1f".join(parts).encode())[:16]
