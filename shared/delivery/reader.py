"""Reading a stream: no message is taken that cannot begin at once.

FastStream's own loop reads a batch ahead of its handlers. What waits there has no heartbeat: where
handlers are slow its lease runs out, another replica takes it over and lets it wait as well, and
in the end it is a dead letter that nobody ever tried. So the library describes the subscriber,
parses, decodes and runs the middlewares, and the reading is done here.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any

import structlog
from faststream._internal.endpoint.subscriber import SubscriberUsecase
from faststream.redis.message import DefaultStreamMessage

from shared.delivery.gate import Gate
from shared.delivery.scripts import Scripts, Taken
from shared.delivery.settings import DeliverySettings

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 2.0
PARK_SECONDS = 2.0
GONE = ("NOGROUP", "UNBLOCKED")
"""How the broker says that a group is gone; the second to one that was waiting in it."""
TRIES_IN_COMPANY = 2
"""A message that was left behind more often than this is held alone; see `Gate`."""


class Reader:
    """Feeds a subscriber from its stream; new messages and ones taken over share the slots.

    Args:
        subscriber: FastStream's.
        who: stream, group and consumer.
        scripts: the delivery scripts, and the client.
        gate: the service's.
        settings: say how many messages run at once, and how long a lease is.
    """

    def __init__(
        self,
        subscriber: SubscriberUsecase[Any],
        who: tuple[str, str, str],
        scripts: Scripts,
        gate: Gate,
        settings: DeliverySettings,
    ) -> None:
        self.subscriber = subscriber
        self.who = who
        self.stream = who[0]
        self.scripts = scripts
        self.gate = gate
        self.settings = settings
        self._stopping = False
        self._loop: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()
        self._next_look = -math.inf

    @property
    def alive(self) -> bool:
        """Whether it reads; it stops for good when its group is gone."""
        return self._loop is not None and not self._loop.done()

    async def start(self) -> None:
        """Start to read."""
        await SubscriberUsecase.start(self.subscriber)  # all but the library's own reading
        self.subscriber.running = True
        self._loop = asyncio.create_task(self._read())

    async def stop(self) -> None:
        """Stop reading, let the handlers finish in time, and hand back what they did not."""
        self._stopping = True
        self._freed.set()
        # Not cancelled at first: entries whose reply is on its way would wait for their lease.
        if self._loop is not None:
            await asyncio.wait([self._loop], timeout=2 * LOOK_EVERY_SECONDS)
            await ended(self._loop)
        if self._running and self.settings.graceful_seconds:
            await asyncio.wait(self._running, timeout=self.settings.graceful_seconds)
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=PARK_SECONDS)

    async def _read(self) -> None:
        pause = LOOK_EVERY_SECONDS
        while not self._stopping:
            free = self.settings.concurrency - len(self._running)
            if free <= 0:
                self._freed.clear()
                await self._freed.wait()
                continue
            try:
                await self._take(free)
                pause = LOOK_EVERY_SECONDS
            except Exception as error:
                if any(word in str(error) for word in GONE):
                    log.critical("the group is gone", stream=self.stream, error=str(error))
                    return
                log.warning("reading waits", stream=self.stream, error=str(error))
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _take(self, free: int) -> None:
        suspect = False
        await self.gate.enter()
        try:
            taken: list[Taken] = []
            if time.monotonic() >= self._next_look:
                taken, suspect = await self._reclaim(free)
                if len(taken) < free:
                    self._next_look = time.monotonic() + LOOK_EVERY_SECONDS
            for each in taken or await self._new(free, block=not suspect):
                self._begin(each)
        finally:
            self.gate.leave()
        if suspect and not self._stopping:
            async with self.gate.alone():
                taken, _ = await self._reclaim(1, suspects=True)
                for each in taken:
                    await asyncio.wait([self._begin(each)])

    async def _reclaim(self, free: int, *, suspects: bool = False) -> tuple[list[Taken], bool]:
        lease_ms = int(self.settings.lease_seconds * 1000)
        return await self.scripts.reclaim(
            self.who,
            idle_ms=lease_ms,
            count=free,
            tries=TRIES_IN_COMPANY,
            suspects=suspects,
        )

    async def _new(self, free: int, *, block: bool) -> list[Taken]:
        stream, group, consumer = self.who
        reply = await self.scripts.client.xreadgroup(
            group,
            consumer,
            {stream: ">"},
            count=free,
            block=int(LOOK_EVERY_SECONDS * 1000) if block else None,
        )
        return [Taken(*entry) for _, entries in reply for entry in entries]

    def _begin(self, taken: Taken) -> asyncio.Task[None]:
        raw = DefaultStreamMessage(
            type="stream",
            channel=self.stream,
            message_ids=[taken.entry_id],
            data=taken.fields,
        )
        task = asyncio.create_task(self.subscriber.consume(raw))
        self.gate.admit()
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self.gate.leave()
        self._running.discard(task)
        self._freed.set()


async def ended(task: asyncio.Task[Any]) -> None:
    """Cancel a task until it ends: redis-py may swallow a cancellation that meets a reply."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.5)
