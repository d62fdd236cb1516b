import asyncio

import pytest
from structlog.contextvars import bound_contextvars, get_contextvars

from shared.batching import MicroBatcher
from shared.telemetry import REGISTRY


class Doubler:
    """Doubles numbers, remembers the batches, and fails any batch that holds a 13."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.batches: list[list[int]] = []
        self.running = 0
        self.most_running = 0
        self.seconds = seconds
        self.started = asyncio.Event()

    async def __call__(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        self.started.set()
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        await asyncio.sleep(self.seconds)
        self.running -= 1
        if 13 in items:
            raise ValueError("unlucky")
        return [2 * item for item in items]


async def test_concurrent_awaits_become_one_call():
    call = Doubler()
    batcher = MicroBatcher("test", call, max_size=32, max_wait_seconds=0.01)
    assert await asyncio.gather(*(batcher(n) for n in range(10))) == [2 * n for n in range(10)]
    assert call.batches == [list(range(10))]
    await batcher.aclose()


async def test_the_very_first_item_waits_for_company_too():
    call = Doubler()
    batcher = MicroBatcher("test", call, max_size=2, max_wait_seconds=60)
    first = asyncio.create_task(batcher(1))
    for _ in range(5):
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert (await batcher(2), await first) == (4, 2)
    assert call.batches == [[1, 2]]
    await batcher.aclose()


async def test_a_batch_is_never_larger_than_its_limit():
    call = Doubler()
    batcher = MicroBatcher("test", call, max_size=4, max_wait_seconds=0.01)
    await asyncio.gather(*(batcher(n) for n in range(10)))
    assert [len(batch) for batch in call.batches] == [4, 4, 2]
    await batcher.aclose()


async def test_a_full_batch_does_not_wait():
    batcher = MicroBatcher("test", Doubler(), max_size=2, max_wait_seconds=60)
    async with asyncio.timeout(5):
        assert await asyncio.gather(batcher(1), batcher(2)) == [2, 4]


async def test_items_that_arrive_during_a_call_make_up_the_next_without_waiting():
    call = Doubler(seconds=0.05)
    batcher = MicroBatcher("test", call, max_size=8, max_wait_seconds=0)
    first = asyncio.create_task(batcher(1))
    await call.started.wait()
    async with asyncio.timeout(5):
        rest = await asyncio.gather(*(batcher(n) for n in (2, 3, 4)))
    assert (await first, rest) == (2, [4, 6, 8])
    assert call.batches == [[1], [2, 3, 4]]
    assert call.most_running == 1
    await batcher.aclose()


async def test_a_failing_item_fails_alone():
    batcher = MicroBatcher("test", Doubler(), max_size=8, max_wait_seconds=0.01)
    found = await asyncio.gather(*(batcher(n) for n in (1, 13, 3)), return_exceptions=True)
    assert [found[0], found[2]] == [2, 6]
    assert isinstance(found[1], ValueError)
    assert await batcher(5) == 10
    await batcher.aclose()


async def test_a_call_that_loses_results_is_an_error_and_not_a_mix_up():
    async def short(items: list[int]) -> list[int]:
        return items[:1]

    batcher = MicroBatcher("test", short, max_size=8, max_wait_seconds=0.01)
    assert await asyncio.gather(batcher(1), batcher(2)) == [1, 2]  # one by one, each is whole
    await batcher.aclose()


async def test_a_cancelled_waiter_leaves_the_others_alone():
    call = Doubler()
    batcher = MicroBatcher("test", call, max_size=8, max_wait_seconds=0.1)
    tasks = [asyncio.create_task(batcher(n)) for n in (1, 2, 3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    assert await asyncio.gather(tasks[0], tasks[2]) == [2, 6]
    assert call.batches == [[1, 3]]
    await batcher.aclose()


async def test_a_waiter_cancelled_during_the_call_leaves_the_others_alone():
    started, go_on = asyncio.Event(), asyncio.Event()

    async def call(items: list[int]) -> list[int]:
        started.set()
        await go_on.wait()
        return items

    batcher = MicroBatcher("test", call, max_size=2, max_wait_seconds=0)
    tasks = [asyncio.create_task(batcher(n)) for n in (4, 5)]
    await started.wait()
    tasks[0].cancel()
    go_on.set()
    assert await tasks[1] == 5
    assert tasks[0].cancelled()
    assert await batcher(6) == 6
    await batcher.aclose()


async def test_closing_finishes_what_is_waiting_and_refuses_more():
    batcher = MicroBatcher("test", Doubler(), max_size=8, max_wait_seconds=60)
    waiting = asyncio.create_task(batcher(1))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await batcher.aclose()
    assert await waiting == 2
    with pytest.raises(RuntimeError):
        await batcher(2)


def test_a_batch_holds_at_least_one():
    with pytest.raises(ValueError):
        MicroBatcher("test", Doubler(), max_size=0, max_wait_seconds=0)


async def test_the_worker_does_not_speak_in_the_name_of_the_message_that_came_first():
    said = []

    async def call(items):
        said.append(get_contextvars())
        return items

    batcher = MicroBatcher("test", call, max_size=1, max_wait_seconds=0)
    with bound_contextvars(document="the first"):
        await batcher(1)
    await batcher(2)
    assert said == [{}, {}]
    await batcher.aclose()


async def test_how_full_the_batches_are_is_measured():
    batcher = MicroBatcher("measured", Doubler(), max_size=4, max_wait_seconds=0.01)
    await asyncio.gather(*(batcher(n) for n in range(10)))
    await batcher.aclose()
    sizes = {"batcher": "measured"}
    assert REGISTRY.get_sample_value("gristmill_batch_size_count", sizes) == 3
    assert REGISTRY.get_sample_value("gristmill_batch_size_sum", sizes) == 10
