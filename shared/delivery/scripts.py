"""The Lua scripts as functions. Each is safe to call again after a lost reply."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.errors import BrokerUnreachable
from shared.topology import Keys

TOKEN_REMEMBERED_SECONDS = 24 * 3600

T = TypeVar("T")


@dataclass(frozen=True)
class Lease:
    """One delivery: which entry of which stream, in which group, held by whom."""

    stream: str
    group: str
    consumer: str
    entry_id: str


class Scripts:
    """The scripts, registered with one Redis client."""

    def __init__(self, client: Any, keys: Keys) -> None:
        self.client = client
        self.keys = keys
        self._scripts = {
            name: client.register_script(
                files("shared.delivery").joinpath(f"{name}.lua").read_text()
            )
            for name in ("begin", "touch", "commit", "fail", "publish", "trim", "replay")
        }

    async def begin(
        self, lease: Lease, ledger: str, fence: tuple[str, str], mark: str
    ) -> tuple[str, int]:
        """Return the verdict on handling this delivery now, and how often it was delivered."""
        verdict, deliveries = await self._run(
            "begin",
            [lease.stream, ledger],
            [lease.group, lease.consumer, lease.entry_id, *fence, mark],
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
    ) -> str:
        """Apply a commit plan; see commit.lua for the verdicts."""
        keys = [
            lease.stream,
            ledger,
            self.keys.documents,
            self.keys.stream("document.completed"),
            *(self.keys.stream(name) for name in outputs),
        ]
        held = {"group": lease.group, "consumer": lease.consumer, "id": lease.entry_id}
        args = [json.dumps({**plan, **held}), completed, *payloads]
        verdict: bytes = await self._run("commit", keys, args)
        return verdict.decode()

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

    async def replay(
        self, stream: str, letter_id: str, *, ledger: str, mark: str, counted: int, sequence: str
    ) -> str:
        """Put a dead letter back; returns the new entry's id, empty where the letter is gone."""
        keys = [self.keys.dead(stream), self.keys.stream(stream), ledger]
        reply: bytes = await self._run("replay", keys, [letter_id, mark, counted, sequence])
        return reply.decode()

    async def _run(self, name: str, keys: list[str], args: list[Any]) -> Any:
        return await persistently(lambda: self._scripts[name](keys=keys, args=args))


async def persistently(
    call: Callable[[], Awaitable[T]], *, seconds: float = 30.0, pause: float = 0.2
) -> T:
    """Call until it works, for at most `seconds`; for calls that may safely be made twice.

    Raises:
        BrokerUnreachable: the broker did not come back in time.
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
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)
