"""A pipeline of separate processes on real stores, with everything that can go wrong at hand."""

import asyncio
import os
import random
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from services.cli.recipe import recipe_of
from shared import settings as configuration
from shared.delivery.publisher import Publisher
from shared.messages import DocumentRemoved, DocumentSubmitted
from shared.storage.blobs import BlobStore
from shared.topology import Keys, read_by
from tests.faults import documents, verifier
from tests.faults.broker import Broker
from tests.faults.documents import Document
from tests.faults.endpoint import MoodyEndpoint
from tests.faults.fleet import PIPELINE, Fleet, Replica, until
from tests.faults.verifier import Findings

LEASE_SECONDS = 2.0
SETTLE_SECONDS = 200.0


class World:
    """A broker, a model endpoint, a home folder and a fleet of service processes.

    Args:
        folder: for everything.
        seed: of all that happens by chance.
        settings: `GRISTMILL_*` variables of the services.
    """

    def __init__(self, folder: Path, seed: int, **settings: str) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.home = folder / "home"
        self.broker = Broker(folder / "broker")
        self.broker.start()
        self.endpoint = MoodyEndpoint(seed)
        self.endpoint.start()
        self.keys = Keys()
        self.environment = {
            **{name: value for name, value in os.environ.items() if "GRISTMILL" not in name},
            **self.endpoint.environment(),
            "GRISTMILL_CONFIG": str(folder / "none.toml"),
            "GRISTMILL_HOME": str(self.home),
            "GRISTMILL_REDIS_URL": self.broker.url,
            "GRISTMILL_DELIVERY__LEASE_SECONDS": str(LEASE_SECONDS),
            "GRISTMILL_DELIVERY__BACKOFF_SECONDS": "0.1",
            "GRISTMILL_DELIVERY__CONCURRENCY": "8",
            "GRISTMILL_DELIVERY__MAX_DELIVERIES": "20",
            "GRISTMILL_DELIVERY__GRACEFUL_SECONDS": "3",
            "GRISTMILL_GENERATION_ENDPOINT_TIMEOUT_SECONDS": "0.8",
            "GRISTMILL_LOG_LEVEL": "WARNING",
            **settings,
        }
        self.fleet = Fleet(self.environment, folder / "logs")
        self.documents: list[Document] = []

    def close(self) -> None:
        self.fleet.close()
        self.endpoint.stop()
        self.broker.stop()

    def write(self, count: int, sections: int = 3) -> list[Document]:
        """Write documents, to be published."""
        made = documents.make(self.folder / "documents", count, sections, len(self.documents))
        self.documents += made
        return made

    def publish(self, *published: Document, url: str = "", high_water: int = 100_000) -> None:
        """Publish documents as `gristmill publish` does, each as it stands now."""

        async def work() -> None:
            blobs = BlobStore(str(self.home / "blobs"))
            async with Publisher(url or self.broker.url, high_water=high_water) as publisher:
                for document in published:
                    blob = await blobs.put(document.path.read_bytes())
                    await publisher.publish(
                        DocumentSubmitted(uri=document.uri, blob=blob, recipe=self.recipe)
                    )

        asyncio.run(work())

    def remove(self, document: Document) -> None:
        """Take a document out; nothing of it may be left."""

        async def work() -> None:
            async with Publisher(self.broker.url) as publisher:
                await publisher.publish(DocumentRemoved(uri=document.uri))

        asyncio.run(work())
        document.sections = []

    @property
    def recipe(self) -> str:
        return recipe_of(configuration.load())

    def serve(self, *services: str) -> None:
        self.fleet.start(*(services or PIPELINE))

    def settle(self, seconds: float = SETTLE_SECONDS) -> None:
        """Wait until no group has anything left to do."""
        client = self.broker.client()
        end = time.monotonic() + seconds
        quiet = 0
        while quiet < 3:
            left = [each for each in verifier.unsettled(client, self.keys) if "open" not in each]
            quiet = 0 if left else quiet + 1
            if time.monotonic() > end:
                raise AssertionError(f"not settled within {seconds} s: {left}")
            time.sleep(0.1)

    def verify(
        self, *, without: Mapping[str, Iterable[str]] | None = None, history: bool = True
    ) -> Findings:
        """Stop the services and count what came out."""
        self.fleet.stop()
        return verifier.verify(
            self.broker, self.keys, self.home, self.documents, without=without, history=history
        )

    def assert_exact(
        self, *, without: Mapping[str, Iterable[str]] | None = None, history: bool = True
    ) -> None:
        """missing = 0, doubled = 0, extra = 0, pending = 0."""
        findings = self.verify(without=without, history=history)
        assert not findings, findings

    def rows(self) -> list[verifier.Name]:
        return verifier.rows(self.home)

    def letters(self) -> list[verifier.Letter]:
        return verifier.letters(self.broker.client(), self.keys)

    def made(self, stream: str) -> int:
        """How many messages have been published on a stream since the beginning."""
        client, key = self.broker.client(), self.keys.stream(stream)
        return int(client.xinfo_stream(key)["entries-added"]) if client.exists(key) else 0

    def held_by(self, replica: Replica) -> int:
        """How many messages a process has been handed and has not settled."""
        client, held = self.broker.client(), 0
        for stream in read_by(replica.service):
            key = self.keys.stream(stream.name)
            known = client.exists(key) and client.xinfo_groups(key)
            for consumer in client.xinfo_consumers(key, replica.service) if known else ():
                if f"-{replica.process.pid}-" in consumer["name"].decode():
                    held += consumer["pending"]
        return held

    def until_made(self, stream: str, count: int, seconds: float = 60.0) -> None:
        """Wait until as many messages have been published on a stream."""
        until(lambda: self.made(stream) >= count, seconds)
