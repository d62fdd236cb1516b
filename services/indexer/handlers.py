"""From passages to points of the index."""

from __future__ import annotations

from collections.abc import Sequence

from shared.embedding.port import Embedder
from shared.index.port import IndexedPassage, PassageIndex
from shared.messages import PassageExtracted, PassageIndexed, PassageRetracted


class Indexer:
    """The indexer's handlers and what they need."""

    def __init__(self, index: PassageIndex, embedder: Embedder) -> None:
        self.index = index
        self.embedder = embedder

    async def on_extracted(self, message: PassageExtracted) -> list[PassageIndexed]:
        """Make the passage findable."""
        passage = IndexedPassage.of(message)
        vectors = await self.embedder.embed([passage.searched_text])
        await self.index.upsert([passage], vectors)
        return [
            PassageIndexed(
                document_id=passage.document_id,
                passage_id=passage.passage_id,
                sequence=passage.sequence,
            )
        ]

    async def undo_extracted(self, message: PassageExtracted) -> None:
        """Take out a passage that left its document while it was being put in."""
        await self.index.remove(message.passage.passage_id, message.source.sequence)

    async def on_retracted(self, message: PassageRetracted) -> Sequence[PassageIndexed]:
        """Take the passage out."""
        await self.index.remove(message.passage_id, message.sequence)
        return ()
