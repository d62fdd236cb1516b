"""What metrics and logs say of real deliveries."""

import io
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from faststream.redis import BinaryMessageFormatV1

from shared import messages as m
from shared.delivery.envelope import DATA
from shared.delivery.outcome import DocumentRecord, Outcome
from shared.delivery.publisher import Publisher
from shared.delivery.service import Service, create_groups
from shared.delivery.settings import DeliverySettings
from shared.errors import DocumentEmpty, UrlUnreachable
from shared.telemetry import REGISTRY, configure_logging
from shared.topology import Keys, stream_named
from tests.integration.test_delivery import extracted
from tests.integration.test_delivery import until as until_within

pytestmark = pytest.mark.connected

SUBMITTED = "document.submitted"
TICKET = "ticket-4711"
PATIENT = DeliverySettings(lease_seconds=60, backoff_seconds=0.05, max_deliveries=3)


async def until(condition: Callable[[], Any]) -> None:
    await until_within(condition, seconds=60)


@pytest.fixture
async def publisher(broker_url: str, namespace: str) -> AsyncIterator[Publisher]:
    async with Publisher(broker_url, namespace=namespace) as publisher:
        await create_groups(publisher.client, publisher.keys, stream_named(SUBMITTED))
        yield publisher


@pytest.fixture
def json_logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Logs as they are in a container; call it for the lines so far."""
    said = io.StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", said)
        configure_logging("DEBUG", json=True)
    yield lambda: [json.loads(line) for line in said.getvalue().splitlines()]
    structlog.reset_defaults()
    root.handlers, root.level = before


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"gristmill_{name}", labels) or 0.0


async def look(service: Service) -> None:
    await service.housekeeping.look_at(SUBMITTED)


def extractor(url: str, keys: Keys, settings: DeliverySettings = PATIENT) -> Service:
    """Documents of one passage; some are not what they should be."""
    service = Service("extractor", url, keys, settings)

    async def on_submitted(message: m.DocumentSubmitted) -> Outcome:
        structlog.get_logger("a.handler").info("reads", words=3)
        logging.getLogger("a.library").error("grumbles")
        if message.text == "empty":
            raise DocumentEmpty("Nothing in it.")
        if message.text == "away":
            raise UrlUnreachable("Not there yet.")
        record = DocumentRecord(message.document_id, message.uri, message.sequence, base="")
        return Outcome(extracted(message, message.text or ""), record)

    service.handle(m.DocumentSubmitted, on_submitted)
    return service


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[Service]:
    try:
        await service.start()
        yield service
    finally:
        await service.stop()


def submitted(uri: str, text: str = "some text") -> m.DocumentSubmitted:
    return m.DocumentSubmitted(uri=uri, text=text)


async def test_backlog_and_pending_are_right_although_settled_entries_are_deleted(
    publisher: Publisher, broker_url: str
) -> None:
    service = extractor(broker_url, publisher.keys)
    labels = {"service": "extractor", "stream": SUBMITTED}
    key = publisher.keys.stream(SUBMITTED)

    async def all_settled() -> bool:
        return int(await publisher.client.xlen(key)) == 0

    for number in range(4):
        await publisher.publish(submitted(f"{number}.txt"))
    await look(service)
    assert value("backlog", **labels) == 4
    async with running(service):
        await until(all_settled)
    service = extractor(broker_url, publisher.keys)
    for number in range(3):
        await publisher.publish(submitted(f"more-{number}.txt"))
    await look(service)
    assert (value("backlog", **labels), value("pending", **labels)) == (3, 0)
    await publisher.client.xreadgroup("extractor", "somebody", {key: ">"}, count=2)
    await look(service)
    assert (value("backlog", **labels), value("pending", **labels)) == (1, 2)


async def test_the_oldest_pending_entry_has_an_age(publisher: Publisher, broker_url: str) -> None:
    service = extractor(broker_url, publisher.keys)
    labels = {"service": "extractor", "stream": SUBMITTED}
    await look(service)
    assert value("oldest_pending_seconds", **labels) == 0
    key = publisher.keys.stream(SUBMITTED)
    seconds, _ = await publisher.client.time()
    await publisher.client.xadd(key, {"uri": "old.txt"}, id=f"{(seconds - 90) * 1000}-0")
    await publisher.publish(submitted("new.txt"))
    await publisher.client.xreadgroup("extractor", "somebody", {key: ">"})
    await look(service)
    assert 89 <= value("oldest_pending_seconds", **labels) <= 120


async def test_retries_dead_letters_and_changes_of_the_ledger_are_counted(
    publisher: Publisher, broker_url: str
) -> None:
    def settled(verdict: str) -> float:
        return value("deliveries_total", service="extractor", stream=SUBMITTED, verdict=verdict)

    before = {verdict: settled(verdict) for verdict in ("done", "parked", "dead")}
    passages = value("ledger_changes_total", service="extractor", stage="passages")
    async with running(extractor(broker_url, publisher.keys)) as service:
        await publisher.publish(submitted("good.txt"))
        await publisher.publish(submitted("empty.txt", "empty"))
        await publisher.publish(submitted("away.txt", "away"))
        await until(lambda: settled("dead") - before["dead"] == 2)
        await until(lambda: settled("done") - before["done"] == 1)
        await look(service)
    assert settled("parked") - before["parked"] == PATIENT.max_deliveries - 1
    assert value("ledger_changes_total", service="extractor", stage="passages") == passages + 1
    assert value("dead_letters", stream=SUBMITTED) == 2


async def submit_with_ticket(publisher: Publisher, message: m.DocumentSubmitted) -> None:
    """Publish as a client that has a correlation id of its own."""
    payload = await BinaryMessageFormatV1.encode(
        message=message.model_dump_json(), reply_to=None, headers={}, correlation_id=TICKET
    )
    await publisher.client.xadd(publisher.keys.stream(SUBMITTED), {DATA: payload})


async def test_every_line_of_a_handler_names_its_document_and_correlation(
    publisher: Publisher, broker_url: str, json_logs: Any
) -> None:
    ours, theirs = submitted("ours.txt", "empty"), submitted("theirs.txt")

    def said(event: str) -> list[dict[str, Any]]:
        return [line for line in json_logs() if line["event"] == event]

    async with running(extractor(broker_url, publisher.keys)):
        await publisher.publish(ours)
        await submit_with_ticket(publisher, theirs)
        await until(lambda: len(said("reads")) == 2 and said("dead letter"))
    correlations = {str(ours.document_id): str(ours.document_id), str(theirs.document_id): TICKET}
    for event, times in (("reads", 2), ("grumbles", 2), ("dead letter", 1)):
        found = said(event)
        assert len(found) == times
        for line in found:
            assert line["correlation_id"] == correlations[line["document"]]
            assert (line["service"], line["stream"]) == ("extractor", SUBMITTED)
    assert {line["logger"] for line in said("grumbles")} == {"a.library"}
    assert not any("document" in line for line in said("stopped"))


async def test_what_comes_of_a_message_keeps_its_correlation_id(
    publisher: Publisher, broker_url: str
) -> None:
    ours, theirs = submitted("ours.txt"), submitted("theirs.txt")
    key = publisher.keys.stream("passage.extracted")

    async def both_are_out() -> bool:
        return int(await publisher.client.xlen(key)) == 2

    async with running(extractor(broker_url, publisher.keys)):
        await publisher.publish(ours)
        await submit_with_ticket(publisher, theirs)
        await until(both_are_out)
    entries = await publisher.client.xrange(key)
    found = {
        BinaryMessageFormatV1.parse(fields[DATA])[1]["correlation_id"] for _, fields in entries
    }
    assert found == {TICKET, str(ours.document_id)}
