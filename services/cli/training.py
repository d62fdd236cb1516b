"""Asking for trainings, and following them to their ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
from redis.exceptions import ResponseError

from services.cli.access import Access, reach, running_stack
from services.cli.training_progress import TrainingReporter
from services.local.home import RunningStack
from services.local.stack import Stack
from services.trainer.handlers import completed, describe
from services.trainer.runs import RunFolder, Runs
from services.trainer.settings import TrainerSettings
from shared.delivery.envelope import body_of, decode
from shared.delivery.publisher import Publisher
from shared.delivery.scripts import persistently
from shared.errors import GristmillError
from shared.messages import TrainingCompleted, TrainingProgressed, TrainingRequested
from shared.settings import Settings, section

READ_BLOCK_MS = 500
REQUESTED, PROGRESSED, COMPLETED = (
    f"training.{what}" for what in ("requested", "progressed", "completed")
)


class TrainerMissing(GristmillError):
    """Nobody is there who would train."""


@dataclass(frozen=True)
class Trained:
    """What became of one request.

    Attributes:
        reused: whether it had been done before, and nothing was done now.
    """

    answer: TrainingCompleted
    reused: bool = False


@dataclass
class Trainer:
    """Whoever trains, reached.

    Attributes:
        local: whether its runs lie in our home folder.
        own: whether it is of this process, and ends with it.
        check: raises where it has stopped.
        entries: the requests handed to it: request -> entry in the stream.
    """

    publisher: Publisher
    local: bool
    own: bool
    check: Callable[[], None]
    entries: dict[UUID, str] = field(default_factory=dict)

    async def withdraw(self) -> None:
        """Take back the requests that have not been answered: the next command may be another."""
        key = self.publisher.keys.stream(REQUESTED)
        if self.entries:
            await self.publisher.client.xack(key, "trainer", *self.entries.values())
            await self.publisher.client.xdel(key, *self.entries.values())


def runs_of(settings: Settings) -> Runs:
    """Return the runs in the folder that the settings mean."""
    return Runs(section("trainer", TrainerSettings).location(settings.home))


async def train(
    requests: Sequence[TrainingRequested], settings: Settings, reporter: TrainingReporter
) -> list[Trained]:
    """Have each request's run done, unless it has been before; returns them in order.

    Raises:
        TrainerMissing: the stack that is up does not train.
        GristmillError: a stack cannot be started, or stopped in the middle.
    """
    runs = runs_of(settings)
    done: dict[str, Trained] = {}
    for request in requests:
        result = runs.folder(request.run).result()
        if result is not None and result["status"] == "completed":
            done[request.run] = Trained(completed(request, result), reused=True)
            reporter.say(f"{request.run}  was completed before")
    wanted = {r.request_id: r for r in requests if r.run not in done}
    if wanted:
        async with _trainer(settings, reporter) as trainer:
            if trainer.local:
                for request in wanted.values():
                    _prepare(runs.folder(request.run), request, settings)
            async for answer in _answers(wanted, trainer, reporter):
                run = wanted[answer.request_id].run
                done[run] = Trained(answer)
                reporter.ended(answer.model_copy(update={"run": run}), len(done), len(requests))
    return [done[request.run] for request in requests]


@asynccontextmanager
async def _trainer(settings: Settings, reporter: TrainingReporter) -> AsyncIterator[Trainer]:
    """Reach the trainer of the pipeline that is up, or start one for as long as this lasts."""
    running = None if settings.redis_url else running_stack(settings)
    if settings.redis_url or running:
        if running:
            await _expect_trainer(running, settings)
        async with reach(settings) as access:
            if not running and not await _listens(access.publisher, settings):
                reporter.say("No trainer seems to listen there: `gristmill serve trainer` is one.")
            try:
                yield Trainer(access.publisher, running is not None, own=False, check=_no_check)
            except asyncio.CancelledError:
                reporter.say("What was asked for is trained on: `gristmill runs cancel` ends it.")
                raise
        return
    reporter.say("starting the trainer")
    async with Stack(settings, only=("trainer",)) as stack:
        access = Access.to(stack.settings, stack.settings.redis_url, served=True)

        def check() -> None:
            if not all(service.alive() for service in stack.services):
                raise GristmillError(
                    "The trainer stopped reading.", "Run the same command again: it continues."
                )

        async with access.publisher:
            trainer = Trainer(access.publisher, local=True, own=True, check=check)
            try:
                yield trainer
            finally:
                await trainer.withdraw()


async def _answers(
    wanted: dict[UUID, TrainingRequested], trainer: Trainer, reporter: TrainingReporter
) -> AsyncIterator[TrainingCompleted]:
    """Publish the requests and yield the answer to each as it comes."""
    events = _Events(trainer.publisher)
    await events.begin()
    for request in wanted.values():
        trainer.entries[request.request_id] = await trainer.publisher.publish(request)
    names = {request.run for request in wanted.values()}
    others: set[str] = set()
    while trainer.entries:
        for event in await events.next():
            if isinstance(event, TrainingProgressed):
                if event.run not in names | others:
                    others.add(event.run)
                    reporter.say(f"{event.run} is trained as well, for somebody else")
                elif event.run in names:
                    reporter.show(event)
            elif trainer.entries.pop(event.request_id, None) is not None:
                yield event
        trainer.check()


class _Events:
    """What is told about trainings from now on."""

    def __init__(self, publisher: Publisher) -> None:
        self.client = publisher.client
        keys = publisher.keys
        self._progressed = keys.stream(PROGRESSED)
        self._completed = keys.stream(COMPLETED)
        self._dead = keys.dead(REQUESTED)
        self._last: dict[str, Any] = {}

    async def begin(self) -> None:
        for key in (self._progressed, self._completed, self._dead):
            newest = await self.client.xrevrange(key, count=1)
            self._last[key] = newest[0][0] if newest else "0-0"

    async def next(self) -> list[TrainingProgressed | TrainingCompleted]:
        """Return what came, waiting a while for it; in the order of each stream."""
        read = await persistently(lambda: self.client.xread(self._last, block=READ_BLOCK_MS))
        events: list[TrainingProgressed | TrainingCompleted] = []
        for name, entries in read:
            key = name.decode()
            self._last[key] = entries[-1][0]
            for _, fields in entries:
                with suppress(GristmillError):  # another version's, or nothing that can be read
                    events.append(self._event(key, fields))
        return events

    def _event(
        self, key: str, fields: dict[bytes, bytes]
    ) -> TrainingProgressed | TrainingCompleted:
        if key == self._progressed:
            return decode(TrainingProgressed, body_of(fields))
        if key == self._completed:
            return decode(TrainingCompleted, body_of(fields))
        request = decode(TrainingRequested, body_of(fields))
        error = fields.get(b"error", b"").decode()
        about = {"run": request.run, "method": request.method, "settings": request.settings}
        return completed(request, {**about, "status": "failed", "error": error})


def _prepare(folder: RunFolder, request: TrainingRequested, settings: Settings) -> None:
    """Let the run be seen while it waits, and not be cancelled by what was said earlier."""
    if not folder.exists():
        folder.create(describe(request, request.run, request.dataset, settings))
    elif folder.status() == "cancelled":
        folder.reset()


async def _expect_trainer(running: RunningStack, settings: Settings) -> None:
    transport = httpx.AsyncHTTPTransport(uds=running.http_socket)
    async with httpx.AsyncClient(transport=transport) as client:
        try:
            services = (await client.get("http://stack/version")).json()["services"]
        except (httpx.HTTPError, ValueError, KeyError):
            services = []
    if "trainer" not in services:
        raise TrainerMissing(
            f"The stack that is up in {settings.home} does not train.",
            "It may be a `gristmill run`: wait for its end, or keep `gristmill up` running.",
        )


async def _listens(publisher: Publisher, settings: Settings) -> bool:
    """Whether a trainer has been heard of lately."""
    key = publisher.keys.stream(REQUESTED)
    try:
        consumers = await persistently(
            lambda: publisher.client.xinfo_consumers(key, "trainer"), seconds=5
        )
    except ResponseError:  # neither stream nor group
        return False
    return any(each["idle"] < settings.delivery.lease_seconds * 1000 for each in consumers)


def _no_check() -> None:
    """Whoever runs a stack elsewhere looks after it."""
