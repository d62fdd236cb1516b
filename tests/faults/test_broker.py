"""A broker that dies, forgets, is full, or whose replies are lost."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shared.errors import BrokerUnreachable
from shared.topology import STREAMS
from tests.faults.fleet import Replica, answers, until
from tests.faults.proxy import Proxy
from tests.faults.world import LEASE_SECONDS, World

LIVENESS_SECONDS = 5.0


def test_a_broker_killed_three_times_under_load_loses_and_doubles_nothing(world: World) -> None:
    world.serve()
    world.fleet.wait_until_up()
    for number in range(3):
        world.publish(*world.write(8))
        world.until_made("passage.summarized", 24 * number + world.random.randint(1, 12))
        world.broker.kill()
    world.settle()
    assert not [code for replica in world.fleet.replicas for code in replica.codes]
    world.assert_exact()


def test_lost_replies_to_commits_and_publications_change_nothing(world: World) -> None:
    proxy = Proxy(world.folder, world.broker.socket, ("commit", "publish", "fail"), every=9)
    proxy.start()
    try:
        world.fleet.environment["GRISTMILL_REDIS_URL"] = proxy.url
        made = world.write(12)
        world.serve()
        for document in made:
            world.publish(document, url=proxy.url)
        world.settle()
        assert proxy.swallowed >= 6
        world.assert_exact()
    finally:
        proxy.stop()


def test_a_broker_out_of_memory_and_back_costs_nothing_but_time(world: World) -> None:
    """Nothing is evicted, nobody gives up on a message, and a publisher is told."""
    world.serve()
    world.fleet.wait_until_up()
    world.publish(*world.write(8))
    world.until_made("passage.summarized", 4)
    client = world.broker.client()
    client.config_set("maxmemory", 1)
    refused = world.write(1)
    began = time.monotonic()
    with pytest.raises(BrokerUnreachable, match="memory"):
        world.publish(*refused)
    assert time.monotonic() - began > 4 * LEASE_SECONDS
    for replica in world.fleet.replicas:
        assert answers(replica, "/livez") == 200
    client.config_set("maxmemory", 0)
    world.publish(*refused)
    world.settle()
    assert not world.letters()
    world.assert_exact()


def test_a_publisher_faster_than_its_consumers_waits_and_nothing_is_refused_silently(
    world: World,
) -> None:
    high_water, in_flight = 20, 40
    world.fleet.environment |= {
        "GRISTMILL_DELIVERY__HIGH_WATER": str(high_water),
        "GRISTMILL_DELIVERY__CONCURRENCY": "2",
    }
    world.endpoint.least, world.endpoint.most = 0.02, 0.05
    world.serve()
    client = world.broker.client()
    longest = dict.fromkeys((each.name for each in STREAMS if each.groups), 0)
    for document in world.write(60, sections=2):
        world.publish(document, high_water=high_water)
        for name, most in longest.items():
            longest[name] = max(most, client.xlen(world.keys.stream(name)))
    assert longest["passage.extracted"] >= high_water
    # What was being made when a stream filled up is still written.
    assert max(longest.values()) <= high_water + in_flight, longest
    world.settle()
    world.assert_exact()


def test_a_destroyed_group_comes_back_at_its_beginning(world: World) -> None:
    """Whatever was done already is recognised, also by the count of what is open."""
    world.endpoint.least, world.endpoint.most = 0.1, 0.3
    world.publish(*world.write(10))
    world.serve()
    world.fleet.wait_until_up()
    world.until_made("passage.summarized", 6)
    for stream, group in (("passage.extracted", "summarizer"), ("passage.retracted", "indexer")):
        with ends_soon(*world.fleet.of(group)):
            world.broker.client().xgroup_destroy(world.keys.stream(stream), group)
    world.settle()
    world.assert_exact()


@contextmanager
def ends_soon(*replicas: Replica) -> Iterator[None]:
    """Liveness turns red within 5 s, and the process ends so that it is started again."""
    lives = {replica.port: len(replica.codes) for replica in replicas}

    def ended(replica: Replica) -> bool:
        return len(replica.codes) > lives[replica.port]

    yield
    end = time.monotonic() + LIVENESS_SECONDS
    for replica in replicas:
        until(
            lambda each=replica: ended(each) or answers(each, "/livez") != 200,  # type: ignore[misc]
            end - time.monotonic(),
        )
    for replica in replicas:
        until(lambda each=replica: ended(each))  # type: ignore[misc]
        assert replica.codes[-1] == 1


def test_after_everything_was_flushed_the_documents_named_are_complete_again(
    world: World,
) -> None:
    """One was edited and one cut short meanwhile, so what the stores hold of them is stale."""
    world.publish(*world.write(8))
    world.serve()
    world.fleet.wait_until_up()
    world.until_made("example.curated", 12)
    with ends_soon(*world.fleet.replicas):
        world.broker.client().flushall()
    edited, cut, *_ = world.documents
    edited.sections[1] = "item0s1v1"
    cut.sections.pop()
    edited.write()
    cut.write()
    world.fleet.wait_until_up()
    rows = reconcile(world, str(world.folder / "documents"))
    assert {row["status"] for row in rows} == {"in"}
    world.settle()
    world.assert_exact(history=False)


def test_what_a_lost_stream_held_is_made_again_from_the_stored_bodies(world: World) -> None:
    """The ledger is there and knows which documents are unfinished; only these are made anew."""
    world.publish(*world.write(4))
    world.serve()
    world.settle()
    asked = dict(world.endpoint.asked)
    world.endpoint.least = world.endpoint.most = 0.3
    world.publish(*world.write(6))
    world.until_made("passage.summarized", 12 + 4)
    with ends_soon(*world.fleet.of("question_generator")):
        world.broker.client().delete(world.keys.stream("passage.summarized"))
    world.settle()
    for document in world.documents:
        document.path.unlink()
    rows = reconcile(world)
    assert 1 <= len(rows) <= 6
    world.settle()
    world.assert_exact(history=False)
    assert asked.items() <= world.endpoint.asked.items()


def reconcile(world: World, *paths: str) -> list[dict[str, str]]:
    """`gristmill publish --reconcile`, beside the running services."""
    (indexer,) = world.fleet.of("indexer")
    until(lambda: answers(indexer, "/readyz") == 200)
    done = subprocess.run(
        [sys.executable, "-m", "services.cli.main", "publish", "--reconcile", "--json", *paths],
        env={**world.environment, "GRISTMILL_SEARCH_URL": indexer.url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, str]] = json.loads(done.stdout)
    return rows
