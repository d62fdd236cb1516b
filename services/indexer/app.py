"""passage.extracted, passage.retracted -> passage.indexed."""

from __future__ import annotations

from services.indexer.handlers import Indexer
from services.indexer.search import routes
from services.indexer.settings import IndexerSettings
from shared import models
from shared.delivery.service import Service
from shared.messages import PassageExtracted, PassageRetracted
from shared.settings import Settings, section


async def build(settings: Settings) -> Service:
    """Wire the service, its index and its HTTP search."""
    service = Service("indexer", settings.redis_url, settings.keys, settings.delivery)
    own = section("indexer", IndexerSettings)
    embedder = await models.embedder()
    index = await own.open(settings.home, embedder)
    indexer = Indexer(index, embedder)
    service.handle(PassageExtracted, indexer.on_extracted, undo=indexer.undo_extracted)
    service.handle(PassageRetracted, indexer.on_retracted)
    service.on_stop(index.close)
    service.routes.extend(routes(index, embedder, own.default_k))
    return service
