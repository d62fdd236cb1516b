"""A pipeline in containers: real images of our services, a real Redis, the host's own command."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import docker
import docker.errors
import redis
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from services.cli.access import Access
from shared.delivery.ledger import DocumentState
from shared.settings import Settings
from tests import endpoint
from tests.integration.conftest import TOPICS, paragraph

SERVICES = ("extractor", "summarizer", "question-generator", "indexer", "curator")
REDIS = os.environ.get("GRISTMILL_REDIS_IMAGE", "redis:7")
QDRANT = os.environ.get("GRISTMILL_QDRANT_IMAGE", "qdrant/qdrant:v1.18.0")
FOLDERS = ("blobs", "dataset", "index", "models", "runs")
IS_ROOT = os.getuid() == 0
DEADLINE_SECONDS = 600
ASK = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())"


def image_of(service: str) -> str:
    return f"gristmill-{service}:local"


def has_image(name: str) -> bool:
    try:
        docker.from_env().images.get(name)
    except docker.errors.ImageNotFound:
        return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(what: str, holds: Callable[[], Any], seconds: float = DEADLINE_SECONDS) -> Any:
    """Wait until something holds and return it; `holds` may raise what comes of a broker away."""
    end = time.monotonic() + seconds
    while True:
        try:
            if found := holds():
                return found
        except (redis.ConnectionError, redis.TimeoutError) as error:
            found = error
        assert time.monotonic() < end, f"waited {seconds} s in vain: {what} (last: {found!r})"
        time.sleep(0.5)


def guide(number: int, sections: int = 3) -> str:
    """A Markdown document of so many passages, different from every other."""
    parts = [f"## The {t}\n\n{paragraph(t, number)}" for t in TOPICS[:sections]]
    return f"# Guide {number}\n\n" + "\n\n".join(parts)


def make_home(folder: Path) -> Path:
    """Make the folder that the host and the containers share.

    Where root runs the tests, the containers still do not run as root: all may write then.
    """
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
        (folder / name).chmod(0o777)
    return folder


def run_on_host(command: list[str], environment: dict[str, str], folder: Path | None = None) -> str:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
        umask=0 if IS_ROOT else -1,
    )
    assert done.returncode == 0, f"{command} exits {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Pipeline:
    """Containers in a network of their own; `with Pipeline(home) as pipeline`.

    Args:
        home: the folder shared with the host.
        latency: seconds the model endpoint takes for an answer; None for the default weights
            in place of an endpoint.
        settings: environment variables for all services.
    """

    def __init__(self, home: Path, latency: float | None = 0.0, **settings: str) -> None:
        self.home = make_home(home)
        self.latency = latency
        self.models = {} if latency is None else endpoint.environment("http://endpoint:9000/v1")
        self.settings = settings
        self.redis_port = free_port()
        self.url = f"redis://127.0.0.1:{self.redis_port}"
        self.network = Network()
        self.search_port = 0
        self._numbers = itertools.count()
        self._exits = ExitStack()
        self._containers: list[tuple[str, DockerContainer]] = []

    def __enter__(self) -> Self:
        self._exits.enter_context(self.network)
        server = DockerContainer(REDIS).with_bind_ports(6379, self.redis_port)
        server.with_command(
            "redis-server --appendonly yes --save '' --dir /data --protected-mode no"
        )
        self.redis = self._started(server, "redis")
        self.client = redis.Redis.from_url(self.url)
        until("Redis answers", self.client.ping)
        if self.latency is not None:
            file = str(Path(endpoint.__file__))
            stub = DockerContainer(image_of("extractor"))
            stub.with_command(["python3", "/endpoint.py", str(self.latency), "9000"])
            self._started(stub.with_volume_mapping(file, "/endpoint.py"), "endpoint")
        if has_image(QDRANT):
            self._started(DockerContainer(QDRANT), "qdrant")
        return self

    def __exit__(self, *_: object) -> None:
        for name, container in self._containers:
            said = container.get_wrapped_container().logs(tail=20).decode()
            print(f"--- {name}\n{said}")  # pytest shows it where a test fails
        self._exits.close()

    def _started(self, container: DockerContainer, alias: str) -> DockerContainer:
        container.with_network(self.network).with_network_aliases(alias)
        self._exits.enter_context(container)
        self._containers.append((alias, container))
        return container

    def start(self, service: str) -> DockerContainer:
        """Start one more container of a service, kept as strictly as by docker-compose.yml."""
        container = (
            DockerContainer(image_of(service))
            .with_tmpfs_mount("/tmp")
            .with_kwargs(
                read_only=True,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges:true"],
                restart_policy={"Name": "unless-stopped"},
                init=True,
                user=None if IS_ROOT else f"{os.getuid()}:{os.getgid()}",
            )
        )
        index = "http://qdrant:6333" if has_image(QDRANT) else "/data/index"
        container.with_envs(
            GRISTMILL_REDIS_URL="redis://redis:6379",
            GRISTMILL_INDEXER_INDEX=index,
            **self.models,
            **self.settings,
        )
        for name in FOLDERS:
            container.with_volume_mapping(str(self.home / name), f"/data/{name}", "rw")
        if service == "indexer":
            container.with_exposed_ports(8000)
        started = self._started(container, service)
        if service == "indexer":
            self.search_port = started.get_exposed_port(8000)
        return started

    def start_all(self) -> dict[str, DockerContainer]:
        return {service: self.start(service) for service in SERVICES}

    def gristmill(self, *arguments: str) -> str:
        """Run the command on the host, against the containers."""
        environment = {
            "GRISTMILL_HOME": str(self.home),
            "GRISTMILL_REDIS_URL": self.url,
            "GRISTMILL_SEARCH_URL": f"http://127.0.0.1:{self.search_port}",
            **self.models,
        }
        return run_on_host([sys.executable, "-m", "services.cli.main", *arguments], environment)

    def submit(self, *documents: str) -> None:
        """Publish Markdown as a program in any language would."""
        for text in documents:
            uri = f"test:{next(self._numbers)}"
            fields = {"uri": uri, "text": text, "media_type": "text/markdown"}
            self.client.xadd("{gristmill}:document.submitted", fields)

    def documents(self) -> list[DocumentState]:
        async def states() -> list[DocumentState]:
            access = Access.to(Settings(), self.url, served=True)
            async with access.publisher:
                return [state async for state in access.ledger.all()]

        return asyncio.run(states())

    def made(self, what: str) -> int:
        return sum(state.now[what] for state in self.documents())

    def finish(self, count: int) -> None:
        """Wait until so many documents are through everything."""

        def through() -> bool:
            states = self.documents()
            return len(states) == count and all(s.sequence and s.open <= 0 for s in states)

        until(f"{count} documents are through", through)

    def rows(self) -> list[dict[str, Any]]:
        """Build a dataset version and return its rows."""
        self.gristmill("dataset", "build")
        rows: list[dict[str, Any]] = json.loads(self.gristmill("dataset", "show", "--json"))
        return rows

    def found(self, query: str, k: int) -> list[dict[str, Any]]:
        hits: list[dict[str, Any]] = json.loads(
            self.gristmill("search", query, "-k", str(k), "--json")
        )
        return hits


def is_ready(container: docker.models.containers.Container) -> bool:
    """Whether a service's container calls itself ready."""
    code, _ = container.exec_run(["python3", "-c", ASK, "http://127.0.0.1:8000/readyz"])
    return bool(code == 0)


def handled(container: docker.models.containers.Container) -> int:
    """How many messages a service's container has brought to their end, by its own metrics."""
    _, said = container.exec_run(["python3", "-c", ASK, "http://127.0.0.1:8000/metrics"])
    found = re.findall(
        r'^gristmill_deliveries_total\{.*verdict="done".*\} (\S+)$', said.decode(), re.MULTILINE
    )
    return int(sum(map(float, found)))
