"""docker-compose.yml as a user starts it, and the host's own command against it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import docker
import pytest

from tests import endpoint
from tests.e2e.pipeline import (
    IS_ROOT,
    QDRANT,
    REDIS,
    free_port,
    guide,
    handled,
    has_image,
    run_on_host,
    until,
)

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "services" / "local" / "samples"
SERVICES = {
    "extractor",
    "summarizer",
    "question-generator",
    "indexer",
    "curator",
    "trainer",
    "answerer",
}


def compose_command() -> list[str]:
    """Compose as Docker's plugin, or as the program of its own that it was before."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if plugin.returncode == 0:
        return ["docker", "compose"]
    assert shutil.which("docker-compose"), "There is neither `docker compose` nor `docker-compose`."
    return ["docker-compose"]


class Compose:
    """One project of docker-compose.yml, with ports and a folder of its own."""

    def __init__(self, engine: docker.DockerClient, home: Path) -> None:
        self.engine = engine
        self.home = home
        self.project = f"gristmill-{uuid4().hex[:8]}"
        redis, search, answer = free_port(), free_port(), free_port()
        files = ["docker-compose.yml", "tests/e2e/compose.yml"]
        if not has_image(QDRANT):
            files.append("infra/airgap/compose.yml")
        user = (
            {}
            if IS_ROOT
            else {"GRISTMILL_UID": f"{os.getuid()}", "GRISTMILL_GID": f"{os.getgid()}"}
        )
        self.environment = {
            **endpoint.environment("http://endpoint:9000/v1"),
            **user,
            "COMPOSE_FILE": ":".join(files),
            "COMPOSE_PROJECT_NAME": self.project,
            "GRISTMILL_HOME": str(self.home),
            "GRISTMILL_REDIS_IMAGE": REDIS,
            "GRISTMILL_REDIS_PORT": str(redis),
            "GRISTMILL_SEARCH_PORT": str(search),
            "GRISTMILL_ANSWER_PORT": str(answer),
            "GRISTMILL_REDIS_URL": f"redis://127.0.0.1:{redis}",
            "GRISTMILL_SEARCH_URL": f"http://127.0.0.1:{search}",
        }

    def __call__(self, *arguments: str) -> str:
        return run_on_host([*compose_command(), *arguments], self.environment, ROOT)

    def gristmill(self, *arguments: str) -> str:
        return run_on_host(
            [sys.executable, "-m", "services.cli.main", *arguments], self.environment
        )

    def finish(self, documents: int) -> None:
        def through() -> bool:
            states = json.loads(self.gristmill("status", "--json"))["documents"]
            return len(states) == documents and all(state["open"] <= 0 for state in states)

        until(f"{documents} documents are through", through)

    def containers(self, service: str) -> list[docker.models.containers.Container]:
        labels = [
            f"com.docker.compose.project={self.project}",
            f"com.docker.compose.service={service}",
        ]
        return self.engine.containers.list(filters={"label": labels})

    def healthy(self, count: int) -> bool:
        """Whether so many of our services' containers run and call themselves healthy."""
        states = [
            c.attrs["State"]["Health"]["Status"] for s in SERVICES for c in self.containers(s)
        ]
        return states == ["healthy"] * count


@pytest.fixture
def compose(engine: docker.DockerClient, tmp_path: Path) -> Iterator[Compose]:
    compose = Compose(engine, tmp_path / "home")
    try:
        compose("up", "-d")
        yield compose
        print(compose("logs", "--tail", "20"))
    finally:
        compose("down", "--volumes", "--timeout", "5")


def test_what_is_published_on_the_host_is_made_in_the_containers_and_read_on_the_host(
    compose: Compose, tmp_path: Path
) -> None:
    compose.gristmill("publish", str(SAMPLES))
    compose.finish(5)
    built = json.loads(compose.gristmill("dataset", "build", "--json"))
    assert built["version"] == 1
    rows = json.loads(compose.gristmill("dataset", "show", "--json"))
    assert {row["title"] for row in rows if row["status"] == "accepted"} >= {
        "Four depths of fine-tuning"
    }
    compose.gristmill("dataset", "export", "--output", str(tmp_path / "dataset.jsonl"))
    assert len((tmp_path / "dataset.jsonl").read_text().splitlines()) == built["accepted"] > 10
    hits = json.loads(compose.gristmill("search", "low-rank adaptation", "-k", "1", "--json"))
    assert "LoRA" in hits[0]["text"]
    until("all seven services are healthy", lambda: compose.healthy(7))

    compose("up", "-d", "--scale", "summarizer=3")
    until("all nine containers are healthy", lambda: compose.healthy(9))
    before = [handled(each) for each in compose.containers("summarizer")]
    more = tmp_path / "more"
    more.mkdir()
    for number in range(16):
        (more / f"guide-{number}.md").write_text(guide(number))
    compose.gristmill("publish", str(more))
    compose.finish(21)
    shares = [handled(c) - b for c, b in zip(compose.containers("summarizer"), before, strict=True)]
    assert sum(shares) == 16 * 3
    assert min(shares) > 0
