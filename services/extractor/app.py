"""document.submitted, document.removed -> passage.extracted, passage.retracted."""

from __future__ import annotations

from services.extractor.handlers import Extractor
from services.extractor.settings import ExtractorSettings
from shared.delivery.ledger import Ledger
from shared.delivery.service import Service
from shared.messages import DocumentRemoved, DocumentSubmitted
from shared.settings import Settings, section
from shared.storage.blobs import BlobStore


async def build(settings: Settings) -> Service:
    """Wire the service."""
    service = Service("extractor", settings.redis_url, settings.keys, settings.delivery)
    extractor = Extractor(
        BlobStore(settings.blobs_location),
        Ledger(service.client, settings.keys),
        section("extractor", ExtractorSettings),
    )
    service.handle(DocumentSubmitted, extractor.on_submitted)
    service.handle(DocumentRemoved, extractor.on_removed)
    return service
