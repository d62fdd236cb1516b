"""Long commands that Ctrl-C and SIGTERM may interrupt at any time."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import typer

INTERRUPTED = 130

T = TypeVar("T")


def interruptible(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, or until Ctrl-C or SIGTERM: then stop cleanly and say how to go on."""

    async def guarded() -> T:
        task = asyncio.ensure_future(work)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            typer.echo("Interrupted. Nothing is lost: the same command continues.", err=True)
            sys.stdout.flush()
            # A model that is busy in its thread would hold up a normal exit; all state is on disk.
            os._exit(INTERRUPTED)

    return asyncio.run(guarded())
