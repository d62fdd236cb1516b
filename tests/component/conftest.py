"""Servers that component tests talk to, where they can be had."""

import os
import time
from collections.abc import Iterator

import docker
import docker.errors
import httpx
import pytest
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

IMAGE = os.environ.get("GRISTMILL_QDRANT_IMAGE", "qdrant/qdrant:v1.18.0")
START_SECONDS = 120


@pytest.fixture(scope="session")
def qdrant_url() -> Iterator[str]:
    """A Qdrant server: the one that is named, or a container where Docker has its image."""
    if named := os.environ.get("GRISTMILL_TEST_QDRANT_URL"):
        yield named
        return
    try:
        docker.from_env().images.get(IMAGE)
    except docker.errors.DockerException:
        pytest.skip(f"needs a Qdrant server: set GRISTMILL_TEST_QDRANT_URL, or pull {IMAGE}")
    testcontainers_config.ryuk_disabled = True
    with DockerContainer(IMAGE).with_exposed_ports(6333) as server:
        url = f"http://{server.get_container_host_ip()}:{server.get_exposed_port(6333)}"
        end = time.monotonic() + START_SECONDS
        while not _ready(url):
            assert time.monotonic() < end, f"the Qdrant server at {url} does not get ready"
            time.sleep(0.5)
        yield url


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").is_success
    except httpx.TransportError:
        return False
