"""What the indexer can be told."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr

from shared.embedding.port import Embedder
from shared.index.opening import open_index
from shared.index.port import PassageIndex


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

    def location(self, home: Path) -> str:
        """Return the folder or address of the index."""
        return self.index or str(home / "index")

    async def open(self, home: Path, embedder: Embedder) -> PassageIndex:
        """Open the index; see `shared/index/opening.py` for the errors."""
        return await open_index(
            self.location(home),
            embedder,
            collection=self.collection,
            api_key=self.index_api_key.get_secret_value(),
            batch_size=self.upsert_batch_size,
            max_wait_seconds=self.upsert_wait_seconds,
        )
