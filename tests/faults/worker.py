"""`gristmill serve` that kills itself at a named point: `python -m tests.faults.worker serve ...`.

`GRISTMILL_FAULT_KILL=effect:3` kills the process the third time it gets between the effect and the
commit of a message; see `POINTS`. `GRISTMILL_FAULT_PAYLOAD=word` kills it when it is handed a
message with that word in it. Production code knows nothing of this.
"""

import asyncio
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from services.cli.main import main
from shared.delivery.middleware import Delivery
from shared.delivery.scripts import Scripts

POINTS = ("before", "during", "effect", "committed", "failing", "write")
KILL, PAYLOAD = "GRISTMILL_FAULT_KILL", "GRISTMILL_FAULT_PAYLOAD"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Count:
    """True once, the n-th time it is asked."""

    def __init__(self, nth: int) -> None:
        self.left = nth

    def __call__(self) -> bool:
        self.left -= 1
        return self.left == 0


def kill_at(point: str, now: Callable[[], bool]) -> None:
    """Patch the runtime so that the process dies at `point`."""
    if point == "before":  # handed a message, nothing done yet
        _before(Delivery, "_begin", now)
    elif point == "during":  # in the handler, at its first await
        _during(now)
    elif point == "effect":  # vectors and rows are written, the commit is not sent
        _before(Scripts, "commit", now)
    elif point == "committed":  # the commit is made, its reply is not seen
        _after(Scripts, "commit", now)
    elif point == "failing":  # the handler failed, the retry is not noted
        _before(Scripts, "fail", now)
    elif point == "write":  # somewhere in a write to the index or the dataset
        _in_writes(now)
    else:
        raise SystemExit(f"no such point: {point}")


def _before(owner: type, name: str, now: Callable[[], bool]) -> None:
    inner = getattr(owner, name)

    async def patched(*args: Any, **named: Any) -> Any:
        if now():
            die()
        return await inner(*args, **named)

    setattr(owner, name, patched)


def _after(owner: type, name: str, now: Callable[[], bool]) -> None:
    inner = getattr(owner, name)

    async def patched(*args: Any, **named: Any) -> Any:
        result = await inner(*args, **named)
        if now():
            die()
        return result

    setattr(owner, name, patched)


def _during(now: Callable[[], bool]) -> None:
    inner = Delivery._run

    async def patched(self: Delivery, call_next: Any) -> str:
        if now():
            asyncio.get_running_loop().call_soon(die)
        return await inner(self, call_next)

    Delivery._run = patched  # type: ignore[method-assign]


def _in_writes(now: Callable[[], bool]) -> None:
    from shared.index.edge import EdgeIndex
    from shared.storage.appended import AppendedTable

    def die_soon() -> None:
        if now():
            delay = random.Random(os.environ.get(KILL, "")).uniform(0, 0.03)
            threading.Thread(target=lambda: (time.sleep(delay), die()), daemon=True).start()

    append, update = AppendedTable.append, EdgeIndex._update

    def appended(self: Any, rows: Any) -> None:
        die_soon()
        append(self, rows)

    async def patched(self: Any, operation: Any) -> None:
        die_soon()
        await update(self, operation)

    AppendedTable.append = appended  # type: ignore[method-assign]
    EdgeIndex._update = patched  # type: ignore[method-assign]


def kill_on_payload(word: str) -> None:
    inner = Delivery._run

    async def patched(self: Delivery, call_next: Any) -> str:
        if self.message is not None and word in self.message.model_dump_json():
            await asyncio.sleep(0.3)  # its neighbours have begun by then
            die()
        return await inner(self, call_next)

    Delivery._run = patched  # type: ignore[method-assign]


if __name__ == "__main__":
    if plan := os.environ.get(KILL):
        point, _, nth = plan.partition(":")
        kill_at(point, Count(int(nth)))
    if word := os.environ.get(PAYLOAD):
        kill_on_payload(word)
    main()
