"""The delivery runtime where handlers are slow, entries are strange and the broker forgets."""

import asyncio
from typing import Any

import pytest

from shared import messages as m
from shared.delivery.outcome import DocumentRecord, Outcome
from shared.delivery.service import create_groups
from shared.topology import stream_named
from tests.integration.test_delivery import (
    QUICK,
    Pipeline,
    extracted,
    fake_extractor,
    index,
    indexer,
    pipeline,
    submitted,
    summarize,
    until,
)

__all__ = ["pipeline"]
pytestmark = pytest.mark.connected


async def test_messages_that_wait_for_a_slow_handler_are_neither_bounced_nor_buried(
    pipeline: Pipeline,
) -> None:
    """Two busy replicas, jobs longer than the lease, and more of them than run at once."""
    few = QUICK.model_copy(update={"concurrency": 2, "max_deliveries": 2})
    services = [pipeline.service("summarizer", few) for _ in range(2)]
    running = most = runs = 0

    async def slow(message: m.PassageExtracted) -> list[m.Message]:
        nonlocal running, most, runs
        running, runs = running + 1, runs + 1
        most = max(most, running)
        await asyncio.sleep(1.5 * QUICK.lease_seconds)
        running -= 1
        return await summarize(message)

    for service in services:
        service.handle(m.PassageExtracted, slow)
    await pipeline.publisher.publish(submitted("\n".join(f"text {i}" for i in range(12))))
    async with pipeline.running(fake_extractor(pipeline), *services):

        async def summarized() -> bool:
            return len(await pipeline.entries("passage.summarized")) == 12

        await until(summarized, 30)
    assert runs == 12
    assert most <= 4
    assert not await pipeline.letters()


async def test_a_broker_without_memory_costs_no_message_its_tries(pipeline: Pipeline) -> None:
    """Far longer than all the tries would last."""
    service = pipeline.service("summarizer")
    service.handle(m.PassageExtracted, summarize)
    refuses = True
    ask = service.scripts._calls._ask

    async def full(*arguments: Any) -> Any:
        from redis.exceptions import OutOfMemoryError

        if refuses and arguments[0] == service.scripts._calls._digests["commit"]:
            raise OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")
        return await ask(*arguments)

    service.scripts._calls._ask = full  # type: ignore[method-assign]
    await pipeline.publisher.publish(submitted("one"))
    async with pipeline.running(fake_extractor(pipeline), service):
        await asyncio.sleep(3 * QUICK.lease_seconds)
        (held,) = await pipeline.client.xpending_range(
            pipeline.keys.stream("passage.extracted"), "summarizer", "-", "+", 10
        )
        assert held["times_delivered"] == 1
        refuses = False
        await until(lambda: pipeline.entries("passage.summarized"))
    assert not await pipeline.letters()


@pytest.mark.parametrize(
    "entry",
    [
        {b"\xff\xfe": b"\x00\xff\x80"},
        {b"__data__": b"[" * 100_000},
        {b"__data__": b'{"uri": "a:b", "text": "x"}', b"__sequence__": b"tomorrow"},
        {b"__data__": b'{"uri": "a:\\ud800", "text": "x"}'},
        {b"__data__": b""},
    ],
)
async def test_an_entry_the_library_cannot_even_parse_is_a_dead_letter(
    pipeline: Pipeline, entry: dict[Any, Any]
) -> None:
    await pipeline.client.xadd(pipeline.keys.stream("document.submitted"), entry)
    async with pipeline.running(fake_extractor(pipeline)):
        await until(pipeline.letters)
    (letter,) = await pipeline.letters()
    assert letter.error_type == "InvalidMessage"


async def test_a_group_that_comes_back_at_its_beginning_leaves_the_count_of_open_work_true(
    pipeline: Pipeline,
) -> None:
    """What was settled is delivered again, recognised, and not taken off a second time."""
    service = pipeline.service("summarizer")
    service.handle(m.PassageExtracted, summarize)
    document = submitted("one\ntwo")

    async def handed_over() -> bool:
        state = await pipeline.ledger.document(document.document_id)
        return state.now["summarized"] == state.now["indexed"] == 2

    async with pipeline.running(fake_extractor(pipeline), indexer(pipeline), service):
        await pipeline.publisher.publish(document)
        await until(handed_over)
    assert (await pipeline.ledger.document(document.document_id)).open == 2
    stream = stream_named("passage.extracted")
    key = pipeline.keys.stream(stream.name)
    for group in stream.groups:
        await pipeline.client.xgroup_destroy(key, group)
    await create_groups(pipeline.client, pipeline.keys, stream)
    assert len(await pipeline.entries(stream.name)) >= 1
    service = pipeline.service("summarizer")
    service.handle(m.PassageExtracted, summarize)
    async with pipeline.running(indexer(pipeline), service):

        async def settled() -> bool:
            groups = await pipeline.client.xinfo_groups(key)
            return all(not group["pending"] and not group["lag"] for group in groups)

        await until(settled)
    assert (await pipeline.ledger.document(document.document_id)).open == 2
    assert len(await pipeline.entries("passage.summarized")) == 2


async def test_an_owner_that_lost_its_message_takes_back_what_it_wrote_of_a_passage_gone_since(
    pipeline: Pipeline,
) -> None:
    """It slept; another dropped the message, for the passage had left; then it woke and wrote."""
    started, go_on = asyncio.Event(), asyncio.Event()
    written: set[str] = set()
    sleeper, other = pipeline.service("indexer"), pipeline.service("indexer")

    async def sleeps(message: m.PassageExtracted) -> list[m.Message]:
        if message.passage.text == "old":
            started.set()
            await go_on.wait()
        written.add(message.passage.text)
        return await index(message)

    async def undo(message: m.PassageExtracted) -> None:
        written.discard(message.passage.text)

    async def retract(message: m.PassageRetracted) -> list[m.Message]:
        written.discard("old")
        return []

    for service in (sleeper, other):
        service.handle(m.PassageExtracted, sleeps, undo=undo)
        service.handle(m.PassageRetracted, retract)
    document = submitted("old")
    async with pipeline.running(fake_extractor(pipeline), sleeper):
        await pipeline.publisher.publish(document)
        await asyncio.wait_for(started.wait(), 5)
        await pipeline.publisher.publish(submitted("new"))
        await until(lambda: pipeline.entries("passage.retracted"))
        key = pipeline.keys.stream("passage.extracted")
        (held,) = await pipeline.client.xpending_range(key, "indexer", "-", "+", 1)
        await pipeline.client.xack(key, "indexer", held["message_id"])
        await until(lambda: "new" in written)
        go_on.set()
        await asyncio.sleep(0.3)
    assert written == {"new"}


async def test_a_message_that_killed_twice_runs_alone(pipeline: Pipeline) -> None:
    """So that the third time it takes nobody along."""
    service = pipeline.service("summarizer")
    running: set[str] = set()
    beside: dict[str, set[str]] = {}

    async def handler(message: m.PassageExtracted) -> list[m.Message]:
        text = message.passage.text
        beside[text] = set(running)
        for other in running:
            beside[other].add(text)
        running.add(text)
        await asyncio.sleep(0.2)
        running.discard(text)
        return await summarize(message)

    service.handle(m.PassageExtracted, handler)
    await pipeline.publisher.publish(submitted("killer\nvictim\nfresh\nyoung"))
    async with pipeline.running(fake_extractor(pipeline)):
        await until(lambda: pipeline.entries("passage.extracted"))
    key = pipeline.keys.stream("passage.extracted")
    await pipeline.client.xreadgroup("summarizer", "dead-0", {key: ">"}, count=2)
    await pipeline.client.xautoclaim(key, "summarizer", "dead-1", 0)
    await asyncio.sleep(QUICK.lease_seconds)
    async with pipeline.running(service):

        async def summarized() -> bool:
            return len(await pipeline.entries("passage.summarized")) == 4

        await until(summarized)
    assert beside["killer"] == beside["victim"] == set()
    assert beside["fresh"] == {"young"}


async def test_a_service_whose_broker_is_away_stops_all_the_same(
    pipeline: Pipeline,
) -> None:
    service = pipeline.service("summarizer", QUICK.model_copy(update={"graceful_seconds": 0.1}))
    started = asyncio.Event()

    async def hangs(message: m.PassageExtracted) -> list[m.Message]:
        started.set()
        await asyncio.sleep(60)
        return []

    service.handle(m.PassageExtracted, hangs)
    await pipeline.publisher.publish(submitted("one"))
    async with pipeline.running(fake_extractor(pipeline)):
        await service.start()
        await asyncio.wait_for(started.wait(), 5)

        async def away(*_: Any) -> Any:
            raise ConnectionError

        service.scripts._calls._ask = away  # type: ignore[method-assign]
        async with asyncio.timeout(10):
            await service.stop()


async def test_streams_without_work_are_not_asked_in_a_hot_loop(pipeline: Pipeline) -> None:
    service = pipeline.service("summarizer")
    service.handle(m.PassageExtracted, summarize)
    async with pipeline.running(service):
        before = await commands(pipeline)
        await asyncio.sleep(2)
        after = await commands(pipeline)
    assert after["xreadgroup"] - before["xreadgroup"] <= 8
    assert after["evalsha"] - before["evalsha"] <= 12


async def commands(pipeline: Pipeline) -> dict[str, int]:
    stats = await pipeline.client.info("commandstats")
    calls = {name.removeprefix("cmdstat_"): each["calls"] for name, each in stats.items()}
    return {name: calls.get(name, 0) for name in ("xreadgroup", "evalsha")}


async def test_a_document_record_alone_is_committed(pipeline: Pipeline) -> None:
    """Nothing new in it: it is complete at once."""
    service = pipeline.service("extractor")

    async def nothing_new(message: m.DocumentSubmitted) -> Outcome:
        known = await pipeline.ledger.document(message.document_id)
        record = DocumentRecord(
            message.document_id, message.uri, message.sequence, base=known.sequence
        )
        return Outcome(document=record)

    service.handle(m.DocumentSubmitted, nothing_new)
    async with pipeline.running(service):
        await pipeline.publisher.publish(submitted("one"))
        await until(lambda: pipeline.entries("document.completed"))


async def test_a_retraction_is_settled_once_for_each_group(pipeline: Pipeline) -> None:
    """However often it is delivered."""
    document = submitted("one").model_copy(update={"sequence": "000000000000001-000000"})
    (passage,) = extracted(document, "one")
    gone = m.PassageRetracted(
        document_id=document.document_id,
        passage_id=passage.passage.passage_id,
        sequence=document.sequence,
    )
    key = pipeline.keys.ledger(document.document_id)
    await pipeline.client.hset(key, "open", 2)
    for group in ("curator", "indexer"):
        await pipeline.client.hset(key, f"gone:{gone.passage_id}:{gone.sequence}:{group}", 1)
    for _ in range(3):
        await pipeline.publisher.publish(gone)
    async with pipeline.running(indexer(pipeline)):

        async def settled() -> bool:
            groups = await pipeline.client.xinfo_groups(pipeline.keys.stream("passage.retracted"))
            mine = next(group for group in groups if group["name"] == b"indexer")
            return not mine["pending"] and not mine["lag"]

        await until(settled)
    assert (await pipeline.ledger.document(document.document_id)).open == 1


async def test_a_document_is_unfinished_until_each_passage_has_been_through_every_stage(
    pipeline: Pipeline,
) -> None:
    document = submitted("one")
    (passage,) = extracted(document, "one")
    key = pipeline.keys.ledger(document.document_id)
    pid = passage.passage.passage_id

    async def unfinished(**marks: str) -> bool:
        for stage, mark in marks.items():
            await pipeline.client.hset(key, f"mark:{pid}:{stage.replace('_0', ':0')}", mark)
        return await pipeline.ledger.unfinished(document.document_id)

    assert not await unfinished()  # no passage, nothing to do
    await pipeline.client.hset(key, f"passage:{pid}", "1")
    assert await unfinished()
    assert await unfinished(indexer="indexed")
    assert await unfinished(summarizer="summarized")
    await pipeline.client.hset(key, f"asked:{pid}", 1)
    assert await unfinished(question_generator="questioned")
    assert not await unfinished(curator_0="rejected")
    await pipeline.client.hdel(key, f"mark:{pid}:question_generator")
    assert await unfinished()
    assert not await unfinished(summarizer="dead")
