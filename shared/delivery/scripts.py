"""The Lua scripts as functions. Each is safe to call again after a lost reply."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.delivery.calls import Calls
from shared.delivery.plan import Subject
from shared.errors import BrokerUnreachable, GroupGone
from shared.topology import Keys

TOKEN_REMEMBERED_SECONDS = 24 * 3600
CLIENT_PATIENCE_SECONDS = 30.0

T = TypeVar("T")


@dataclass(frozen=True)
class Lease:
    """One delivery: which entry of which stream, in which group, held by whom."""

    stream: str
    group: str
    consumer: str
    entry_id: str


@dataclass(frozen=True)
class Taken:
    """An entry handed to this consumer."""

    entry_id: bytes
    fields: dict[bytes, bytes]


class Scripts:
    """The scripts, called through one Redis client.

    Args:
        client: see `connect`.
        keys: the pipeline's keys.
        patience: seconds to go on while the broker does not answer or takes no writes.
    """

    def __init__(self, client: Any, keys: Keys, patience: float = CLIENT_PATIENCE_SECONDS) -> None:
        self.client = client
        self.keys = keys
        self._patience = patience
        self._calls = Calls(client)

    async def reclaim(
        self,
        reader: tuple[str, str, str],
        *,
        idle_ms: int,
        count: int,
        tries: int,
        suspects: bool,
    ) -> tuple[list[Taken], bool]:
        """Take over messages whose lease is over; returns them, and whether a suspect waits.

        Args:
            reader: stream, group and consumer.
            idle_ms: how long a lease is.
            count: most messages to take.
            tries: deliveries after which a message left behind is a suspect.
            suspects: whether to take these, or the others.
        """
        stream, *who = reader
        args = [*who, idle_ms, count, tries, int(suspects)]
        taken, waiting = await self._run("reclaim", [stream], args)
        return [
            Taken(entry_id, dict(zip(fields[::2], fields[1::2], strict=True)))
            for entry_id, fields in taken
        ], bool(waiting)

    async def begin(self, lease: Lease, subject: Subject) -> tuple[str, int]:
        """Return the verdict on handling this delivery now, and how often it was delivered."""
        verdict, deliveries = await self._run(
            "begin",
            [lease.stream, subject.ledger],
            [lease.group, lease.consumer, lease.entry_id, *subject.fence, subject.mark],
        )
        return verdict.decode(), int(deliveries)

    async def touch(self, lease: Lease) -> bool:
        """Renew the lease; False when another holds the message by now."""
        args = [lease.group, lease.consumer, lease.entry_id]
        return bool(await self._run("touch", [lease.stream], args))

    async def commit(
        self,
        lease: Lease,
        ledger: str,
        plan: dict[str, Any],
        outputs: Sequence[str],
        payloads: Sequence[bytes],
        completed: bytes,
    ) -> tuple[str, int]:
        """Apply a commit plan; returns the verdict and a length, see commit.lua."""
        keys = [
            lease.stream,
            ledger,
            self.keys.documents,
            self.keys.stream("document.completed"),
            *(self.keys.stream(name) for name in outputs),
        ]
        held = {"group": lease.group, "consumer": lease.consumer, "id": lease.entry_id}
        args = [json.dumps({**plan, **held}), completed, *payloads]
        verdict, longest = await self._run("commit", keys, args)
        return verdict.decode(), int(longest)

    async def fail(
        self, lease: Lease, ledger: str, plan: dict[str, Any], payload: bytes, completed: bytes
    ) -> str:
        """Park a message for another try, or bury it; see fail.lua."""
        keys = [
            lease.stream,
            ledger,
            lease.stream + ".dead",
            self.keys.documents,
            self.keys.stream("document.completed"),
        ]
        held = {"group": lease.group, "consumer": lease.consumer, "id": lease.entry_id}
        args = [json.dumps({**plan, **held}), payload, completed]
        verdict: bytes = await self._run("fail", keys, args)
        return verdict.decode()

    async def publish(self, stream: str, token: str, payload: bytes, high_water: int) -> str | None:
        """Append once per token; returns the entry's id, or None where the stream is full."""
        reply: bytes = await self._run(
            "publish",
            [self.keys.stream(stream), self.keys.published(token)],
            [payload, high_water, TOKEN_REMEMBERED_SECONDS],
        )
        return None if reply == b"FULL" else reply.decode()

    async def trim(self, stream: str, groups: Sequence[str]) -> int:
        """Cut what every group is done with; returns the number of entries cut."""
        return int(await self._run("trim", [self.keys.stream(stream)], list(groups)))

    async def replay(self, stream: str, letter_id: str, subject: Subject, sequence: str) -> str:
        """Put a dead letter back; returns the new entry's id, empty where the letter is gone."""
        keys = [self.keys.dead(stream), self.keys.stream(stream), subject.ledger]
        args = [letter_id, subject.mark, subject.passage, sequence, subject.awaited]
        reply: bytes = await self._run("replay", keys, args)
        return reply.decode()

    async def reconcile(
        self,
        ledger: str,
        sequence: str,
        recipe: str,
        retractions: Sequence[tuple[list[str], bytes]],
    ) -> bool:
        """Set a ledger right after a loss; False where a later submission came between.

        Args:
            ledger: its key.
            sequence: the document's, as the caller saw it.
            recipe: to note; empty to leave it.
            retractions: to publish: the fields that await each, and its payload.
        """
        keys = [ledger, self.keys.stream("passage.retracted")]
        awaited = json.dumps([fields for fields, _ in retractions])
        payloads = [payload for _, payload in retractions]
        return bool(await self._run("reconcile", keys, [sequence, recipe, awaited, *payloads]))

    async def _run(self, name: str, keys: list[str], args: list[Any]) -> Any:
        try:
            return await persistently(lambda: self._calls(name, keys, args), seconds=self._patience)
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            raise GroupGone(
                f"The consumer group is gone: {error}. The broker has lost data.",
                "Restart the service, then run `gristmill publish --reconcile`.",
            ) from error


async def persistently(
    call: Callable[[], Awaitable[T]],
    *,
    seconds: float = CLIENT_PATIENCE_SECONDS,
    pause: float = 0.2,
) -> T:
    """Call until it works, for at most `seconds`; for calls that may safely be made twice.

    Raises:
        BrokerUnreachable: the broker did not come back, or did not take writes again, in time.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            return await call()
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            if time.monotonic() + pause > end:
                raise BrokerUnreachable(
                    f"The broker does not answer: {error}.",
                    "Check that Redis runs and that GRISTMILL_REDIS_URL names it.",
                ) from error
        except (OutOfMemoryError, ReadOnlyError) as error:
            if time.monotonic() + pause > end:
                raise BrokerUnreachable(
                    f"The broker takes no writes: {error}.",
                    "Give it more memory (maxmemory), or wait until its consumers have caught up.",
                ) from error
        await asyncio.sleep(pause)
        pause = min(pause * 2, 2.0)
