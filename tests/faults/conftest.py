"""Every case runs in a world of its own; its seed is printed and can be given again."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.world import World

SEED = "GRISTMILL_FAULT_SEED"


@pytest.fixture
def seed(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> int:
    chosen = int(os.environ.get(SEED) or random.SystemRandom().randrange(1_000_000))
    with capsys.disabled():
        print(f"\n{request.node.name}: {SEED}={chosen}", flush=True)
    return chosen


@pytest.fixture
def make_world(tmp_path: Path, seed: int) -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def make(**settings: str) -> World:
        made.append(World(tmp_path / f"world-{len(made)}", seed, **settings))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()
