"""Whether a service is at work, and since when it is not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Activity:
    """Counts what is under way."""

    def __init__(self) -> None:
        self._under_way = 0
        self._idle_since = time.monotonic()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Be at work for as long as this lasts."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._idle_since = time.monotonic()

    @property
    def idle_seconds(self) -> float:
        """Since when nothing is under way; 0 while something is."""
        return 0.0 if self._under_way else time.monotonic() - self._idle_since
