"""One service in a process of its own; `python -m services.local.serve NAME` in its container."""

from __future__ import annotations

import asyncio
import sys

import uvicorn

from services.local.apps import build_of
from services.local.idle import end_when_idle, end_when_stopped
from shared import settings as configuration
from shared.delivery.http import application
from shared.errors import ConfigurationInvalid, GristmillError
from shared.telemetry import configure_logging

CONTAINER_PORT = 8000


def serve(service: str, host: str, port: int) -> None:
    """Run a service until it is told to stop.

    Args:
        service: its name.
        host: address to answer HTTP on.
        port: port to answer HTTP on.

    Raises:
        ConfigurationInvalid: no broker is named.
        ServiceUnknown: see `build_of`.
        GristmillError: it could not be started.
    """
    settings = configuration.load()
    configure_logging(settings.log_level)
    if not settings.redis_url:
        raise ConfigurationInvalid(
            "A service alone needs a broker.",
            "Set GRISTMILL_REDIS_URL, such as redis://localhost:6379, or use `gristmill up`.",
        )

    async def work() -> None:
        built = await build_of(service)(settings)
        config = uvicorn.Config(
            application([built]), host=host, port=port, log_config=None, access_log=False
        )
        server = uvicorn.Server(config)
        idle = asyncio.create_task(end_when_idle(built, server))
        stopped = asyncio.create_task(end_when_stopped(built, server))
        await server.serve()
        idle.cancel()
        if not server.started:
            raise GristmillError(f"The {service} could not be started; its log says why.")
        if stopped.done() and stopped.result():
            raise GristmillError(
                f"The {service} stopped reading: its consumer group is gone, so the broker has "
                "lost data.",
                "Start it again, then run `gristmill publish --reconcile`.",
            )

    asyncio.run(work())


def main() -> None:
    """Serve in a container: that has the service's own extra and not the `gristmill` command."""
    try:
        serve(sys.argv[1], "0.0.0.0", CONTAINER_PORT)  # noqa: S104 - a container's own network
    except GristmillError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
