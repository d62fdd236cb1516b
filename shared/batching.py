"""The one micro-batcher: concurrent awaits in, one call out.

Handlers take one message each, and models, indexes and tables like many at once. A `MicroBatcher`
stands between: whoever awaits it hands in one item and gets that item's result, and the call
behind it sees a list.

    embed = MicroBatcher("embedding", embed_many, max_size=32, max_wait_seconds=0.01)
    vector = await embed("a text")
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from shared.telemetry import BATCH_SIZE

T = TypeVar("T")
R = TypeVar("R")


class MicroBatcher(Generic[T, R]):
    """Collect items that are awaited at the same time into one call.

    One call is in flight at a time. Items that arrive meanwhile make up the next one, which starts
    as soon as the first ends; only an idle batcher waits, for company, `max_wait_seconds` from the
    first item on.

    When a call raises, its items are tried one by one, so that only the bad one's waiter sees the
    error. A waiter that is cancelled leaves the queue and disturbs nobody.

    Args:
        name: what the metrics call it.
        call: takes the items and returns their results in the same order.
        max_size: most items in one call.
        max_wait_seconds: how long the first item waits for company when nothing is in flight.
    """

    def __init__(
        self,
        name: str,
        call: Callable[[list[T]], Awaitable[list[R]]],
        max_size: int,
        max_wait_seconds: float,
    ) -> None:
        if max_size < 1:
            raise ValueError(f"a batch holds at least one item, not {max_size}")
        self._sizes = BATCH_SIZE.labels(name)
        self._call = call
        self._max_size = max_size
        self._max_wait_seconds = max_wait_seconds
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._closed = False

    async def __call__(self, item: T) -> R:
        """Return the result for `item`; raise what the call raised for it."""
        if self._closed:
            raise RuntimeError("this batcher is closed")
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._arrived.set()
        if len(self._waiting) >= self._max_size:
            self._full.set()
        if self._worker is None:
            # In a context of its own: it works for all, not for the message that came first.
            self._worker = asyncio.create_task(
                self._work(), name="micro-batcher", context=contextvars.Context()
            )
        return await future

    async def aclose(self) -> None:
        """Finish what is waiting, then refuse more."""
        self._closed = True
        self._full.set()
        self._arrived.set()
        if self._worker is not None:
            await self._worker

    async def _work(self) -> None:
        idle = True
        while True:
            if not self._waiting:
                if self._closed:
                    return
                self._arrived.clear()
                await self._arrived.wait()
                idle = True
            if idle:
                await self._wait_for_company()
            idle = False
            batch = self._take()
            if batch:
                await self._run(batch)

    async def _wait_for_company(self) -> None:
        if self._closed or self._max_wait_seconds <= 0 or len(self._waiting) >= self._max_size:
            return
        self._full.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._full.wait(), self._max_wait_seconds)

    def _take(self) -> list[tuple[T, asyncio.Future[R]]]:
        batch: list[tuple[T, asyncio.Future[R]]] = []
        while self._waiting and len(batch) < self._max_size:
            item, future = self._waiting.popleft()
            if not future.done():  # its waiter was cancelled
                batch.append((item, future))
        return batch

    async def _run(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        self._sizes.observe(len(batch))
        try:
            results = await self._call([item for item, _ in batch])
        except Exception as error:  # whatever it is belongs to the waiters
            await self._after_failure(batch, error)
            return
        if len(results) != len(batch):
            mismatch = RuntimeError(f"{len(batch)} items gave {len(results)} results")
            await self._after_failure(batch, mismatch)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)

    async def _after_failure(
        self, batch: list[tuple[T, asyncio.Future[R]]], error: Exception
    ) -> None:
        if len(batch) > 1:
            for pair in batch:
                if not pair[1].done():
                    await self._run([pair])
            return
        future = batch[0][1]
        if not future.done():
            future.set_exception(error)
