"""Who may run beside whom in one service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Lets handlers run side by side, and a suspect alone.

    A message that kills its process takes the messages beside it along. A message that was left
    behind more than once may be such a one, so it runs alone: if it kills again, it kills nobody
    else, and those it took along before come through.
    """

    def __init__(self) -> None:
        self._door = asyncio.Lock()
        self._inside = 0
        self._empty = asyncio.Event()
        self._empty.set()

    @asynccontextmanager
    async def enter(self, *, alone: bool) -> AsyncIterator[None]:
        """Run beside the others, or wait until they are out and keep them out."""
        async with self._door:
            if alone:
                await self._empty.wait()
                yield
                return
            self._inside += 1
            self._empty.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()
