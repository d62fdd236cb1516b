"""Publishing from a client: once per call, and never past the high-water mark."""

from __future__ import annotations

import asyncio
import time
from typing import Self
from uuid import uuid4

from shared import tracing
from shared.delivery.envelope import encode, subject_id
from shared.delivery.scripts import Scripts
from shared.delivery.service import connect, create_groups
from shared.errors import StreamFull
from shared.messages import Message
from shared.topology import Keys, Stream, stream_of

FULL_PAUSE_SECONDS = 0.2


class Publisher:
    """Publishes messages to a pipeline.

    Example:
        >>> async with Publisher("redis://localhost:6379") as publisher:
        ...     await publisher.publish(DocumentSubmitted(uri="https://example.org/page"))
    """

    def __init__(
        self,
        redis_url: str = "redis://localhost:6379",
        *,
        namespace: str = "gristmill",
        high_water: int = 100_000,
    ) -> None:
        self.client = connect(redis_url)
        self.keys = Keys(namespace)
        self.scripts = Scripts(self.client, self.keys)
        self.high_water = high_water

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()

    async def publish(self, message: Message, *, wait_seconds: float = 60.0) -> str:
        """Append a message to its stream, exactly once, and return the entry's id.

        Args:
            message: what to publish; its type says where.
            wait_seconds: how long to wait for room where the stream is full.

        Raises:
            StreamFull: the consumers did not catch up in time.
            BrokerUnreachable: the broker does not answer.
        """
        stream = stream_of(message)
        with tracing.span(
            "client",
            f"send {stream.name}",
            "producer",
            tracing.current(),
            {
                "messaging.system": "redis",
                "messaging.destination.name": self.keys.stream(stream.name),
                "gristmill.document": subject_id(message),
            },
        ):
            return await self._publish(message, stream, wait_seconds)

    async def _publish(self, message: Message, stream: Stream, wait_seconds: float) -> str:
        payload = await encode(message)
        token = uuid4().hex
        end = time.monotonic() + wait_seconds
        while True:
            entry_id = await self.scripts.publish(stream.name, token, payload, self.high_water)
            if entry_id is not None:
                return entry_id
            await create_groups(self.client, self.keys, stream)
            await self.scripts.trim(stream.name, stream.groups)
            if time.monotonic() > end:
                raise StreamFull(
                    f"{stream.name} holds {self.high_water} messages and stays full.",
                    f"Start more of its consumers: {', '.join(stream.groups)}.",
                )
            await asyncio.sleep(FULL_PAUSE_SECONDS)
