"""Workers that die, freeze, come and go."""

import signal
import time

from tests.faults.fleet import PIPELINE, Replica, until
from tests.faults.world import LEASE_SECONDS, World

MODEL_CALLERS = ("summarizer", "question_generator", "indexer")


def died_as_planned(replica: Replica) -> bool:
    return not replica.plan and not replica.plans


def settle_after_all_died(world: World) -> None:
    """Settle; where chance did not lead a process to its points, with more documents."""
    world.settle()
    for _ in range(8):
        if all(map(died_as_planned, world.fleet.replicas)):
            break
        world.publish(*world.write(6))
        world.settle()


def test_workers_killed_at_every_point_of_their_handlers_lose_and_double_nothing(
    world: World,
) -> None:
    """Every service dies once at each point; see tests/faults/worker.py for where they lie."""
    world.endpoint.failures = 0.2
    world.publish(*world.write(14))
    for service in PIPELINE:
        points = ["before", "during", "effect", "committed"]
        if service in MODEL_CALLERS:
            points.append("failing")
        world.random.shuffle(points)
        most = 2 if service == "extractor" else 3
        plans = [f"{point}:{world.random.randint(1, most)}" for point in points]
        world.fleet.start(service, plans=plans)
    settle_after_all_died(world)
    for replica in world.fleet.replicas:
        assert died_as_planned(replica), (replica.service, replica.plan, replica.plans)
        assert set(replica.codes) == {-signal.SIGKILL}
    world.assert_exact()
    assert not world.letters()


def test_index_and_dataset_killed_in_the_middle_of_a_write_are_whole(world: World) -> None:
    world.fleet.environment |= {
        "GRISTMILL_INDEXER_UPSERT_BATCH_SIZE": "1",
        "GRISTMILL_CURATOR_BATCH_SIZE": "1",
    }
    world.publish(*world.write(14))
    world.serve("extractor", "summarizer", "question_generator")
    for service in ("indexer", "curator"):
        plans = [f"write:{world.random.randint(1, 3)}" for _ in range(5)]
        world.fleet.start(service, plans=plans)
    settle_after_all_died(world)
    for service in ("indexer", "curator"):
        assert died_as_planned(world.fleet.of(service)[0])
    world.assert_exact()


def test_an_owner_that_froze_past_its_lease_and_woke_changes_nothing(world: World) -> None:
    """Whoever holds messages is stopped until another has taken them over."""
    world.endpoint.least, world.endpoint.most = 0.2, 0.4
    world.serve("extractor", "question_generator", "indexer", "curator")
    frozen, _ = world.fleet.start("summarizer", "summarizer")
    for _ in range(3):
        world.publish(*world.write(6))
        until(lambda: world.held_by(frozen))
        world.fleet.pause(frozen)
        assert world.held_by(frozen)
        until(lambda: not world.held_by(frozen))
        time.sleep(world.random.uniform(0, LEASE_SECONDS))
        world.fleet.wake(frozen)
    world.settle()
    world.assert_exact()


def test_a_job_three_times_as_long_as_the_lease_runs_once(world: World) -> None:
    """Also one that has to wait for its turn: there are more of them than run at once."""
    world.endpoint.failures = 0
    world.endpoint.least = world.endpoint.most = 3 * LEASE_SECONDS
    patient = {"GRISTMILL_GENERATION_ENDPOINT_TIMEOUT_SECONDS": "60"}
    world.fleet.environment |= patient
    world.publish(*world.write(8))
    world.serve("extractor", "summarizer", "summarizer")
    until(lambda: world.made("passage.summarized") == 24, 60)
    assert set(world.endpoint.asked.values()) == {1}
    assert len(world.endpoint.asked) == 24
    world.endpoint.least = world.endpoint.most = 0
    world.serve("question_generator", "indexer", "curator")
    world.settle()
    world.assert_exact()


def test_sigterm_with_a_full_backlog_ends_soon_and_hands_everything_back(world: World) -> None:
    """Handlers that do not finish in time are handed back at once, not when their lease ends."""
    world.fleet.environment["GRISTMILL_DELIVERY__LEASE_SECONDS"] = "600"
    world.fleet.environment["GRISTMILL_DELIVERY__GRACEFUL_SECONDS"] = "1"
    world.fleet.environment["GRISTMILL_GENERATION_ENDPOINT_TIMEOUT_SECONDS"] = "60"
    world.endpoint.failures = 0
    world.publish(*world.write(12))
    world.serve()
    world.until_made("passage.extracted", 36)
    world.endpoint.least = world.endpoint.most = 8.0  # longer than a stopping service waits
    until(lambda: world.endpoint.asked.total() >= 8)
    began = time.monotonic()
    world.fleet.stop()
    assert time.monotonic() - began < 8
    world.endpoint.least, world.endpoint.most = 0.0, 0.05
    world.serve()
    world.settle()
    world.assert_exact()


def test_scaled_from_one_to_four_and_back_over_a_cold_start(world: World) -> None:
    """Published before any group exists; the indexer's embedded index is one process's alone."""
    scaled = ("extractor", "summarizer", "question_generator", "curator")
    world.endpoint.least, world.endpoint.most = 0.05, 0.2
    world.publish(*world.write(12))
    world.serve()
    world.until_made("passage.summarized", 3)
    more = [replica for _ in range(3) for replica in world.fleet.start(*scaled)]
    world.publish(*world.write(12))
    until(lambda: world.made("passage.summarized") >= 40)
    world.fleet.remove(*more)
    world.publish(*world.write(4))
    world.settle()
    world.assert_exact()
