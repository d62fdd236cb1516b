"""passage.summarized -> question.generated."""

from __future__ import annotations

from services.question_generator.handlers import QuestionGenerator
from services.question_generator.settings import QuestionSettings
from shared import models
from shared.delivery.service import Service
from shared.messages import PassageSummarized
from shared.settings import Settings, section


async def build(settings: Settings) -> Service:
    """Wire the service."""
    service = Service("question_generator", settings.redis_url, settings.keys, settings.delivery)
    asker = QuestionGenerator(
        models.generator(settings.models[1], settings.home),
        await models.embedder(),
        section("question_generator", QuestionSettings),
    )
    service.handle(PassageSummarized, asker.on_summarized)
    return service
