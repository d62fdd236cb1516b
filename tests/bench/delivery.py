"""How fast messages go, what the guarantee costs, and what many of them cost.

`python -m tests.bench.delivery [peers|replicas|backlog]`, all three by default. Every side runs in
a process of its own, on the same Valkey (append-only file on), in turn, several rounds; medians
with their range. CPU time is that of the worker alone, which other work on the machine hardly
changes. Exits with 1 where a target is missed or a message is.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import redis

from services.local.broker import EmbeddedBroker
from tests.bench.stages import KEYS, OUTPUTS, READ, WRITTEN, fill_passages

ROUNDS = 5
MESSAGES = 4000
UNDER_WAY = 64  # a side ends as it begins its last message: those beside it are not counted
REPLICAS = 8
AT_ONCE = 4
ANSWERS = 256
LEAST_SPEEDUP = 7.0
BACKLOGS = (10_000, 100_000)
PEERS = ("celery", "dramatiq", "taskiq")


def run(*args: str) -> str:
    command = [sys.executable, "-m", *args]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=1800).stdout


def worked(side: str, url: str, count: int) -> dict[str, float]:
    result: dict[str, float] = json.loads(
        run("tests.bench.stages", side, "work", url, str(count)).splitlines()[-1]
    )
    return result


def told(values: list[float], form: str = "{:,.0f}") -> str:
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{form.format(middle)} ({form.format(least)} to {form.format(most)})"


def peers(url: str, client: redis.Redis) -> bool:
    """The same stage with each library, in turn."""
    rates: dict[str, list[float]] = {side: [] for side in OUTPUTS}
    cpu: dict[str, list[float]] = {side: [] for side in OUTPUTS}
    sides = list(OUTPUTS)
    for _ in range(ROUNDS):
        for side in sides:
            client.flushall()
            run("tests.bench.stages", side, "fill", url, str(MESSAGES))
            result = worked(side, url, MESSAGES)
            key = OUTPUTS[side]
            made = client.xlen(key) if client.type(key) == b"stream" else client.llen(key)
            assert made >= MESSAGES - UNDER_WAY, f"{side} made {made} of {MESSAGES}"
            rates[side].append(result["rate"])
            cpu[side].append(result["cpu_us"])
        sides = sides[1:] + sides[:1]
    print(f"{'':12}messages/s             CPU of the worker, microseconds a message")
    for side in OUTPUTS:
        print(f"{side:12}{told(rates[side]):22} {told(cpu[side])}")
    middle = {side: statistics.median(each) for side, each in rates.items()}
    slowest = min(PEERS, key=lambda side: middle[side])
    print(f"against plain FastStream: {middle['gristmill'] / middle['faststream']:.2f}x")
    for side in PEERS:
        print(f"against {side}: {middle['gristmill'] / middle[side]:.2f}x")
    return middle["gristmill"] >= middle[slowest]


def replicas(url: str, client: redis.Redis) -> bool:
    """The same work by one replica and by eight."""
    seconds: dict[int, list[float]] = {1: [], REPLICAS: []}
    for _ in range(3):
        for count, each in seconds.items():
            client.flushall()
            command = [sys.executable, "-m", "tests.bench.replica", url, str(AT_ONCE)]
            started = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(count)]
            for process in started:
                assert process.stdout is not None
                process.stdout.readline()
            began = time.perf_counter()
            asyncio.run(fill_passages(url, ANSWERS))
            wait_until_done(client)
            each.append(time.perf_counter() - began)
            for process in started:
                process.kill()
                process.wait()
            assert client.xlen(KEYS.stream(WRITTEN.name)) == ANSWERS
    speedup = statistics.median(seconds[1]) / statistics.median(seconds[REPLICAS])
    for count, each in seconds.items():
        print(f"{ANSWERS} answers of 500 ms, {count} replicas: {told(each, '{:.1f}')} s")
    print(f"{REPLICAS} replicas against one: {speedup:.2f}x")
    return speedup >= LEAST_SPEEDUP


def backlog(url: str, client: redis.Redis) -> bool:
    """What waits in the broker, and how fast one process takes it away."""
    each: dict[int, float] = {}
    for count in BACKLOGS:
        client.flushall()
        before = client.info("memory")["used_memory"]
        asyncio.run(fill_passages(url, count))
        held = client.info("memory")["used_memory"] - before
        stream = client.memory_usage(KEYS.stream(READ.name), samples=0)
        result = worked("gristmill", url, count)
        each[count] = result["cpu_us"]
        assert client.xlen(KEYS.stream(WRITTEN.name)) >= count - UNDER_WAY
        print(
            f"backlog of {count:,}: {stream / count:,.0f} bytes a message in the stream, "
            f"{held / count:,.0f} with its ledger; drained at {result['rate']:,.0f} messages/s, "
            f"{result['cpu_us']:,.0f} microseconds of CPU each"
        )
    few, many = BACKLOGS
    ratio = each[many] * many / (each[few] * few)
    print(f"cost of {many // few}x the messages: {ratio:.2f}x")
    return ratio <= 1.2 * many / few


def wait_until_done(client: redis.Redis) -> None:
    """Until the stage has settled all that its stream was given."""
    while True:
        groups = client.xinfo_groups(KEYS.stream(READ.name))
        (mine,) = [group for group in groups if group["name"] == b"summarizer"]
        if not mine["pending"] and mine["lag"] == 0:
            return
        time.sleep(0.02)


def main() -> int:
    wanted = sys.argv[1:] or ["peers", "replicas", "backlog"]
    met = True
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f} when this began")
    with tempfile.TemporaryDirectory() as folder:
        broker = EmbeddedBroker(Path(folder))
        broker.start()
        client = redis.Redis.from_url(broker.url)
        for name in wanted:
            measure = {"peers": peers, "replicas": replicas, "backlog": backlog}[name]
            met &= measure(broker.url, client)
        broker.stop()
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
