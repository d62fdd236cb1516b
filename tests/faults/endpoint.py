"""The model endpoint of the tests, with moods: late, failing, hanging, cutting the line.

What happens to a request follows from the seed, the request and how often it was made, so that a
round can be played again whatever order its requests come in.
"""

import collections
import hashlib
import json
import random
import time
from typing import Any

from tests.endpoint import Cut, Endpoint, Refused
from tests.faults.documents import names_in


class MoodyEndpoint(Endpoint):
    """Fails `failures` of all requests, one way or another, and takes up to `latency` seconds.

    Attributes:
        asked: how often a summary of each named passage was asked for.
        refuses: names of passages that it refuses for good.
    """

    def __init__(self, seed: int, latency: float = 0.05, failures: float = 0.08) -> None:
        super().__init__()
        self.seed = seed
        self.most = latency
        self.least = 0.0
        self.failures = failures
        self.hang_seconds = 1.0
        self.asked: collections.Counter[str] = collections.Counter()
        self.refuses: set[str] = set()
        self._tries: collections.Counter[str] = collections.Counter()

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        said = json.dumps(body, sort_keys=True)
        names = names_in(said)
        key = hashlib.sha256(said.encode()).hexdigest()
        with self._lock:
            self._tries[key] += 1
            if "messages" in body and "Write the question" not in said:
                self.asked.update(names)
        rng = random.Random(f"{self.seed} {key} {self._tries[key]}")
        time.sleep(rng.uniform(self.least, max(self.least, self.most)))
        if names & self.refuses and "messages" in body:
            raise Refused(400)
        # The embedder asks for one vector when it is opened: a service that cannot start is
        # another case than one whose messages fail.
        if names and rng.random() < self.failures:
            self._fail(rng)
        return super().answer(path, body)

    def _fail(self, rng: random.Random) -> None:
        mood = rng.choice(["busy", "broken", "cut", "hang"])
        if mood == "cut":
            raise Cut
        if mood == "hang":
            time.sleep(self.hang_seconds)
        raise Refused(429 if mood == "busy" else 503)
