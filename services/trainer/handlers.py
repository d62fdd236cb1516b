"""From a request to a finished run: a child trains, and this sees to it that it does so once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from services.trainer.endings import ending, result_of
from services.trainer.methods import check_name
from services.trainer.naming import run_id, settle
from services.trainer.process import END_SECONDS, POLL_SECONDS, WORK, supervise
from services.trainer.runs import RunFolder, RunNameInvalid, Runs
from services.trainer.settings import TrainerSettings
from shared.errors import GristmillError
from shared.messages import TrainingCompleted, TrainingProgressed, TrainingRequested
from shared.settings import Settings

ASKED = ("dataset", "method", "model", "settings")

Announce = Callable[[TrainingProgressed], Awaitable[None]]


class Trainer:
    """The trainer's handler and what it needs.

    Args:
        settings: say where dataset versions lie.
        own: the trainer's.
        announce: is given the progress of each run.
        command: the child; the run's folder is added as its last argument.
    """

    def __init__(
        self,
        settings: Settings,
        own: TrainerSettings,
        announce: Announce,
        command: Sequence[str] = (),
    ) -> None:
        self.settings = settings.model_copy(update={"home": settings.home.resolve()})
        self.runs = Runs(own.location(settings.home))
        self.announce = announce
        self.command = command or WORK
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopping = False

    async def on_requested(self, message: TrainingRequested) -> list[TrainingCompleted]:
        """Train, or return what the same run came to before.

        What goes wrong with a training is an answer too: nothing is tried again by itself.
        """
        task = asyncio.current_task()
        if task is not None and task not in self._tasks:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        request = {"run": message.run, **message.model_dump(include=set(ASKED))}
        try:
            request = await described(message, self.settings)
            result = await self._result(self.runs.folder(request["run"]), request)
        except GristmillError as error:
            if error.retryable:
                raise
            result = result_of(request, "failed", _now(), error=error.message, hint=error.hint)
        except OSError as error:
            said = f"The run cannot be written or started: {error}."
            hint = f"See that {self.runs.path} can be written and that there is room."
            result = result_of(request, "failed", _now(), error=said, hint=hint)
        return [completed(message, result)]

    async def close(self) -> None:
        """Wait until the children have ended; their messages are taken up at the next start."""
        self._stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=END_SECONDS + 5)

    async def _result(self, folder: RunFolder, request: dict[str, Any]) -> dict[str, Any]:
        before = folder.request()
        if before and any(before.get(key) != request[key] for key in ASKED):
            raise RunNameInvalid(
                f"There is a run {folder.name} that does something else.",
                "Give this one another name, or none.",
            )
        if (known := _standing(folder, request)) is not None:
            return known
        if not before:
            folder.create(request)
        started = _now()
        lock = await self._lock(folder, request)
        if lock is None:  # whoever has the run writes down that it was cancelled
            return _standing(folder, request) or result_of(request, "cancelled", started)
        try:
            return await self._train(folder, request, lock, started)
        finally:
            os.close(lock)

    async def _train(
        self, folder: RunFolder, request: dict[str, Any], lock: int, started: datetime
    ) -> dict[str, Any]:
        if (known := _standing(folder, request)) is not None:
            return known
        if folder.result() is not None:
            folder.reset()
        folder.create(request)
        if folder.cancel_requested():
            result = result_of(request, "cancelled", started)
            folder.write_result(result)
            return result

        async def report(line: dict[str, Any]) -> None:
            with suppress(ValidationError):  # a child's line that is not one
                about = {"request_id": request["request_id"], "run": folder.name}
                await self.announce(TrainingProgressed.model_validate(line | about))

        ended = await supervise(folder, self.command, lock, report, lambda: self._stopping)
        if (missing := ending(folder, ended, started)) is not None:
            folder.write_result(missing)
        return missing or folder.result() or {}

    async def _lock(self, folder: RunFolder, request: dict[str, Any]) -> int | None:
        """Wait for the run to be ours; None where it has ended, or is cancelled, before it is."""
        while not self._stopping:
            if (lock := folder.lock()) is not None:
                return lock
            unwanted = folder.cancel_requested() and folder.result() is None
            if unwanted or _standing(folder, request) is not None:
                return None
            await asyncio.sleep(POLL_SECONDS)
        raise asyncio.CancelledError


async def described(message: TrainingRequested, settings: Settings) -> dict[str, Any]:
    """Return the content of a run's `request.json`, its name derived where none is given.

    Raises:
        MethodUnknown: there is no such method.
        DatasetNotFound: there is no such version.
    """
    check_name(message.method)
    dataset, content = await settle(message.dataset, settings.versions_location)
    name = message.run or await asyncio.to_thread(
        run_id, message.method, content, message.model, message.settings
    )
    return describe(message, name, dataset, settings)


def describe(
    message: TrainingRequested, name: str, dataset: str, settings: Settings
) -> dict[str, Any]:
    """Return the content of a run's `request.json`, for what has been settled already."""
    return {
        "run": name,
        "dataset": dataset,
        "method": message.method,
        "model": message.model,
        "settings": message.settings,
        "home": str(settings.home.resolve()),
        "versions_location": settings.versions_location,
        "request_id": str(message.request_id),
    }


def completed(message: TrainingRequested, result: dict[str, Any]) -> TrainingCompleted:
    """Return the event that tells of a result."""
    return TrainingCompleted(
        request_id=message.request_id,
        run=str(result.get("run", "")),
        status=result["status"],
        artifact=str(result.get("artifact") or ""),
        error=f"{result.get('error') or ''} {result.get('hint') or ''}".strip(),
        result=result,
    )


def _standing(folder: RunFolder, request: dict[str, Any]) -> dict[str, Any] | None:
    """Return the result that there is, unless it did not work out and is asked for anew."""
    result = folder.result()
    if result is None or result["status"] == "completed":
        return result
    return result if folder.request().get("request_id") == request["request_id"] else None


def _now() -> datetime:
    return datetime.now(UTC)
