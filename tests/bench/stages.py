"""One stage, built with each library: takes a message of a passage, gives one of its summary.

`python -m tests.bench.stages SIDE fill|work URL COUNT`. `fill` writes the backlog, `work` runs one
worker process on it, prints the rate as JSON once all have been handled, and ends. Each peer is
in the mode in which a message survives its worker's death: acknowledged after the work.
"""

import asyncio
import json
import logging
import os
import sys
import threading
import time
from typing import Any

from shared import ids
from shared import messages as m
from shared.delivery.envelope import encode
from shared.delivery.service import Service, connect, create_groups
from shared.delivery.settings import DeliverySettings
from shared.topology import Keys, stream_named

WARM = 500
AT_ONCE = 16
LEASE_SECONDS = 60
KEYS = Keys("bench")
READ, WRITTEN = stream_named("passage.extracted"), stream_named("passage.summarized")
SEQUENCE = "000000000000001-000000"
MAKER = m.Maker(model="none", prompt="none", decoding="{}")
PASSAGES_EACH = 10


def passage(number: int) -> m.PassageExtracted:
    """A message as the extractor writes it: about 120 words, 1.2 kB."""
    document = f"https://example.org/page/{number // PASSAGES_EACH}"
    text = f"Passage {number}. " + "The quick brown fox jumps over the lazy dog again. " * 12
    identity = ids.document_id(document)
    return m.PassageExtracted(
        source=m.Source(
            document_id=identity,
            uri=document,
            title="A page",
            revision="0" * 64,
            text_blob="0" * 64,
            sequence=SEQUENCE,
        ),
        passage=m.Passage(
            passage_id=ids.passage_id(identity, text),
            text=text,
            char_start=0,
            char_end=len(text),
            heading_path=("A page", "A section"),
        ),
    )


def summary(message: m.PassageExtracted) -> m.PassageSummarized:
    return m.PassageSummarized(
        source=message.source,
        passage=message.passage,
        summary=message.passage.text[:80],
        summary_maker=MAKER,
    )


class Meter:
    """Counts handled messages; the first few, while everything warms up, are not timed."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.seen = 0
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self.seen += 1
            if self.seen == WARM:
                self.began, self.cpu = time.perf_counter(), time.process_time()
            if self.seen == self.count:
                timed = self.count - WARM
                seconds = time.perf_counter() - self.began
                cpu = time.process_time() - self.cpu
                told = {"rate": timed / seconds, "cpu_us": cpu / timed * 1e6}
                print(json.dumps(told), file=sys.__stdout__, flush=True)  # Celery takes stdout
                os._exit(0)


async def fill_passages(url: str, count: int) -> None:
    """Write the messages, and the ledger that says that their passages are there."""
    client = connect(url)
    await create_groups(client, KEYS, READ)
    for start in range(0, count, 1000):
        pipeline = client.pipeline(transaction=False)
        for number in range(start, min(count, start + 1000)):
            message = passage(number)
            pipeline.xadd(KEYS.stream(READ.name), {"__data__": await encode(message)})
            ledger = KEYS.ledger(message.source.document_id)
            pipeline.hset(ledger, f"passage:{message.passage.passage_id}", SEQUENCE)
        await pipeline.execute()
    await client.aclose()


async def gristmill(url: str, meter: Meter) -> None:
    service = Service(
        "summarizer", url, KEYS, DeliverySettings(concurrency=AT_ONCE, lease_seconds=LEASE_SECONDS)
    )

    async def stage(message: m.PassageExtracted) -> list[m.PassageSummarized]:
        meter()
        return [summary(message)]

    service.handle(m.PassageExtracted, stage)
    await service.start()
    await asyncio.Event().wait()


async def faststream(url: str, meter: Meter) -> None:
    from faststream.redis import RedisBroker, StreamSub

    broker = RedisBroker(url, logger=None)
    read = StreamSub(
        KEYS.stream(READ.name), group="summarizer", consumer="one", max_records=AT_ONCE
    )

    @broker.subscriber(stream=read, max_workers=AT_ONCE)
    @broker.publisher(stream=KEYS.stream(WRITTEN.name))
    async def stage(message: m.PassageExtracted) -> m.PassageSummarized:
        meter()
        return summary(message)

    await broker.start()
    await asyncio.Event().wait()


def plain(number: int) -> dict[str, Any]:
    """The same message for those who have no types for it."""
    return passage(number).model_dump(mode="json")


def summed(message: dict[str, Any]) -> dict[str, Any]:
    maker = MAKER.model_dump()
    return {**message, "summary": message["passage"]["text"][:80], "summary_maker": maker}


def celery(url: str, count: int, *, work: bool) -> None:
    from celery import Celery

    app = Celery("bench", broker=url.replace("unix://", "redis+socket://"))
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        worker_prefetch_multiplier=AT_ONCE,
        broker_transport_options={"visibility_timeout": LEASE_SECONDS},
        broker_connection_retry_on_startup=True,
    )
    meter = Meter(count)

    @app.task(name="next")
    def following(message: dict[str, Any]) -> None: ...

    @app.task(name="stage")
    def stage(message: dict[str, Any]) -> None:
        meter()
        following.apply_async((summed(message),), queue="next")

    if not work:
        for number in range(count):
            stage.apply_async((plain(number),), queue="stage")
        return
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=ERROR")
    app.worker_main(["worker", "--pool=solo", "--queues=stage", *quiet])


def dramatiq(url: str, count: int, *, work: bool) -> None:
    import dramatiq as library
    from dramatiq.brokers.redis import RedisBroker

    broker = RedisBroker(url=url)
    library.set_broker(broker)
    meter = Meter(count)

    @library.actor(queue_name="next")
    def following(message: dict[str, Any]) -> None: ...

    @library.actor(queue_name="stage")
    def stage(message: dict[str, Any]) -> None:
        meter()
        following.send(summed(message))

    if not work:
        for number in range(count):
            stage.send(plain(number))
        return
    library.Worker(broker, queues={"stage"}).start()
    threading.Event().wait()


async def taskiq(url: str, count: int, *, work: bool) -> None:
    from taskiq.acks import AcknowledgeType
    from taskiq.receiver import Receiver
    from taskiq_redis import RedisStreamBroker

    logging.disable(logging.WARNING)
    broker = RedisStreamBroker(url, queue_name="stage", consumer_id="0")
    onward = RedisStreamBroker(url, queue_name="next", consumer_id="0")
    meter = Meter(count)

    @onward.task(task_name="next")
    async def following(message: dict[str, Any]) -> None: ...

    @broker.task(task_name="stage")
    async def stage(message: dict[str, Any]) -> None:
        meter()
        await following.kiq(summed(message))

    broker.is_worker_process = work
    await broker.startup()
    await onward.startup()
    if not work:
        for number in range(count):
            await stage.kiq(plain(number))
        return
    receiver = Receiver(
        broker, max_async_tasks=AT_ONCE, ack_type=AcknowledgeType.WHEN_EXECUTED, run_startup=False
    )
    await receiver.listen(asyncio.Event())


OUTPUTS = {
    "gristmill": KEYS.stream(WRITTEN.name),
    "faststream": KEYS.stream(WRITTEN.name),
    "celery": "next",
    "dramatiq": "dramatiq:next",
    "taskiq": "next",
}
"""Each side, and the key that its outputs are in."""


def main(side: str, what: str, url: str, count: int) -> None:
    if side in {"gristmill", "faststream"}:
        if what == "fill":
            asyncio.run(fill_passages(url, count))
        else:
            run = gristmill if side == "gristmill" else faststream
            asyncio.run(run(url, Meter(count)))
    elif side == "taskiq":
        asyncio.run(taskiq(url, count, work=what == "work"))
    else:
        (celery if side == "celery" else dramatiq)(url, count, work=what == "work")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
