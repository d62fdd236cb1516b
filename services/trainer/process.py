"""The child that trains, watched: its progress, its cancellation and its end."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from services.trainer.runs import RunFolder

WORK = (sys.executable, "-m", "services.trainer.work")
POLL_SECONDS = 0.2
REPORT_SECONDS = 1.0
END_SECONDS = 10.0
PR_SET_PDEATHSIG = 1

# Loaded here: between fork and exec as little as possible may happen.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None

Report = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Ended:
    """How a child ended.

    Attributes:
        code: its exit code; negative for the signal that killed it.
        cancelled: whether that was because somebody wanted the run cancelled.
    """

    code: int
    cancelled: bool


async def supervise(
    folder: RunFolder,
    command: Sequence[str],
    lock: int,
    report: Report,
    stopping: Callable[[], bool],
) -> Ended:
    """Run the child to its end; when this is cancelled, the child is ended first.

    Args:
        folder: the run; its path is the child's last argument.
        command: the child.
        lock: descriptor of the run's lock, which the child holds as well.
        report: is given the newest line of progress, at most once a second.
        stopping: says that the service stops, should the cancellation have been lost.

    Raises:
        OSError: it cannot be started, or its folder cannot be written.
    """
    progress = _Progress(folder, report)
    with folder.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            str(folder.path),
            stdin=DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(lock,),
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    try:
        return await _watch(process, folder, progress, stopping)
    finally:
        if process.returncode is None:
            await asyncio.shield(asyncio.ensure_future(_end(process)))


async def _watch(
    process: Process, folder: RunFolder, progress: _Progress, stopping: Callable[[], bool]
) -> Ended:
    exited = asyncio.ensure_future(process.wait())
    cancelled = False
    while not exited.done():
        await asyncio.wait([exited], timeout=POLL_SECONDS)
        if stopping():
            raise asyncio.CancelledError
        await progress.look()
        if folder.cancel_requested() and not exited.done():
            cancelled = True
            await _end(process)
    await progress.look(last=True)
    return Ended(exited.result(), cancelled)


async def _end(process: Process) -> None:
    """Ask the child to end, then make it and all that it started."""
    with suppress(ProcessLookupError):
        process.terminate()
    with suppress(TimeoutError):
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


class _Progress:
    """Tells of a run's new lines of progress, and not too often."""

    def __init__(self, folder: RunFolder, report: Report) -> None:
        self.folder = folder
        self.report = report
        self._offset = folder.progress()[1]
        self._newest: dict[str, Any] | None = None
        self._said = 0.0

    async def look(self, *, last: bool = False) -> None:
        lines, self._offset = self.folder.progress(self._offset)
        if lines:
            self._newest = lines[-1]
        if self._newest is None:
            return
        if last or time.monotonic() - self._said >= REPORT_SECONDS:
            self._said = time.monotonic()
            await self.report(self._newest)
            self._newest = None


def die_with_parent() -> None:
    """Have this process killed when the one that started it ends; called between fork and exec."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
