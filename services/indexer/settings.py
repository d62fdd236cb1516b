"""What the indexer can be told."""

from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr


class IndexerSettings(BaseModel):
    """Settings of the indexer. The embedding model has a section of its own.

    Attributes:
        index: a folder (Qdrant Edge) or the address of a Qdrant server; empty for the folder
            `index` in the home folder.
        index_api_key: for a Qdrant server.
        collection: the collection on a Qdrant server.
        upsert_batch_size: most passages in one write.
        upsert_wait_seconds: how long a passage waits for others to share its write.
        default_k: how many hits a search returns that does not say.
    """

    index: str = ""
    index_api_key: SecretStr = SecretStr("")
    collection: str = "gristmill"
    upsert_batch_size: int = Field(default=256, ge=1)
    upsert_wait_seconds: float = Field(default=0.01, ge=0)
    default_k: int = Field(default=5, ge=1)
