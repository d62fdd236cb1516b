"""What really came out, counted by identity.

It reads what lies on disk and in the broker by its own means (the files of the index and of the
dataset's log, the streams, the broker's append-only file) and knows from the documents alone what
there should be. The ledger is not asked, only checked: at the end it must say that nothing is open.
"""

import collections
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import qdrant_edge
import redis
from deltalake import DeltaTable

from shared.delivery.envelope import body_of
from shared.storage.delta import rows_of
from shared.topology import STREAMS, Keys
from tests.faults.broker import Broker
from tests.faults.documents import Document, names_in

MADE = ("passage.extracted", "passage.summarized", "question.generated")
TOLD = ("passage.indexed", "example.curated")

Name = tuple[str, str]
"""(address of the document, name of the passage)."""


@dataclass
class Findings:
    """What is wrong; all of it empty where nothing is."""

    missing: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.missing or self.doubled or self.extra or self.pending)

    def __str__(self) -> str:
        def told(name: str) -> str:
            found = getattr(self, name)
            return f"{name} = {len(found)}" + (f" {found[:5]}" if found else "")

        return ", ".join(map(told, ("missing", "doubled", "extra", "pending")))

    def compare(self, what: str, expected: set[Name], found: Iterable[Name]) -> None:
        """Count `found` against what was expected, each exactly once."""
        counts = collections.Counter(found)
        self.missing += [f"{what}: {name}" for name in sorted(expected - counts.keys())]
        self.extra += [f"{what}: {name}" for name in sorted(counts.keys() - expected)]
        self.doubled += [f"{what}: {n} x {name}" for name, n in counts.items() if n > 1]


@dataclass
class Letter:
    """A dead letter, read from its stream."""

    stream: str
    service: str
    error_type: str
    names: set[str]


def verify(
    broker: Broker,
    keys: Keys,
    home: Path,
    documents: Iterable[Document],
    *,
    without: Mapping[str, Iterable[str]] | None = None,
    history: bool = True,
) -> Findings:
    """Compare what there is with what the documents ask for. The index must not be open.

    Args:
        broker: the broker.
        keys: the pipeline's keys.
        home: the home folder of the services.
        documents: as they stand at the end; their revisions are all that may be left.
        without: names of passages that could not be processed, by what they are absent from
            (`dataset`, `index`).
        history: also count every message that was ever published; not for documents that were
            edited or published again.
    """
    without = without or {}
    expected = {(each.uri, name) for each in documents for name in each.sections}

    def left_out(what: str) -> set[Name]:
        names = set(without.get(what, ()))
        return {(uri, name) for uri, name in expected if name not in names}

    findings = Findings()
    findings.compare("dataset", left_out("dataset"), rows(home))
    findings.compare("index", left_out("index"), points(home))
    if history:
        published = messages(broker, keys)
        for stream in MADE:
            absent = left_out("dataset") if stream == "question.generated" else None
            wanted = expected if absent is None else absent
            if stream == "passage.summarized":
                wanted = wanted - (expected - left_out("dataset"))
            findings.compare(stream, wanted, published[stream])
        findings.doubled += [
            f"{stream}: {n} x {event}"
            for stream in TOLD
            for event, n in collections.Counter(published[stream]).items()
            if n > 1
        ]
    findings.pending += unsettled(broker.client(), keys)
    return findings


def rows(home: Path) -> list[Name]:
    """The examples that stand in the dataset's log: each logged identity once, none tombstoned."""
    location = home / "dataset" / "examples"
    if not DeltaTable.is_deltatable(str(location)):
        return []
    logged = rows_of(DeltaTable(str(location)), str(location)).to_pylist()
    ended = {(e["passage_id"], e["sequence"]) for e in logged if e["kind"] == "tombstone"}
    stand = {
        (e["example_id"], e["passage_id"], e["sequence"], e["source_uri"], name)
        for e in logged
        if e["kind"] == "example" and (e["passage_id"], e["sequence"]) not in ended
        for name in names_in(e["context"])
    }
    return [(uri, name) for *_, uri, name in stand]


def points(home: Path) -> list[Name]:
    """The points in the index's files."""
    folder = home / "index" / "index" / "shard"
    if not folder.is_dir():
        return []
    shard = qdrant_edge.EdgeShard.load(str(folder))
    try:
        found, _ = shard.scroll(qdrant_edge.ScrollRequest(limit=1_000_000, with_payload=True))
        payloads: list[dict[str, Any]] = [point.payload for point in found]
    finally:
        shard.close()
    return [(p["source_uri"], name) for p in payloads for name in names_in(p["text"])]


def messages(broker: Broker, keys: Keys) -> dict[str, list[Any]]:
    """Every message ever published, by stream: passages by name, events by what they tell."""
    found: dict[str, list[Any]] = collections.defaultdict(list)
    of_key = {keys.stream(stream.name): stream.name for stream in STREAMS}
    for key, fields in broker.published():
        stream = of_key.get(key, "")
        if stream not in MADE + TOLD:
            continue
        try:
            body = json.loads(body_of(fields))
        except (ValueError, RecursionError):
            continue  # a payload nobody can read
        if not isinstance(body, dict) or not ({"passage", "passage_id"} & body.keys()):
            continue
        if stream in MADE:
            found[stream] += [(body["source"]["uri"], n) for n in names_in(body["passage"]["text"])]
        else:
            told = (body["passage_id"], body["sequence"], body.get("example_id", ""))
            found[stream].append(told)
    return found


def unsettled(client: redis.Redis, keys: Keys) -> list[str]:
    """What no group has settled, and documents whose ledger says that something is open."""
    left = []
    for stream in STREAMS:
        key = keys.stream(stream.name)
        if not stream.groups or not client.exists(key):
            continue
        newest = client.xinfo_stream(key)["last-generated-id"]
        groups = {group["name"].decode(): group for group in client.xinfo_groups(key)}
        for name in stream.groups:
            group = groups.get(name)
            if group is None:
                left.append(f"{stream.name}: no group {name}")
            elif group["pending"]:
                left.append(f"{stream.name}: {group['pending']} pending in {name}")
            elif group["last-delivered-id"] != newest and client.xrange(
                key, f"({group['last-delivered-id'].decode()}", count=1
            ):
                left.append(f"{stream.name}: undelivered to {name}")
    for ledger in client.scan_iter(keys.ledger("*").replace("{", "\\{"), count=1000):
        told = client.hget(ledger, "open") or b"0"
        if int(told):
            left.append(f"{ledger.decode()}: open {int(told)}")
    return left


def letters(client: redis.Redis, keys: Keys) -> list[Letter]:
    """Every dead letter."""
    return [
        Letter(
            stream.name,
            fields[b"service"].decode(),
            fields[b"error_type"].decode(),
            names_in(fields[b"__data__"].decode(errors="replace")),
        )
        for stream in STREAMS
        for _, fields in client.xrange(keys.dead(stream.name))
    ]
