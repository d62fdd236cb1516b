"""The embedded default: a private broker, the index and the services in one process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection
from contextlib import suppress
from typing import Any, Self

import structlog
import uvicorn
from starlette.applications import Starlette

from services.local.apps import build_beside, built_services
from services.local.broker import EmbeddedBroker
from services.local.home import Home, RunningStack
from shared.delivery.housekeeping import release_all
from shared.delivery.http import application
from shared.delivery.scripts import Scripts
from shared.delivery.service import Service, connect, create_groups
from shared.settings import Settings
from shared.topology import STREAMS

log = structlog.get_logger()

_QUIET: dict[str, Any] = {
    "log_config": None,
    "access_log": False,
    "lifespan": "off",
    "timeout_graceful_shutdown": 2,
}


def document_services() -> tuple[str, ...]:
    """Return the services that run with documents: all but the trainer, which takes its time."""
    return tuple(name for name in built_services() if name != "trainer")


class Stack:
    """Services and what they need, in this process; `async with Stack(settings) as stack`.

    Without all that documents go through it is its process's own: it answers no HTTP, and other
    commands do not find it.

    Args:
        settings: `home` says where the state lies; a `redis_url` is not used.
        port: TCP port on 127.0.0.1 to answer HTTP on besides the unix socket; 0 for none.
        only: the services to start; those that documents go through if not given.

    Raises:
        HomeInUse: another process runs a stack in this home folder.
        BrokerUnreachable: the embedded broker does not start.
    """

    def __init__(
        self, settings: Settings, port: int = 0, only: Collection[str] | None = None
    ) -> None:
        self.home = Home(settings.home)
        self.port = port
        self.names = document_services() if only is None else tuple(only)
        self._given = settings
        self.settings = settings
        self.services: list[Service] = []
        self._servers: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []
        self._broker: EmbeddedBroker | None = None

    async def __aenter__(self) -> Self:
        descriptor = self.home.lock()
        try:
            await self._start(descriptor)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def _start(self, descriptor: int) -> None:
        self._broker = EmbeddedBroker(self.home.folder / "broker", keep_open=[descriptor])
        self._broker.start()
        self.settings = self._given.model_copy(
            update={"redis_url": self._broker.url, "home": self.home.folder}
        )
        await self._take_over()
        for name in self.names:
            service = await build_beside(name, self.settings, self.services)
            self.services.append(service)
            await service.start()
        if not set(document_services()) <= set(self.names):
            return
        socket = self._broker.socket.with_name("http.sock")
        await self._serve(uvicorn.Config(self._app(), uds=str(socket), **_QUIET))
        if self.port:
            await self._serve(
                uvicorn.Config(self._app(), host="127.0.0.1", port=self.port, **_QUIET)
            )
        self.home.announce(RunningStack(os.getpid(), self._broker.url, str(socket)))

    async def _take_over(self) -> None:
        """Make what an earlier, killed process held free to be taken up again at once."""
        client = connect(self.settings.redis_url)
        try:
            for stream in STREAMS:
                await create_groups(client, self.settings.keys, stream)
            released = await release_all(Scripts(client, self.settings.keys))
        finally:
            await client.aclose()
        if released:
            log.info("continues what was interrupted", messages=released)

    def _app(self) -> Starlette:
        return application(self.services, manage=False)

    async def _serve(self, config: uvicorn.Config) -> None:
        server = uvicorn.Server(config)
        task = asyncio.create_task(server._serve())  # noqa: SLF001 - serve() takes over signals
        self._servers.append((server, task))
        while not server.started and not task.done():
            await asyncio.sleep(0.01)
        if task.done():
            task.result()

    async def _stop(self) -> None:
        for server, task in self._servers:
            server.should_exit = True
            with suppress(Exception):
                await asyncio.wait_for(task, 5)
        for service in reversed(self.services):
            await service.stop()
        if self._broker is not None:
            self._broker.stop()
        self.home.unlock()
