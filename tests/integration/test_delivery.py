"""The delivery runtime against a real Valkey: nothing lost, nothing doubled."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from shared import ids
from shared import messages as m
from shared.delivery import housekeeping
from shared.delivery.dead import DeadLetters
from shared.delivery.housekeeping import release_all
from shared.delivery.ledger import Ledger
from shared.delivery.outcome import DocumentRecord, Outcome
from shared.delivery.publisher import Publisher
from shared.delivery.service import Service, create_groups
from shared.delivery.settings import DeliverySettings
from shared.errors import DocumentEmpty, StreamFull, UrlUnreachable
from shared.topology import STREAMS, Keys

pytestmark = pytest.mark.connected

QUICK = DeliverySettings(lease_seconds=1.0, backoff_seconds=0.05, max_deliveries=4)


class Pipeline:
    """The services under test, on one namespace."""

    def __init__(self, url: str, namespace: str) -> None:
        self.url = url
        self.keys = Keys(namespace)
        self.publisher = Publisher(url, namespace=namespace)
        self.client = self.publisher.client
        self.ledger = Ledger(self.client, self.keys)
        self.dead = DeadLetters(self.publisher.scripts)

    def service(self, name: str, settings: DeliverySettings = QUICK) -> Service:
        return Service(name, self.url, self.keys, settings)

    @asynccontextmanager
    async def running(self, *services: Service) -> AsyncIterator[None]:
        for service in services:
            await service.start()
        try:
            yield
        finally:
            for service in services:
                await service.stop()

    async def entries(self, stream: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
        return await self.client.xrange(self.keys.stream(stream))

    async def letters(self) -> list[Any]:
        return [letter async for letter in self.dead.all()]


@pytest.fixture
async def pipeline(broker_url: str, namespace: str) -> AsyncIterator[Pipeline]:
    pipeline = Pipeline(broker_url, namespace)
    for stream in STREAMS:
        await create_groups(pipeline.client, pipeline.keys, stream)
    yield pipeline
    await pipeline.client.aclose()


async def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while True:
            result = condition()
            if asyncio.iscoroutine(result):
                result = await result
            if result:
                return
            await asyncio.sleep(0.02)


def extracted(document: m.DocumentSubmitted, *texts: str) -> list[m.PassageExtracted]:
    source = m.Source(
        document_id=document.document_id,
        uri=document.uri,
        revision="0" * 64,
        text_blob="0" * 64,
        sequence=document.sequence,
    )
    return [
        m.PassageExtracted(
            source=source,
            passage=m.Passage(
                passage_id=ids.passage_id(document.document_id, text),
                text=text,
                char_start=0,
                char_end=len(text),
            ),
        )
        for text in texts
    ]


def fake_extractor(pipeline: Pipeline, settings: DeliverySettings = QUICK) -> Service:
    """An extractor whose documents hold one passage for each line of their text."""
    service = pipeline.service("extractor", settings)

    async def on_submitted(message: m.DocumentSubmitted) -> Outcome:
        known = await pipeline.ledger.document(message.document_id)
        old = await pipeline.ledger.passages(message.document_id)
        new = extracted(message, *(message.text or "").split("\n"))
        keep = {output.passage.passage_id for output in new}
        gone = [
            m.PassageRetracted(document_id=message.document_id, passage_id=pid, sequence=sequence)
            for pid, sequence in old.items()
            if pid not in keep
        ]
        fresh = [output for output in new if output.passage.passage_id not in old]
        record = DocumentRecord(
            message.document_id, message.uri, message.sequence, base=known.sequence
        )
        return Outcome([*gone, *fresh], record)

    service.handle(m.DocumentSubmitted, on_submitted)
    return service


MAKER = m.Maker(model="fake", prompt="p", decoding="{}")


async def summarize(message: m.PassageExtracted) -> list[m.Message]:
    return [
        m.PassageSummarized(
            source=message.source,
            passage=message.passage,
            summary=message.passage.text.upper(),
            summary_maker=MAKER,
        )
    ]


async def index(message: m.PassageExtracted) -> list[m.Message]:
    return []


async def ignore(message: m.Message) -> list[m.Message]:
    return []


def indexer(pipeline: Pipeline) -> Service:
    service = pipeline.service("indexer")
    service.handle(m.PassageExtracted, index)
    service.handle(m.PassageRetracted, ignore)
    return service


def submitted(text: str, uri: str = "test:doc") -> m.DocumentSubmitted:
    return m.DocumentSubmitted(uri=uri, text=text)


async def test_a_document_published_before_the_first_start_is_processed(
    broker_url: str, namespace: str
) -> None:
    pipeline = Pipeline(broker_url, namespace)
    await pipeline.publisher.publish(submitted("one\ntwo"))
    async with pipeline.running(fake_extractor(pipeline)):
        await until(lambda: pipeline.entries("passage.extracted"))
    assert len(await pipeline.entries("passage.extracted")) == 2


async def test_a_failing_handler_is_tried_again_and_succeeds(pipeline: Pipeline) -> None:
    attempts = 0
    service = pipeline.service("summarizer")

    async def flaky(message: m.PassageExtracted) -> list[m.Message]:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise UrlUnreachable("not yet")
        return await summarize(message)

    service.handle(m.PassageExtracted, flaky)
    await pipeline.publisher.publish(submitted("one"))
    async with pipeline.running(fake_extractor(pipeline), service):
        await until(lambda: pipeline.entries("passage.summarized"))
    assert attempts == 3
    assert len(await pipeline.entries("passage.summarized")) == 1
    assert not await pipeline.letters()


async def test_what_cannot_be_processed_becomes_one_dead_letter_and_its_neighbours_go_on(
    pipeline: Pipeline,
) -> None:
    service = pipeline.service("summarizer")

    async def picky(message: m.PassageExtracted) -> list[m.Message]:
        if message.passage.text == "bad":
            raise DocumentEmpty("nothing in it", "Write something.")
        return await summarize(message)

    service.handle(m.PassageExtracted, picky)
    document = submitted("good\nbad\nfine")
    await pipeline.publisher.publish(document)
    async with pipeline.running(fake_extractor(pipeline), service, indexer(pipeline)):

        async def settled() -> bool:
            state = await pipeline.ledger.document(document.document_id)
            return state.now["dead"] == 1 and state.now["summarized"] == 2

        await until(settled)
    (letter,) = await pipeline.letters()
    assert letter.error_type == "DocumentEmpty"
    assert letter.service == "summarizer"
    assert letter.uri == "test:doc"
    assert json.loads(letter.body)["passage"]["text"] == "bad"


async def test_a_retry_gives_up_after_the_last_delivery(pipeline: Pipeline) -> None:
    service = pipeline.service("summarizer")

    async def broken(message: m.PassageExtracted) -> list[m.Message]:
        raise ZeroDivisionError("a bug")

    service.handle(m.PassageExtracted, broken)
    await pipeline.publisher.publish(submitted("one"))
    async with pipeline.running(fake_extractor(pipeline), service):
        await until(pipeline.letters)
    (letter,) = await pipeline.letters()
    assert letter.deliveries == QUICK.max_deliveries
    assert "ZeroDivisionError" in letter.traceback


async def test_a_message_that_kills_its_process_becomes_a_dead_letter(pipeline: Pipeline) -> None:
    """A consumer that dies without a word, as often as allowed: then nobody is asked again."""
    service = pipeline.service("summarizer")
    service.handle(m.PassageExtracted, summarize)
    await pipeline.publisher.publish(submitted("killer"))
    async with pipeline.running(fake_extractor(pipeline)):
        await until(lambda: pipeline.entries("passage.extracted"))
    key = pipeline.keys.stream("passage.extracted")
    await pipeline.client.xreadgroup("summarizer", "victim-0", {key: ">"}, count=1)
    for victim in range(1, QUICK.max_deliveries):
        await pipeline.client.xautoclaim(key, "summarizer", f"victim-{victim}", 0)
    await release_all(pipeline.publisher.scripts)
    async with pipeline.running(service):
        await until(pipeline.letters)
    (letter,) = await pipeline.letters()
    assert letter.error_type == "DeliveredTooOften"
    assert not await pipeline.entries("passage.summarized")


async def test_a_job_three_times_as_long_as_the_lease_runs_once(pipeline: Pipeline) -> None:
    runs = 0
    services = [pipeline.service("summarizer") for _ in range(2)]

    async def slow(message: m.PassageExtracted) -> list[m.Message]:
        nonlocal runs
        runs += 1
        await asyncio.sleep(3 * QUICK.lease_seconds)
        return await summarize(message)

    for service in services:
        service.handle(m.PassageExtracted, slow)
    await pipeline.publisher.publish(submitted("one"))
    async with pipeline.running(fake_extractor(pipeline), *services):
        await until(lambda: pipeline.entries("passage.summarized"))
        await asyncio.sleep(0.5)
    assert runs == 1
    assert len(await pipeline.entries("passage.summarized")) == 1


async def test_an_owner_that_slept_past_its_lease_commits_nothing(pipeline: Pipeline) -> None:
    """Both run the handler; only one commit counts."""
    sleeper, heir = pipeline.service("summarizer"), pipeline.service("summarizer")
    woke = asyncio.Event()
    committed = asyncio.Event()

    async def sleeps(message: m.PassageExtracted) -> list[m.Message]:
        key = pipeline.keys.stream("passage.extracted")
        (held,) = await pipeline.client.xpending_range(key, "summarizer", "-", "+", 1)
        await pipeline.client.xclaim(key, "summarizer", "thief", 0, [held["message_id"]])
        outputs = await summarize(message)
        woke.set()
        return outputs

    async def inherits(message: m.PassageExtracted) -> list[m.Message]:
        committed.set()
        return await summarize(message)

    sleeper.handle(m.PassageExtracted, sleeps)
    heir.handle(m.PassageExtracted, inherits)
    await pipeline.publisher.publish(submitted("one"))
    async with pipeline.running(fake_extractor(pipeline), sleeper):
        await asyncio.wait_for(woke.wait(), 5)
        await asyncio.sleep(0.2)
        assert not await pipeline.entries("passage.summarized")
    async with pipeline.running(heir):
        await asyncio.wait_for(committed.wait(), 5)
        await until(lambda: pipeline.entries("passage.summarized"))
    assert len(await pipeline.entries("passage.summarized")) == 1


async def test_the_lease_of_a_dead_consumer_passes_on(pipeline: Pipeline) -> None:
    await pipeline.publisher.publish(submitted("one"))
    async with pipeline.running(fake_extractor(pipeline)):
        await until(lambda: pipeline.entries("passage.extracted"))
    key = pipeline.keys.stream("passage.extracted")
    await pipeline.client.xreadgroup("summarizer", "dead", {key: ">"}, count=1)
    service = pipeline.service("summarizer")
    service.handle(m.PassageExtracted, summarize)
    async with pipeline.running(service):
        await until(lambda: pipeline.entries("passage.summarized"))


async def test_the_same_message_twice_in_a_stream_counts_once(pipeline: Pipeline) -> None:
    document = submitted("one").model_copy(update={"sequence": "000000000000001-000000"})
    (passage,) = extracted(document, "one")
    service = pipeline.service("summarizer")
    service.handle(m.PassageExtracted, summarize)
    key = pipeline.keys.ledger(document.document_id)
    pid = passage.passage.passage_id
    await pipeline.client.hset(key, f"passage:{pid}", passage.source.sequence)
    await pipeline.publisher.publish(passage)
    await pipeline.publisher.publish(passage)
    async with pipeline.running(service):

        async def acknowledged() -> bool:
            groups = await pipeline.client.xinfo_groups(pipeline.keys.stream("passage.extracted"))
            mine = next(group for group in groups if group["name"] == b"summarizer")
            return not mine["lag"] and not mine["pending"]

        await until(acknowledged)
    assert len(await pipeline.entries("passage.summarized")) == 1


async def test_an_edit_retracts_what_is_gone_and_extracts_what_is_new(pipeline: Pipeline) -> None:
    document = submitted("kept\nold")
    async with pipeline.running(fake_extractor(pipeline)):
        await pipeline.publisher.publish(document)
        await until(lambda: pipeline.entries("passage.extracted"))
        await pipeline.publisher.publish(submitted("kept\nnew"))
        await until(lambda: pipeline.entries("passage.retracted"))
    state = await pipeline.ledger.document(document.document_id)
    assert state.now["passages"] == 2
    assert state.made["passages"] == 3
    assert state.made["retracted"] == 1
    assert set(await pipeline.ledger.passages(document.document_id)) == {
        ids.passage_id(document.document_id, text) for text in ("kept", "new")
    }


async def test_an_older_submission_handled_late_changes_nothing(pipeline: Pipeline) -> None:
    document = submitted("new")
    await pipeline.publisher.publish(document)
    async with pipeline.running(fake_extractor(pipeline)):
        await until(lambda: pipeline.entries("passage.extracted"))
        await pipeline.client.xadd(
            pipeline.keys.stream("document.submitted"),
            {"uri": document.uri, "text": "old", "__sequence__": "000000000000001-000000"},
        )
        await until(lambda: _idle(pipeline, "document.submitted"))
    assert list(await pipeline.ledger.passages(document.document_id)) == [
        ids.passage_id(document.document_id, "new")
    ]


@pytest.mark.parametrize("slow", ["first", "second"])
async def test_of_two_submissions_handled_at_once_the_later_wins(
    pipeline: Pipeline, slow: str
) -> None:
    """Both look at the same state; whichever commits last has to look again."""
    looked, go_on = asyncio.Event(), asyncio.Event()
    service = pipeline.service("extractor")
    handled: list[str] = []

    async def on_submitted(message: m.DocumentSubmitted) -> Outcome:
        known = await pipeline.ledger.document(message.document_id)
        old = await pipeline.ledger.passages(message.document_id)
        text = str(message.text)
        handled.append(text)
        if text == slow and not looked.is_set():
            looked.set()
            await go_on.wait()
        elif slow == "second" and text == "first":
            await looked.wait()
        new = [each for each in extracted(message, text) if each.passage.passage_id not in old]
        gone = [
            m.PassageRetracted(document_id=message.document_id, passage_id=pid, sequence=sequence)
            for pid, sequence in old.items()
            if pid != ids.passage_id(message.document_id, text)
        ]
        record = DocumentRecord(
            message.document_id, message.uri, message.sequence, base=known.sequence
        )
        return Outcome([*gone, *new], record)

    service.handle(m.DocumentSubmitted, on_submitted)
    document = submitted("first")
    await pipeline.publisher.publish(document)
    await pipeline.publisher.publish(submitted("second"))
    async with pipeline.running(service):
        await asyncio.wait_for(looked.wait(), 5)
        await until(lambda: pipeline.entries("passage.extracted"))
        go_on.set()
        await until(lambda: _idle(pipeline, "document.submitted"))
    assert list(await pipeline.ledger.passages(document.document_id)) == [
        ids.passage_id(document.document_id, "second")
    ]
    assert len(await pipeline.entries("passage.retracted")) == (1 if slow == "second" else 0)
    assert handled.count(slow) == (2 if slow == "second" else 1)


async def _idle(pipeline: Pipeline, stream: str) -> bool:
    groups = await pipeline.client.xinfo_groups(pipeline.keys.stream(stream))
    return all(group["pending"] == 0 and group["lag"] == 0 for group in groups)


async def test_a_passage_retracted_while_it_is_worked_on_leaves_no_trace(
    pipeline: Pipeline,
) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()
    undone: list[m.PassageExtracted] = []
    service = pipeline.service("summarizer")

    async def slow(message: m.PassageExtracted) -> list[m.Message]:
        if message.passage.text == "old":
            started.set()
            await go_on.wait()
        return await summarize(message)

    async def undo(message: m.PassageExtracted) -> None:
        undone.append(message)

    service.handle(m.PassageExtracted, slow, undo=undo)
    async with pipeline.running(fake_extractor(pipeline), service):
        await pipeline.publisher.publish(submitted("old"))
        await asyncio.wait_for(started.wait(), 5)
        await pipeline.publisher.publish(submitted("new"))
        await until(lambda: pipeline.entries("passage.retracted"))
        go_on.set()
        await until(lambda: undone)
        await until(lambda: pipeline.entries("passage.summarized"))
    summaries = [fields[b"__data__"] for _, fields in await pipeline.entries("passage.summarized")]
    assert len(summaries) == 1
    assert b'"NEW"' in summaries[0]


async def test_a_document_is_complete_when_nothing_made_of_it_is_under_way(
    pipeline: Pipeline,
) -> None:
    asker = pipeline.service("question_generator")
    curator = pipeline.service("curator")

    async def ask(message: m.PassageSummarized) -> list[m.Message]:
        return [
            m.QuestionGenerated(
                **message.model_dump(exclude={"schema_version"}),
                question=f"What is {i}?",
                question_maker=MAKER,
                ordinal=i,
                total=2,
            )
            for i in range(2)
        ]

    async def curate(message: m.QuestionGenerated) -> list[m.Message]:
        return [
            m.ExampleCurated(
                document_id=message.source.document_id,
                passage_id=message.passage.passage_id,
                sequence=message.source.sequence,
                example_id=message.example_id,
                status="rejected" if message.ordinal else "accepted",
            )
        ]

    asker.handle(m.PassageSummarized, ask)
    curator.handle(m.QuestionGenerated, curate)
    curator.handle(m.PassageRetracted, ignore)
    summarizer = pipeline.service("summarizer")
    summarizer.handle(m.PassageExtracted, summarize)
    document = submitted("one\ntwo\nthree")
    async with pipeline.running(
        fake_extractor(pipeline), summarizer, asker, indexer(pipeline), curator
    ):
        await pipeline.publisher.publish(document)
        await until(lambda: pipeline.entries("document.completed"))
        state = await pipeline.ledger.document(document.document_id)
        assert state.open == 0
        assert state.now == {
            "passages": 3,
            "summarized": 3,
            "questions": 6,
            "questioned": 3,
            "indexed": 3,
            "accepted": 3,
            "rejected": 3,
            "dead": 0,
        }
        await pipeline.publisher.publish(submitted("two"))
        await until(lambda: _settled_at(pipeline, document, passages=1))
    state = await pipeline.ledger.document(document.document_id)
    assert state.now["summarized"] == state.now["indexed"] == 1
    assert state.now["questions"] == 2
    assert (state.now["accepted"], state.now["rejected"]) == (1, 1)


async def _settled_at(pipeline: Pipeline, document: m.DocumentSubmitted, passages: int) -> bool:
    state = await pipeline.ledger.document(document.document_id)
    return state.open == 0 and state.now["passages"] == passages


@pytest.mark.parametrize(
    ("entry", "error_type"),
    [
        ({"__data__": "this is not JSON"}, "InvalidMessage"),
        ({"__data__": "[1, 2]"}, "InvalidMessage"),
        ({"__data__": '{"text": "no uri"}'}, "InvalidMessage"),
        ({"__data__": b"\x89BIN\x0d\x0a\x1a\x0a\x00\x01garbage"}, "InvalidMessage"),
        ({"__data__": '{"uri": "a:b", "schema_version": 99}'}, "UnknownSchemaVersion"),
        ({"nonsense": "1"}, "InvalidMessage"),
    ],
)
async def test_an_unreadable_message_is_a_dead_letter_and_the_next_one_goes_through(
    pipeline: Pipeline, entry: dict[str, Any], error_type: str
) -> None:
    await pipeline.client.xadd(pipeline.keys.stream("document.submitted"), entry)
    await pipeline.publisher.publish(submitted("fine"))
    async with pipeline.running(fake_extractor(pipeline)):
        await until(pipeline.letters)
        await until(lambda: pipeline.entries("passage.extracted"))
    (letter,) = await pipeline.letters()
    assert letter.error_type == error_type


@pytest.mark.parametrize(
    "entry",
    [
        {"__data__": '{"uri": "test:json", "text": "plain JSON"}'},
        {"uri": "test:flat", "text": "fields of the entry"},
    ],
)
async def test_any_language_can_publish_with_xadd(
    pipeline: Pipeline, entry: dict[str, Any]
) -> None:
    await pipeline.client.xadd(pipeline.keys.stream("document.submitted"), entry)
    async with pipeline.running(fake_extractor(pipeline)):
        await until(lambda: pipeline.entries("passage.extracted"))


async def test_a_replayed_letter_is_processed_like_any_other(pipeline: Pipeline) -> None:
    healed = False
    service = pipeline.service("summarizer")

    async def heals(message: m.PassageExtracted) -> list[m.Message]:
        if not healed:
            raise DocumentEmpty("not yet")
        return await summarize(message)

    service.handle(m.PassageExtracted, heals)
    document = submitted("one")
    async with pipeline.running(fake_extractor(pipeline), service, indexer(pipeline)):
        await pipeline.publisher.publish(document)
        await until(pipeline.letters)
        healed = True
        (letter,) = await pipeline.letters()
        await pipeline.dead.replay(letter)
        await until(lambda: pipeline.entries("passage.summarized"))
        await asyncio.sleep(0.2)
    assert not await pipeline.letters()
    state = await pipeline.ledger.document(document.document_id)
    assert (state.now["dead"], state.now["summarized"], state.open) == (0, 1, 1)


async def test_trimming_keeps_what_any_group_still_needs(pipeline: Pipeline) -> None:
    texts = "\n".join(f"passage {i}" for i in range(50))
    summarizer = pipeline.service("summarizer")
    summarizer.handle(m.PassageExtracted, summarize)
    await pipeline.publisher.publish(submitted(texts))
    async with pipeline.running(fake_extractor(pipeline), summarizer):

        async def summarized() -> bool:
            return len(await pipeline.entries("passage.summarized")) == 50

        await until(summarized)
    groups = ("summarizer", "indexer")
    await pipeline.publisher.scripts.trim("passage.extracted", groups)
    assert len(await pipeline.entries("passage.extracted")) == 50
    async with pipeline.running(indexer(pipeline)):
        await until(lambda: _idle(pipeline, "passage.extracted"))
    await pipeline.publisher.scripts.trim("passage.extracted", groups)
    assert len(await pipeline.entries("passage.extracted")) <= 1


async def test_a_writer_waits_while_the_next_stream_is_full(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "ROOM_SECONDS", 0)
    small = QUICK.model_copy(update={"high_water": 5, "concurrency": 1})
    extractor = fake_extractor(pipeline, small)
    for i in range(12):
        await pipeline.publisher.publish(submitted(f"text {i}", uri=f"test:{i}"))
    summarizer = pipeline.service("summarizer")
    summarizer.handle(m.PassageExtracted, summarize)
    async with pipeline.running(extractor):
        await asyncio.sleep(1.0)
        held = len(await pipeline.entries("passage.extracted"))
        assert 5 <= held <= 7
        async with pipeline.running(summarizer, indexer(pipeline)):

            async def summarized() -> bool:
                return len(await pipeline.entries("passage.summarized")) >= 12

            await until(summarized, 20)


async def test_publishing_past_the_high_water_mark_is_refused_and_says_so(
    broker_url: str, namespace: str
) -> None:
    async with Publisher(broker_url, namespace=namespace, high_water=2) as publisher:
        await publisher.publish(submitted("one"))
        await publisher.publish(submitted("two"))
        with pytest.raises(StreamFull, match=r"document\.submitted"):
            await publisher.publish(submitted("three"), wait_seconds=0)


async def test_liveness_sees_a_subscriber_that_stopped(pipeline: Pipeline) -> None:
    service = fake_extractor(pipeline)
    async with pipeline.running(service):
        assert service.alive()
        await pipeline.client.xgroup_destroy(
            pipeline.keys.stream("document.submitted"), "extractor"
        )
        await until(lambda: not service.alive(), 5)
