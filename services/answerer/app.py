"""No stream: it answers questions over HTTP."""

from __future__ import annotations

import httpx

from services.answerer.http import Asking, routes
from services.answerer.models import Models
from services.answerer.passages import by_http, by_index
from services.answerer.settings import AnswererSettings
from shared.delivery.service import Service
from shared.settings import Settings, section


async def build(settings: Settings, indexer: httpx.AsyncBaseTransport | None = None) -> Service:
    """Wire the service; no model is loaded before the first question.

    Args:
        settings: a `search_url` names the indexer; without it, and without one in this process,
            the index is opened for each question.
        indexer: the way to an indexer in this process, which holds the index open.
    """
    service = Service("answerer", settings.redis_url, settings.keys, settings.delivery)
    own = section("answerer", AnswererSettings)
    if settings.search_url:
        search = by_http(settings.search_url)
    elif indexer is not None:
        search = by_http("http://indexer", indexer)
    else:
        search = by_index(settings.home)
    asking = Asking(Models(own.location(settings.home)), search, own.reference)
    service.routes.extend(routes(asking, own.default_k))
    return service
