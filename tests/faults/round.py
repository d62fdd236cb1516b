"""A round of everything at once, by chance: what `make soak` plays over and over."""

import time
from collections import Counter

from tests.faults.fleet import Replica, until
from tests.faults.test_edits import edit
from tests.faults.world import LEASE_SECONDS, World

SCALED = ("extractor", "summarizer", "question_generator", "curator")
POINTS = ("before", "during", "effect", "committed")
FULL_SECONDS = 2.0


class Round:
    """Publishes, edits and removes documents while workers and the broker suffer.

    Args:
        world: fresh; its seed decides what happens.
        steps: how many things happen.
    """

    def __init__(self, world: World, steps: int = 14) -> None:
        self.world = world
        self.random = world.random
        self.steps = steps
        self.happened: Counter[str] = Counter()

    def play(self) -> None:
        """Let it happen, heal everything, and wait until all is settled."""
        world = self.world
        world.endpoint.least, world.endpoint.most = 0.02, 0.2
        for service in (*SCALED, *SCALED, "indexer"):
            world.fleet.start(service, plans=[f"{point}:{n}" for point, n in self._plans()])
        world.publish(*world.write(8))
        for _ in range(self.steps):
            what = self.random.choices(
                [self.publish, self.edit, self.remove, self.kill, self.freeze,
                 self.kill_broker, self.fill_broker, self.destroy_group],
                weights=[4, 4, 1, 4, 2, 1, 1, 1],
            )[0]  # fmt: skip
            what()
            self.happened[what.__name__] += 1
            time.sleep(self.random.uniform(0.2, 1.5))
        world.settle()

    def publish(self) -> None:
        self.world.publish(*self.world.write(self.random.randint(1, 4)))

    def edit(self) -> None:
        for document in self.random.sample(self.world.documents, 3):
            if document.sections:  # one that was removed stays so
                edit(document, self.happened["edit"] + 1, self.random)
                self.world.publish(document)

    def remove(self) -> None:
        self.world.remove(self.random.choice(self.world.documents))

    def kill(self) -> None:
        self.world.fleet.kill(self._anyone())

    def freeze(self) -> None:
        replica = self._anyone()
        self.world.fleet.pause(replica)
        time.sleep(LEASE_SECONDS + self.random.uniform(0, 1.5))
        self.world.fleet.wake(replica)

    def kill_broker(self) -> None:
        self.world.broker.kill()

    def fill_broker(self) -> None:
        client = self.world.broker.client()
        client.config_set("maxmemory", 1)
        time.sleep(FULL_SECONDS)
        client.config_set("maxmemory", 0)

    def destroy_group(self) -> None:
        key = self.world.keys.stream("passage.extracted")
        client = self.world.broker.client()
        until(lambda: client.exists(key))
        client.xgroup_destroy(key, "summarizer")

    def _anyone(self) -> Replica:
        return self.random.choice(self.world.fleet.replicas)

    def _plans(self) -> list[tuple[str, int]]:
        return [
            (self.random.choice(POINTS), self.random.randint(2, 12))
            for _ in range(self.random.randint(0, 2))
        ]
