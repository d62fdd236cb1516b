"""training.requested -> training.progressed, training.completed."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from redis.exceptions import RedisError

from services.trainer.handlers import Trainer
from services.trainer.settings import TrainerSettings
from shared.delivery.envelope import DATA, encode
from shared.delivery.service import Service
from shared.messages import TrainingProgressed, TrainingRequested
from shared.settings import Settings, section
from shared.topology import stream_of

EVENTS_KEPT = 10_000


def _is_no_stop(record: logging.LogRecord) -> bool:
    """Whether a record tells of more than that a stopping service broke off its training."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


async def build(settings: Settings) -> Service:
    """Wire the service. It takes a request only when it can train: replicas take the others."""
    logging.getLogger("gristmill.faststream").addFilter(_is_no_stop)
    own = section("trainer", TrainerSettings)
    # A training is not finished while a service stops: it goes on from its checkpoint instead.
    delivery = settings.delivery.model_copy(update={"graceful_seconds": 0.0})
    service = Service("trainer", settings.redis_url, settings.keys, delivery)

    async def announce(event: TrainingProgressed) -> None:
        with suppress(RedisError, OSError):  # the next one tells more
            await service.client.xadd(
                service.keys.stream(stream_of(event).name),
                {DATA: await encode(event)},
                maxlen=EVENTS_KEPT,
                approximate=True,
            )

    trainer = Trainer(settings, own, announce)
    service.handle(TrainingRequested, trainer.on_requested, one_by_one=True)
    service.on_stop(trainer.close)
    return service
