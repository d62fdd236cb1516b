"""Fixtures of the tests on containers. `make e2e` sees to the engine and the images first."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import docker
import docker.errors
import pytest
from testcontainers.core.config import testcontainers_config

from tests.e2e.pipeline import Pipeline

# It is one more image to pull, for what `with` does already.
testcontainers_config.ryuk_disabled = True

StartPipeline = Callable[..., Pipeline]


@pytest.fixture(scope="session", autouse=True)
def engine() -> docker.DockerClient:
    """The Docker engine. These tests fail without one: skipped, nobody would miss them."""
    try:
        client = docker.from_env()
        client.ping()
    except docker.errors.DockerException as error:
        pytest.fail(f"No Docker engine answers; `make e2e` tells what to do: {error}")
    return client


@pytest.fixture
def start_pipeline(tmp_path: Path) -> Iterator[StartPipeline]:
    """Start a pipeline, without services yet, for the length of the test."""
    with ExitStack() as exits:
        yield lambda **about: exits.enter_context(Pipeline(tmp_path / "home", **about))
