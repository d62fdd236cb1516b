"""A Valkey that is killed and comes back, and what its own file says was ever written to it."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import redis

from services.local.broker import EmbeddedBroker


class Broker(EmbeddedBroker):
    """The product's broker (append-only file on), with hands on its throat."""

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=10)

    def kill(self) -> None:
        """kill -9, then start again with what its file holds."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.start()

    def published(self) -> Iterator[tuple[str, dict[bytes, bytes]]]:
        """Every XADD there ever was, as (stream, fields), read from the append-only file.

        Scripts are written there as the commands they ran, so this tells of messages that were
        consumed and deleted long since.
        """
        for file in sorted((self.folder / "appendonlydir").glob("*.incr.aof")):
            for command in _commands(file):
                if command[0].upper() == b"XADD":
                    yield _added(command)


def _commands(file: Path) -> Iterator[list[bytes]]:
    """The commands in an append-only file; a last one that a kill cut off is left out."""
    data = file.read_bytes()
    at = 0
    while at < len(data):
        end = data.index(b"\r\n", at)
        if data[at : at + 1] == b"#":  # an annotation
            at = end + 2
            continue
        count = int(data[at + 1 : end])
        at = end + 2
        words = []
        for _ in range(count):
            end = data.find(b"\r\n", at)
            if end < 0:
                return
            length = int(data[at + 1 : end])
            words.append(data[end + 2 : end + 2 + length])
            at = end + 2 + length + 2
        if at > len(data):
            return
        yield words


def _added(command: list[bytes]) -> tuple[str, dict[bytes, bytes]]:
    """(stream, fields) of `XADD key [MAXLEN [=|~] n [LIMIT n]] id field value...`."""
    words = command[2:]
    while words[0].isdigit() or words[0].upper() in {b"MAXLEN", b"MINID", b"LIMIT", b"=", b"~"}:
        words = words[1:]
    return command[1].decode(), dict(zip(words[1::2], words[2::2], strict=True))
