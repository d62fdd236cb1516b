"""How a command reaches the pipeline: the stack that is up, a given Redis, or the home's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from services.indexer.settings import IndexerSettings
from services.local.broker import EmbeddedBroker
from services.local.home import Home, RunningStack
from shared import models
from shared.delivery.dead import DeadLetters
from shared.delivery.ledger import Ledger
from shared.delivery.publisher import Publisher
from shared.errors import GristmillError
from shared.index.port import PassageIndex
from shared.settings import Settings, section


class NothingHere(GristmillError):
    """The home folder holds no pipeline yet."""


@dataclass
class Access:
    """A pipeline, reached.

    Attributes:
        publisher, ledger, dead: to write to it and to read its state.
        served: whether services may be working on it while we look.
    """

    publisher: Publisher
    ledger: Ledger
    dead: DeadLetters
    served: bool

    @classmethod
    def to(cls, settings: Settings, redis_url: str, *, served: bool) -> Access:
        """Connect to the pipeline on a broker."""
        publisher = Publisher(
            redis_url, namespace=settings.namespace, high_water=settings.delivery.high_water
        )
        ledger = Ledger(publisher.client, publisher.keys)
        return cls(publisher, ledger, DeadLetters(publisher.scripts), served)


@asynccontextmanager
async def reach(settings: Settings, *, create: bool = False) -> AsyncIterator[Access]:
    """Reach the pipeline the settings mean.

    Args:
        settings: a `redis_url` is used as it is; otherwise the stack that runs in the home
            folder; otherwise the home's broker is started for as long as this lasts.
        create: whether to start a broker in a home folder that has none yet.

    Raises:
        NothingHere: there is no pipeline and none was to be created.
        HomeInUse: another process is busy in the home folder.
    """
    home = Home(settings.home)
    running = home.running()
    url = settings.redis_url or (running.redis_url if running else "")
    if url:
        access = Access.to(settings, url, served=True)
        async with access.publisher:
            yield access
        return
    if not create and not (home.folder / "broker").is_dir():
        raise NothingHere(
            f"There is no pipeline in {home.folder} yet.",
            "Run `gristmill run DOCUMENTS` first, or set GRISTMILL_HOME.",
        )
    broker = EmbeddedBroker(home.folder / "broker", keep_open=[home.lock()])
    try:
        broker.start()
        access = Access.to(settings, broker.url, served=False)
        async with access.publisher:
            yield access
    finally:
        broker.stop()
        home.unlock()


def running_stack(settings: Settings) -> RunningStack | None:
    """Return the stack that is up in the home folder, if one is."""
    return Home(settings.home).running()


def indexer_address(settings: Settings) -> tuple[str, httpx.AsyncBaseTransport | None] | None:
    """Return where an indexer answers HTTP, and how to get there; None where none is known."""
    if settings.search_url:
        return settings.search_url.rstrip("/"), None
    running = running_stack(settings)
    return ("http://stack", httpx.AsyncHTTPTransport(uds=running.http_socket)) if running else None


@asynccontextmanager
async def opened_index(settings: Settings) -> AsyncIterator[PassageIndex | None]:
    """Open the index itself, where no indexer runs; None where there is none yet."""
    own = section("indexer", IndexerSettings)
    if not own.index and not Path(own.location(settings.home)).is_dir():
        yield None
        return
    index = await own.open(settings.home, await models.embedder())
    try:
        yield index
    finally:
        await index.close()
