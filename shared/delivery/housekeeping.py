"""What keeps the streams bounded: trimming, waiting at the high-water mark, dead consumers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from typing import Any

import structlog
from redis.exceptions import RedisError

from shared.delivery.scripts import Scripts
from shared.delivery.settings import DeliverySettings
from shared.errors import BrokerUnreachable
from shared.telemetry import BACKLOG, DEAD_LETTERS, OLDEST_PENDING_SECONDS, PENDING
from shared.topology import STREAMS, read_by, written_by

log = structlog.get_logger()

EVERY_SECONDS = 5.0
ROOM_SECONDS = 0.25
FORGOTTEN_AFTER_LEASES = 60


class Housekeeping:
    """The recurring chores of one service."""

    def __init__(self, service: str, scripts: Scripts, settings: DeliverySettings) -> None:
        self.service = service
        self.scripts = scripts
        self.settings = settings
        self.reads = read_by(service)
        self.bounded = [stream for stream in written_by(service) if stream.groups]
        self._room_until = 0.0

    async def run(self) -> None:
        """Do the chores for ever."""
        while True:
            try:
                for stream in self.reads:
                    await self.scripts.trim(stream.name, stream.groups)
                    await self.look_at(stream.name)
            except (BrokerUnreachable, RedisError, OSError) as error:
                log.warning("housekeeping waits", error=str(error))
            await asyncio.sleep(EVERY_SECONDS)

    async def room(self) -> None:
        """Return once every stream this service writes to has room: the backpressure."""
        while time.monotonic() > self._room_until:
            full = [s.name for s in self.bounded if not await self._has_room(s.name, s.groups)]
            if not full:
                self._room_until = time.monotonic() + ROOM_SECONDS
                return
            log.debug("waits for room", streams=full)
            await asyncio.sleep(ROOM_SECONDS)

    def written(self, longest: int) -> None:
        """Take note of how long the longest stream was that has just been written to."""
        if longest >= self.settings.high_water:
            self._room_until = 0.0

    async def _has_room(self, name: str, groups: tuple[str, ...]) -> bool:
        key = self.scripts.keys.stream(name)
        if await self.scripts.client.xlen(key) < self.settings.high_water:
            return True
        await self.scripts.trim(name, groups)
        return int(await self.scripts.client.xlen(key)) < self.settings.high_water

    async def look_at(self, name: str) -> None:
        """Bring the metrics of a stream up to date; forget consumers that are long gone."""
        key = self.scripts.keys.stream(name)
        client = self.scripts.client
        for group in await client.xinfo_groups(key):
            if group["name"].decode() == self.service:
                pending, lag = group["pending"], group["lag"]
                if lag is None:  # as long as the entry delivered last is the one deleted last
                    lag = await client.xlen(key) - pending
                BACKLOG.labels(self.service, name).set(lag)
                PENDING.labels(self.service, name).set(pending)
                OLDEST_PENDING_SECONDS.labels(self.service, name).set(await self._oldest(key))
        DEAD_LETTERS.labels(name).set(await client.xlen(self.scripts.keys.dead(name)))
        forgotten = self.settings.lease_seconds * FORGOTTEN_AFTER_LEASES * 1000
        for consumer in await client.xinfo_consumers(key, self.service):
            if consumer["pending"] == 0 and consumer["idle"] > forgotten:
                await client.xgroup_delconsumer(key, self.service, consumer["name"])

    async def _oldest(self, key: str) -> float:
        """Return the age of the oldest pending entry in seconds, by the broker's clock."""
        first = (await self.scripts.client.xpending(key, self.service))["min"]
        if first is None:
            return 0.0
        seconds, microseconds = await self.scripts.client.time()
        appended = int(first.partition(b"-")[0]) / 1000
        return max(float(seconds + microseconds / 1e6 - appended), 0.0)


async def drained(scripts: Scripts, services: Collection[str]) -> bool:
    """Whether these services have been given and have settled all that their streams hold."""
    for stream in STREAMS:
        if not set(stream.groups) & set(services):
            continue
        key = scripts.keys.stream(stream.name)
        newest = (await scripts.client.xinfo_stream(key))["last-generated-id"]
        for group in await scripts.client.xinfo_groups(key):
            mine = group["name"].decode() in services
            if mine and (group["pending"] or group["last-delivered-id"] != newest):
                return False
    return True


async def release_all(scripts: Scripts) -> int:
    """Make every pending entry of every group reclaimable at once; returns how many there were.

    For a local stack that has just started: whoever held them is gone, so there is no lease to
    wait for.
    """
    released = 0
    for stream in STREAMS:
        key = scripts.keys.stream(stream.name)
        for group in stream.groups:
            held: list[dict[str, Any]] = await scripts.client.xpending_range(
                key, group, "-", "+", 1_000_000
            )
            for parked in (True, False):  # a retry stays one
                ids = [e["message_id"] for e in held if (e["consumer"] == b"parked") == parked]
                for start in range(0, len(ids), 1000):
                    await scripts.client.xclaim(
                        key,
                        group,
                        "parked" if parked else "released",
                        0,
                        ids[start : start + 1000],
                        idle=365 * 24 * 3600 * 1000,
                        justid=True,
                    )
            released += len(held)
    return released
