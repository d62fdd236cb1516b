"""Who may run beside whom in one service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Lets messages be held side by side, and a suspect alone.

    A message that kills its process takes along the messages that are held beside it. One that was
    left behind more than once may be such a one, so nothing is held beside it: if it kills again,
    it kills nobody else, and those it took along before come through.
    """

    def __init__(self) -> None:
        self._door = asyncio.Lock()
        self._inside = 0
        self._empty = asyncio.Event()
        self._empty.set()

    async def enter(self) -> None:
        """Come in beside the others; waits while one is alone, or waits to be."""
        async with self._door:
            self.admit()

    def admit(self) -> None:
        """Let one more in at once; for who is inside."""
        self._inside += 1
        self._empty.clear()

    def leave(self) -> None:
        """Go out."""
        self._inside -= 1
        if not self._inside:
            self._empty.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Keep others out, and wait until those inside have gone."""
        async with self._door:
            await self._empty.wait()
            yield
