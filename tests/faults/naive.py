"""The same services on FastStream's defaults: the control that the verifier has to fail.

`python -m tests.faults.naive serve SERVICE --port N`. The handlers, models and stores are the
product's; each stream is read by a plain subscriber in a consumer group, and the outputs are
published after the handler, as the library's documentation shows it.
"""

from typing import Any

from faststream.redis import RedisBroker, StreamSub

from services.cli.main import main
from shared import messages as m
from shared.delivery.outcome import Handler, Outcome
from shared.delivery.service import Service
from shared.topology import stream_of

_init = Service.__init__


def init(self: Service, name: str, redis_url: str, *others: Any) -> None:
    _init(self, name, redis_url, *others)
    self.broker = RedisBroker(redis_url)


def handle(
    self: Service, message_type: type[m.Message], handler: Handler, undo: Any = None
) -> None:
    async def consume(message: m.Message) -> None:
        if isinstance(message, m.DocumentMessage):
            message = message.model_copy(update={"sequence": "000000000000001-000000"})
        result = await handler(message)
        for output in result.messages if isinstance(result, Outcome) else result:
            await self.broker.publish(output, stream=self.keys.stream(stream_of(output).name))

    consume.__annotations__["message"] = message_type
    key = self.keys.stream(stream_of(message_type).name)
    self.broker.subscriber(stream=StreamSub(key, group=self.name, consumer=self.consumer))(consume)


async def start(self: Service) -> None:
    await self.broker.start()


async def stop(self: Service) -> None:
    await self.broker.stop()
    for close in reversed(self._closing):
        await close()


if __name__ == "__main__":
    Service.__init__ = init  # type: ignore[method-assign]
    Service.handle = handle  # type: ignore[method-assign]
    Service.start = start  # type: ignore[method-assign]
    Service.stop = stop  # type: ignore[method-assign]
    Service.alive = lambda _: True  # type: ignore[method-assign]
    main()
