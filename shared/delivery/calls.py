"""Script calls that wait at the same time travel to the broker together."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from redis.exceptions import NoScriptError

SCRIPTS = ("begin", "commit", "fail", "publish", "reclaim", "reconcile", "replay", "touch", "trim")
MOST_AT_ONCE = 64


@dataclass(frozen=True)
class _Call:
    arguments: tuple[Any, ...]
    answer: asyncio.Future[Any]


class Calls:
    """Runs the scripts of this folder, many in one round trip.

    Concurrent handlers begin and commit at about the same time. What they ask while one round
    trip is under way goes with the next; a single call waits for nothing. Each call has its own
    answer or error, as if it had travelled alone.

    Args:
        client: a Redis client whose own retries are off.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._texts = {
            name: files("shared.delivery").joinpath(f"{name}.lua").read_bytes() for name in SCRIPTS
        }
        self._digests = {
            name: hashlib.sha1(text, usedforsecurity=False).hexdigest()
            for name, text in self._texts.items()
        }
        self._waiting: list[_Call] = []
        self._sender: asyncio.Task[None] | None = None

    async def __call__(self, name: str, keys: list[str], args: list[Any]) -> Any:
        """Run one script and return its answer, or raise what it raised."""
        try:
            return await self._ask(self._digests[name], len(keys), *keys, *args)
        except NoScriptError:  # the broker is new, or has been started again
            await self._client.script_load(self._texts[name])
            return await self._ask(self._digests[name], len(keys), *keys, *args)

    async def _ask(self, *arguments: Any) -> Any:
        call = _Call(arguments, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send())
        return await call.answer

    async def _send(self) -> None:
        while self._waiting:
            calls, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            pipeline = self._client.pipeline(transaction=False)
            for call in calls:
                pipeline.evalsha(*call.arguments)
            try:
                answers = await pipeline.execute(raise_on_error=False)
            except Exception as error:  # it belongs to those who wait
                answers = [error] * len(calls)
            for call, answer in zip(calls, answers, strict=True):
                if call.answer.done():  # its waiter was cancelled
                    continue
                if isinstance(answer, Exception):
                    call.answer.set_exception(answer)
                else:
                    call.answer.set_result(answer)
