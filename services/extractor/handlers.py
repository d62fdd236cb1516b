"""From submissions and removals to passages that come and go."""

from __future__ import annotations

import asyncio
from uuid import UUID

from services.extractor.extract import extract
from services.extractor.fetch import fetch
from services.extractor.settings import ExtractorSettings
from shared.delivery.ledger import DocumentState, Ledger
from shared.delivery.outcome import DocumentRecord, Outcome
from shared.errors import DocumentNotFound
from shared.ids import sha256
from shared.messages import (
    DocumentMessage,
    DocumentRemoved,
    DocumentSubmitted,
    PassageExtracted,
    PassageRetracted,
    Source,
)
from shared.storage.blobs import BlobStore


class Extractor:
    """The extractor's handlers and what they need."""

    def __init__(self, blobs: BlobStore, ledger: Ledger, settings: ExtractorSettings) -> None:
        self.blobs = blobs
        self.ledger = ledger
        self.settings = settings

    async def on_submitted(self, message: DocumentSubmitted) -> Outcome:
        """Extract the passages; announce those that are new and those that are gone."""
        known = await self.ledger.document(message.document_id)
        body, media_type = await self._body(message)
        revision = sha256(body)
        if (known.status, known.revision, known.recipe) == ("active", revision, message.recipe):
            return Outcome(document=_record(message, known, known.title, revision))
        extraction = await asyncio.to_thread(
            extract,
            body,
            uri=message.uri,
            media_type=media_type,
            limits=self.settings.limits,
            document_id=message.document_id,
        )
        await self.blobs.put(body)
        source = Source(
            document_id=message.document_id,
            uri=message.uri,
            title=extraction.title,
            revision=revision,
            text_blob=await self.blobs.put(extraction.text.encode()),
            sequence=message.sequence,
        )
        old = await self.ledger.passages(message.document_id)
        kept = old.keys() & {passage.passage_id for passage in extraction.passages}
        if known.recipe != message.recipe:
            kept = set()
        gone = _retracted(message, {i: s for i, s in old.items() if i not in kept})
        new = [
            PassageExtracted(source=source, passage=passage)
            for passage in extraction.passages
            if passage.passage_id not in kept
        ]
        return Outcome([*gone, *new], _record(message, known, extraction.title, revision))

    async def on_removed(self, message: DocumentRemoved) -> Outcome:
        """Retract every passage of the document."""
        known = await self.ledger.document(message.document_id)
        old = await self.ledger.passages(message.document_id)
        record = DocumentRecord(
            message.document_id,
            known.uri or message.uri,
            message.sequence,
            base=known.sequence,
            title=known.title,
            status="removed",
        )
        return Outcome(_retracted(message, old), record)

    async def _body(self, message: DocumentSubmitted) -> tuple[bytes, str]:
        if message.text is not None:
            return message.text.encode(), message.media_type or "text/plain; charset=utf-8"
        if message.blob is not None:
            return await self.blobs.get(message.blob), message.media_type
        if message.uri.startswith(("http://", "https://")):
            fetched = await fetch(
                message.uri,
                limits=self.settings.fetch_limits,
                allow_private=self.settings.allow_private_urls,
            )
            return fetched.body, message.media_type or fetched.media_type
        raise DocumentNotFound(
            f"The submission of {message.uri} has no body.",
            "Publish files with `gristmill publish`, or send `text`, or a http(s) `uri`.",
        )


def _record(
    message: DocumentSubmitted, known: DocumentState, title: str, revision: str
) -> DocumentRecord:
    return DocumentRecord(
        message.document_id,
        message.uri,
        message.sequence,
        base=known.sequence,
        title=title,
        revision=revision,
        recipe=message.recipe,
    )


def _retracted(message: DocumentMessage, passages: dict[UUID, str]) -> list[PassageRetracted]:
    return [
        PassageRetracted(document_id=message.document_id, passage_id=passage, sequence=sequence)
        for passage, sequence in passages.items()
    ]
