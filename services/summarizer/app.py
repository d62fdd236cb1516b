"""passage.extracted -> passage.summarized."""

from __future__ import annotations

from services.summarizer.handlers import Summarizer
from services.summarizer.settings import SummarySettings
from shared import models
from shared.delivery.service import Service
from shared.messages import PassageExtracted
from shared.settings import Settings, section


async def build(settings: Settings) -> Service:
    """Wire the service."""
    service = Service("summarizer", settings.redis_url, settings.keys, settings.delivery)
    summarizer = Summarizer(
        models.generator(settings.models[0], settings.home),
        section("summarizer", SummarySettings),
    )
    service.handle(PassageExtracted, summarizer.on_extracted)
    return service
