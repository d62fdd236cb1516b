"""A service: handlers on streams, with everything that keeps them fed, alive and bounded."""

from __future__ import annotations

import asyncio
import logging
import math
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
from shared.delivery.envelope import DATA, body_of, decode, sequence_of
from shared.delivery.gate import Gate
from shared.delivery.housekeeping import Housekeeping
from shared.delivery.middleware import DeliveryMiddleware, Stage, Undo
from shared.delivery.outcome import Handler
from shared.delivery.reader import Reader, ended
from shared.delivery.scripts import Scripts, persistently
from shared.delivery.settings import DeliverySettings
from shared.errors import BrokerUnreachable
from shared.telemetry import REGISTRY
from shared.topology import Keys, Stream, read_by, stream_of, written_by

log = structlog.get_logger()

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
        # A service has nothing better to do than to wait: what it holds it keeps the lease of.
        self.scripts = Scripts(self.client, keys, patience=math.inf)
        self.housekeeping = Housekeeping(name, self.scripts, settings)
        self.activity = Activity()
        self.broker = RedisBroker(
            redis_url,
            middlewares=(_FASTSTREAM_METRICS, self._middleware),
            graceful_timeout=None,  # the readers wait for their handlers
            logger=_QUIET,
        )
        self.routes: list[BaseRoute] = []
        self._gate = Gate()
        self._stages: dict[str, Stage] = {}
        self._readers: list[Reader] = []
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
            self.housekeeping,
            undo,
            self.activity,
        )

        async def consume(message: m.Message) -> Any:
            return await handler(message)

        consume.__annotations__["message"] = message_type
        consume.__name__ = consume.__qualname__ = getattr(handler, "__name__", self.name)
        consume.__doc__ = handler.__doc__
        subscriber = self.broker.subscriber(
            stream=StreamSub(key, group=self.name, consumer=self.consumer),
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            parser=_parse,
            decoder=_decoder(message_type),
        )
        subscriber(consume)
        settings = self.settings
        if one_by_one:
            settings = settings.model_copy(update={"concurrency": 1})
        who = (key, self.name, self.consumer)
        self._readers.append(Reader(subscriber, who, self.scripts, self._gate, settings))

    def on_stop(self, close: Callable[[], Awaitable[None]]) -> None:
        """Call `close` when the service stops, after its handlers have finished."""
        self._closing.append(close)

    async def start(self) -> None:
        """Create the groups at the beginning of their streams, then start to read.

        Raises:
            BrokerUnreachable: the broker does not answer.
        """
        await persistently(self._create_groups, seconds=CLOSED_AFTER_SECONDS)
        await self.broker.connect()
        for reader in self._readers:
            await reader.start()
        self._housekeeper = asyncio.create_task(self.housekeeping.run())
        log.info("started", service=self.name, consumer=self.consumer)

    async def stop(self) -> None:
        """Stop reading, let the handlers finish, then close what they used."""
        if self._housekeeper is not None:
            await ended(self._housekeeper)
        await asyncio.gather(*(reader.stop() for reader in self._readers))
        await self.broker.stop()
        for close in reversed(self._closing):
            await close()
        await self.client.aclose()
        await asyncio.to_thread(tracing.flush, self.name)
        log.info("stopped", service=self.name)

    def alive(self) -> bool:
        """Whether every stream is still read; a destroyed group ends that for good."""
        return all(reader.alive for reader in self._readers)

    async def ready(self) -> bool:
        """Whether the service reads and the broker answers."""
        try:
            await persistently(self.client.ping, seconds=1.0)
        except BrokerUnreachable:
            return False
        return self.alive()

    def _middleware(self, msg: Any, /, *, context: Any) -> DeliveryMiddleware:
        return DeliveryMiddleware(msg, context=context, stage=self._stages[msg["channel"]])

    async def _create_groups(self) -> None:
        for stream in read_by(self.name):
            await create_groups(self.client, self.keys, stream)


async def _parse(raw: Any, parse: Callable[[Any], Awaitable[StreamMessage[Any]]]) -> Any:
    """Parse an entry; one the library cannot parse must reach the middleware all the same."""
    try:
        return await parse(raw)
    except Exception:
        message = await parse({**raw, "data": {DATA: b"{}"}})
        message.raw_message = raw
        return message


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
