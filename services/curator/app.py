"""passage.retracted, question.generated, dataset.requested -> example.curated, dataset.built."""

from __future__ import annotations

from services.curator.handlers import Curator
from services.curator.settings import CuratorSettings
from shared.delivery.service import Service
from shared.messages import DatasetRequested, PassageRetracted, QuestionGenerated
from shared.settings import Settings, section
from shared.storage.dataset import Dataset
from shared.storage.examples import ExampleLog


async def build(settings: Settings) -> Service:
    """Wire the service."""
    service = Service("curator", settings.redis_url, settings.keys, settings.delivery)
    own = section("curator", CuratorSettings)
    log = ExampleLog(
        settings.examples_location,
        batch_size=own.batch_size,
        max_wait_seconds=own.batch_wait_seconds,
        compact_every=own.compact_every,
    )
    curator = Curator(log, Dataset(settings.versions_location), own)
    service.handle(QuestionGenerated, curator.on_generated)
    service.handle(PassageRetracted, curator.on_retracted)
    service.handle(DatasetRequested, curator.on_requested)
    service.on_stop(log.close)
    return service
