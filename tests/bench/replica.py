"""A replica of a stage whose generator answers in half a second: `... replica URL AT_ONCE`."""

import asyncio
import sys

from shared import messages as m
from shared.delivery.service import Service
from shared.delivery.settings import DeliverySettings
from tests.bench.stages import KEYS, summary

ANSWER_SECONDS = 0.5


async def main(url: str, at_once: int) -> None:
    service = Service("summarizer", url, KEYS, DeliverySettings(concurrency=at_once))

    async def stage(message: m.PassageExtracted) -> list[m.PassageSummarized]:
        await asyncio.sleep(ANSWER_SECONDS)
        return [summary(message)]

    service.handle(m.PassageExtracted, stage)
    await service.start()
    print("up", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
