"""passage.retracted, question.generated, dataset.requested -> example.curated, dataset.built."""

from __future__ import annotations

import functools

import httpx

from services.curator.handlers import Curator, OpenSearch, Stores
from services.curator.settings import CuratorSettings
from shared.delivery.service import Service
from shared.errors import ConfigurationInvalid
from shared.index.remote import searching
from shared.messages import DatasetRequested, PassageRetracted, QuestionGenerated
from shared.settings import Settings, section
from shared.storage.blobs import BlobStore
from shared.storage.dataset import Dataset
from shared.storage.examples import ExampleLog
from shared.storage.verdicts import Verdicts


async def build(settings: Settings, indexer: httpx.AsyncBaseTransport | None = None) -> Service:
    """Wire the service.

    Args:
        settings: a `search_url` names the indexer; without it, and without one in this process,
            versions are built without the ranks of passages.
        indexer: the way to an indexer in this process.

    Raises:
        ConfigurationInvalid: a file to decontaminate against is not there.
    """
    service = Service("curator", settings.redis_url, settings.keys, settings.delivery)
    own = section("curator", CuratorSettings)
    for path in own.build.decontaminate:
        if not path.is_file():
            raise ConfigurationInvalid(
                f"There is no file {path} to decontaminate against.",
                "Mend GRISTMILL_CURATOR_BUILD__DECONTAMINATE.",
            )
    examples = ExampleLog(
        settings.examples_location,
        batch_size=own.batch_size,
        max_wait_seconds=own.batch_wait_seconds,
        compact_every=own.compact_every,
    )
    stores = Stores(
        log=examples,
        verdicts=Verdicts(settings.verdicts_location),
        dataset=Dataset(settings.versions_location),
        cards=settings.cards_location,
        blobs=BlobStore(settings.blobs_location),
    )
    curator = Curator(stores, own, _search(settings, indexer))
    service.handle(QuestionGenerated, curator.on_generated)
    service.handle(PassageRetracted, curator.on_retracted)
    service.handle(DatasetRequested, curator.on_requested)
    service.on_stop(examples.close)
    return service


def _search(settings: Settings, indexer: httpx.AsyncBaseTransport | None) -> OpenSearch | None:
    if indexer is not None:
        return functools.partial(searching, "http://indexer", indexer)
    if settings.search_url:
        return functools.partial(searching, settings.search_url)
    return None
