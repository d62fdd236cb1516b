"""A service: handlers on streams, with everything that keeps them fed, alive and bounded."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import redis.asyncio as redis
import structlog
from faststream.message import StreamMessage
from faststream.middlewares import AckPolicy
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.prometheus import RedisPrometheusMiddleware
from redis.exceptions import ResponseError
from starlette.routing import BaseRoute

from shared import messages as m
from shared import tracing
from shared.delivery.activity import Activity
from shared.delivery.envelope import body_of, decode, sequence_of
from shared.delivery.housekeeping import Housekeeping
from shared.delivery.middleware import DeliveryMiddleware, Stage, Undo
from shared.delivery.outcome import Handler
from shared.delivery.scripts import Scripts, persistently
from shared.delivery.settings import DeliverySettings
from shared.errors import BrokerUnreachable
from shared.telemetry import REGISTRY
from shared.topology import Keys, Stream, read_by, stream_of, written_by

log = structlog.get_logger()

READ_BLOCK_MS = 1000
RECLAIM_EVERY_MS = 500
CLOSED_AFTER_SECONDS = 10.0

_QUIET = logging.getLogger("gristmill.faststream")
_QUIET.setLevel(logging.WARNING)
_FASTSTREAM_METRICS = RedisPrometheusMiddleware(registry=REGISTRY)


class Service:
    """One service of the pipeline, started alone or beside others in one process.

    Args:
        name: its name in the topology, which is its consumer group.
        redis_url: where the broker is.
        keys: the pipeline's keys.
        settings: how messages are read, retried and bounded.

    Attributes:
        activity: whether it handles messages now.
        routes: the service's own HTTP routes, beside those every service has.
    """

    def __init__(self, name: str, redis_url: str, keys: Keys, settings: DeliverySettings) -> None:
        self.name = name
        self.keys = keys
        self.settings = settings
        self.consumer = f"{name}-{os.getpid()}-{secrets.token_hex(3)}"
        self.client = connect(redis_url)
        self.scripts = Scripts(self.client, keys)
        self.housekeeping = Housekeeping(name, self.scripts, settings)
        self.activity = Activity()
        self.broker = RedisBroker(
            redis_url,
            middlewares=(_FASTSTREAM_METRICS, self._middleware),
            graceful_timeout=settings.graceful_seconds,
            logger=_QUIET,
        )
        self.routes: list[BaseRoute] = []
        self._stages: dict[str, Stage] = {}
        self._closing: list[Callable[[], Awaitable[None]]] = []
        self._housekeeper: asyncio.Task[None] | None = None
        for stream in written_by(name):
            self.broker.publisher(stream=keys.stream(stream.name), schema=stream.message)

    def handle(
        self,
        message_type: type[m.Message],
        handler: Handler,
        undo: Undo | None = None,
        *,
        one_by_one: bool = False,
    ) -> None:
        """Let `handler` have every message of this type.

        Args:
            message_type: which messages, and so which stream.
            handler: takes the message; returns messages, or an `Outcome`.
            undo: takes back what the handler did outside Redis, when it turns out after the fact
                that the message's passage had already left its document. Must be idempotent.
            one_by_one: take no message while one is handled, whatever `concurrency` says: those
                that wait stay where any replica can take them. For handlers of minutes or hours.
        """
        stream = stream_of(message_type)
        key = self.keys.stream(stream.name)
        self._stages[key] = Stage(
            self.name,
            stream,
            self.consumer,
            self.settings,
            self.scripts,
            self.housekeeping.room,
            undo,
            self.activity,
        )

        async def consume(message: m.Message) -> Any:
            return await handler(message)

        consume.__annotations__["message"] = message_type
        consume.__name__ = consume.__qualname__ = getattr(handler, "__name__", self.name)
        consume.__doc__ = handler.__doc__
        at_once = 1 if one_by_one else self.settings.concurrency
        turn = asyncio.Lock()
        for reclaim in (False, True):
            subscriber = self.broker.subscriber(
                stream=self._subscription(key, at_once, reclaim=reclaim),
                ack_policy=AckPolicy.MANUAL,
                max_workers=at_once,
                no_reply=True,
                include_in_schema=not reclaim,
                decoder=_decoder(message_type),
            )
            subscriber(consume)
            if one_by_one:
                _read_in_turn(subscriber, turn)

    def on_stop(self, close: Callable[[], Awaitable[None]]) -> None:
        """Call `close` when the service stops, after its handlers have finished."""
        self._closing.append(close)

    async def start(self) -> None:
        """Create the groups at the beginning of their streams, then start to read.

        Raises:
            BrokerUnreachable: the broker does not answer.
        """
        await persistently(self._create_groups, seconds=CLOSED_AFTER_SECONDS)
        await self.broker.start()
        self._housekeeper = asyncio.create_task(self.housekeeping.run())
        log.info("started", service=self.name, consumer=self.consumer)

    async def stop(self) -> None:
        """Stop reading, let the handlers finish, then close what they used."""
        # redis-py may swallow a cancellation that meets a reply, so one is not always enough.
        while self._housekeeper is not None and not self._housekeeper.done():
            self._housekeeper.cancel()
            await asyncio.wait([self._housekeeper], timeout=0.5)
        await self.broker.stop()
        for close in reversed(self._closing):
            await close()
        await self.client.aclose()
        await asyncio.to_thread(tracing.flush, self.name)
        log.info("stopped", service=self.name)

    def alive(self) -> bool:
        """Whether every subscriber still reads; a destroyed group stops its subscriber for good."""
        return all(subscriber.running for subscriber in self.broker.subscribers)

    async def ready(self) -> bool:
        """Whether the service reads and the broker answers."""
        try:
            await persistently(self.client.ping, seconds=1.0)
        except BrokerUnreachable:
            return False
        return self.alive()

    def _middleware(self, msg: Any, /, *, context: Any) -> DeliveryMiddleware:
        return DeliveryMiddleware(msg, context=context, stage=self._stages[msg["channel"]])

    def _subscription(self, key: str, at_once: int, *, reclaim: bool) -> StreamSub:
        return StreamSub(
            key,
            group=self.name,
            consumer=self.consumer,
            max_records=at_once,
            polling_interval=RECLAIM_EVERY_MS if reclaim else READ_BLOCK_MS,
            min_idle_time=int(self.settings.lease_seconds * 1000) if reclaim else None,
        )

    async def _create_groups(self) -> None:
        for stream in read_by(self.name):
            await create_groups(self.client, self.keys, stream)


def _read_in_turn(subscriber: Any, turn: asyncio.Lock) -> None:
    """Let a subscriber that handles what it reads at once read only while it holds the turn."""
    read_and_handle = subscriber._get_msgs  # noqa: SLF001 - there is no public place between reads

    async def in_turn(*args: Any) -> None:
        async with turn:
            await read_and_handle(*args)

    subscriber._get_msgs = in_turn  # noqa: SLF001


def _decoder(message_type: type[m.Message]) -> Callable[[StreamMessage[Any]], Awaitable[Any]]:
    async def decode_entry(msg: StreamMessage[Any]) -> m.Message:
        fields = msg.raw_message["data"]
        message = decode(message_type, body_of(fields))
        if isinstance(message, m.DocumentMessage):
            entry_id = msg.raw_message["message_ids"][0].decode()
            return message.model_copy(update={"sequence": sequence_of(entry_id, fields)})
        return message

    return decode_entry


def connect(redis_url: str) -> Any:
    """Return a client whose own retries are off: a script is repeated by who knows it is safe.

    Typed as Any: the library's types cannot tell that this client answers in bytes.
    """
    return redis.Redis.from_url(
        redis_url, retry=None, protocol=2, socket_timeout=10, socket_connect_timeout=5
    )


async def create_groups(client: Any, keys: Keys, stream: Stream) -> None:
    """Create every group of a stream at its beginning, so that nothing written before is missed."""
    for group in stream.groups:
        try:
            await client.xgroup_create(keys.stream(stream.name), group, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
