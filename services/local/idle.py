"""The end of a service that has nothing to do: what makes one a job that ends."""

from __future__ import annotations

import asyncio
import time

import uvicorn

from shared.delivery.service import Service

POLL_SECONDS = 0.2


async def end_when_idle(service: Service, server: uvicorn.Server) -> None:
    """Stop the server once its service was idle for as long as its settings say, if they do."""
    seconds = service.settings.end_when_idle_seconds
    if not seconds:
        return
    while not server.started:
        await asyncio.sleep(POLL_SECONDS)
    started = time.monotonic()
    while min(service.activity.idle_seconds, time.monotonic() - started) < seconds:
        await asyncio.sleep(POLL_SECONDS)
    server.should_exit = True
