"""A wire between the services and the broker that swallows chosen replies."""

import asyncio
import contextlib
import hashlib
import threading
from importlib.resources import files
from pathlib import Path


class Proxy:
    """Listens on a unix socket and passes everything on, but for the replies to some scripts.

    The broker carries the request out; its reply never arrives. Half of the time the connection is
    cut instead, the other half it goes silent until the client gives up.

    Args:
        broker: the broker's socket.
        scripts: names of scripts whose replies are to be swallowed.
        every: of those replies, each how-manieth.
    """

    def __init__(self, folder: Path, broker: Path, scripts: tuple[str, ...], every: int) -> None:
        self.socket = folder / "proxy.sock"
        self.swallowed = 0
        self.every = every
        self._broker = broker
        self._seen = 0
        self._marks = [
            hashlib.sha1(files("shared.delivery").joinpath(f"{name}.lua").read_bytes())
            .hexdigest()
            .encode()
            for name in scripts
        ]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        serve = asyncio.start_unix_server(self._connected, str(self.socket), limit=1 << 24)
        self._loop.run_until_complete(serve)
        self._ready.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _connected(
        self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter
    ) -> None:
        broker_in, broker_out = await asyncio.open_unix_connection(str(self._broker))
        swallowing = False

        async def forth() -> None:
            nonlocal swallowing
            while data := await client_in.read(1 << 20):
                swallowing = swallowing or self._chosen(data)
                broker_out.write(data)
                await broker_out.drain()

        async def back() -> None:
            while data := await broker_in.read(1 << 20):
                if swallowing:
                    self.swallowed += 1
                    if self.swallowed % 2:
                        return
                    await asyncio.sleep(60)
                client_out.write(data)
                await client_out.drain()

        ways = [asyncio.ensure_future(forth()), asyncio.ensure_future(back())]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        with contextlib.suppress(OSError):
            client_out.close()
            broker_out.close()

    def _chosen(self, data: bytes) -> bool:
        if not any(mark in data for mark in self._marks):
            return False
        self._seen += 1
        return self._seen % self.every == 0
