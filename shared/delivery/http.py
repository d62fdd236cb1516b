"""What every service says over HTTP: `/livez`, `/readyz`, `/metrics`, `/version`, and its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.delivery.service import Service
from shared.telemetry import REGISTRY


def application(services: Sequence[Service], *, manage: bool = True) -> Starlette:
    """Return the ASGI application of one service, or of several in one process.

    Args:
        services: whose health it tells and whose routes it has.
        manage: start the services with the server and stop them with it.
    """

    async def livez(_: Request) -> JSONResponse:
        dead = [service.name for service in services if not service.alive()]
        return JSONResponse({"dead": dead}, status_code=503 if dead else 200)

    async def readyz(_: Request) -> JSONResponse:
        waiting = [service.name for service in services if not await service.ready()]
        return JSONResponse({"not_ready": waiting}, status_code=503 if waiting else 200)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)

    async def say_version(_: Request) -> JSONResponse:
        names = [service.name for service in services]
        return JSONResponse({"version": version("gristmill"), "services": names})

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        started: list[Service] = []
        try:
            for service in services if manage else ():
                await service.start()
                started.append(service)
            yield
        finally:
            for service in started:
                await service.stop()

    own = [route for service in services for route in service.routes]
    return Starlette(
        routes=[
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
            Route("/version", say_version),
            *own,
        ],
        lifespan=lifespan,
    )
