"""When a service alone in its process ends by itself: it has nothing to do, or cannot do it."""

from __future__ import annotations

import asyncio
import time

import uvicorn

from shared.delivery.service import Service

POLL_SECONDS = 0.2
LOOK_SECONDS = 1.0


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


async def end_when_stopped(service: Service, server: uvicorn.Server) -> bool:
    """Stop the server once its service reads no more, so that a supervisor starts it again.

    Returns whether that was why the server stopped.
    """
    while not server.should_exit:
        if server.started and not service.alive():
            server.should_exit = True
            return True
        await asyncio.sleep(LOOK_SECONDS)
    return False
