"""One document, followed across processes."""

import asyncio
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.delivery.service import connect
from shared.ids import document_id
from shared.topology import Keys
from tests.collector import Collector, Span
from tests.integration.conftest import Gristmill

pytestmark = pytest.mark.connected

SERVICES = ("extractor", "summarizer", "question_generator", "indexer", "curator")
SECONDS = 90


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    collector.start()
    yield collector
    collector.stop()


@pytest.fixture
def served(
    gristmill: Gristmill, collector: Collector, broker_url: str, namespace: str
) -> Iterator[dict[str, subprocess.Popen[str]]]:
    gristmill.environment |= {
        "GRISTMILL_REDIS_URL": broker_url,
        "GRISTMILL_NAMESPACE": namespace,
        **collector.environment(),
    }
    processes = {name: gristmill.start("serve", name, "--port", "0") for name in SERVICES}
    yield processes
    for process in processes.values():
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=40)


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def documents_of(spans: list[Span]) -> dict[str, list[Span]]:
    """The spans of each document, which are those of one trace."""
    found: dict[str, list[Span]] = {}
    for span in spans:
        found.setdefault(span.attributes["gristmill.document"], []).append(span)
    return found


def names(spans: list[Span]) -> set[tuple[str, str]]:
    return {(span.service.removeprefix("gristmill-"), span.name) for span in spans}


def id_of(path: Path) -> str:
    return str(document_id(path.resolve().as_uri()))


HANDLED = {
    ("extractor", "process document.submitted"),
    ("summarizer", "process passage.extracted"),
    ("question_generator", "process passage.summarized"),
    ("indexer", "process passage.extracted"),
    ("curator", "process question.generated"),
}


def test_a_trace_follows_a_document_from_publication_to_dataset_and_index(
    gristmill: Gristmill,
    documents: Path,
    served: dict[str, subprocess.Popen[str]],
    collector: Collector,
    broker_url: str,
    namespace: str,
) -> None:
    (documents / "empty.md").write_text(" ")
    gristmill("publish", str(documents))
    plain = {"uri": "note.txt", "text": "The harbour was closed in winter because of the ice."}

    async def add_as_other_clients_do() -> None:
        client = connect(broker_url)
        await client.xadd(Keys(namespace).stream("document.submitted"), plain)
        await client.aclose()

    asyncio.run(add_as_other_clients_do())
    empty, note = id_of(documents / "empty.md"), str(document_id("note.txt"))
    expected = {id_of(path): 3 for path in documents.iterdir()}  # passages
    expected |= {empty: 0, note: 1}

    def complete() -> bool:
        found = documents_of(list(collector.spans))
        return set(found) == set(expected) and all(
            sum(span.name == "process question.generated" for span in found[each]) == passages
            and sum(span.name == "process passage.extracted" for span in found[each])
            == 2 * passages
            for each, passages in expected.items()
        )

    until(complete)
    found = documents_of(collector.spans)
    for document, spans in found.items():
        assert len({span.trace_id for span in spans}) == 1
        by_id = {span.span_id: span for span in spans}
        roots = [span for span in spans if not span.parent_id]
        assert all(span.parent_id in by_id for span in spans if span not in roots)
        (root,) = roots
        assert any(span.failed for span in spans) == (document == empty)
        if document == note:  # published without a trace: here it begins
            assert (root.name, names(spans)) == ("process document.submitted", HANDLED)
        else:
            assert (root.service, root.name) == ("gristmill-client", "send document.submitted")
        if document not in {note, empty}:
            assert names(spans) == HANDLED | {("client", root.name)}
    assert len({spans[0].trace_id for spans in found.values()}) == len(found)
    the_log_names_document_and_trace(served["extractor"], empty, found[empty][0].trace_id)


def the_log_names_document_and_trace(
    extractor: subprocess.Popen[str], document: str, trace_id: str
) -> None:
    """What a service says is JSON where nobody looks at a terminal."""
    extractor.terminate()
    _, errors = extractor.communicate(timeout=40)
    lines = [json.loads(line) for line in errors.splitlines()]
    assert {"started", "stopped"} <= {line["event"] for line in lines}
    (dead,) = [line for line in lines if line["event"] == "dead letter"]
    assert (dead["document"], dead["trace_id"]) == (document, trace_id)
    assert (dead["service"], dead["correlation_id"]) == ("extractor", document)
