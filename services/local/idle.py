"""The end of a service that has nothing to do: what makes one a job that ends."""

from __future__ import annotations

import asyncio

import uvicorn

from shared.delivery.service import Service

POLL_SECONDS = 0.2


async def end_when_idle(service: Service, server: uvicorn.Server) -> None:
    """Stop the server once its service was idle for as long as its settings say."""
    seconds = service.settings.end_when_idle_seconds
    while seconds and not server.should_exit:
        if service.activity.idle_seconds >= seconds:
            server.should_exit = True
        await asyncio.sleep(POLL_SECONDS)
