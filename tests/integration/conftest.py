"""The `gristmill` command as a user runs it, over a model endpoint that can be foretold."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.endpoint import Endpoint

TOPICS = [
    "lighthouse",
    "glacier",
    "orchard",
    "violin",
    "harbour",
    "volcano",
    "compass",
    "meadow",
    "telescope",
    "bakery",
]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    endpoint.start()
    yield endpoint
    endpoint.stop()


class Gristmill:
    """Runs the command in a home folder of its own."""

    def __init__(self, home: Path, endpoint: Endpoint) -> None:
        self.home = home
        self.environment = {
            **os.environ,
            **endpoint.environment(),
            "GRISTMILL_HOME": str(home),
            "GRISTMILL_DELIVERY__BACKOFF_SECONDS": "0.1",
        }

    def start(self, *args: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "services.cli.main", *args],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        process = self.start(*args)
        out, err = process.communicate(timeout=100)
        assert process.returncode == code, f"exit {process.returncode}: {out}\n{err}"
        return subprocess.CompletedProcess(args, process.returncode, out, err)

    def json(self, *args: str, code: int = 0) -> Any:
        return json.loads(self(*args, "--json", code=code).stdout)

    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.json("dataset", "show")
        return rows


@pytest.fixture
def gristmill(tmp_path: Path, endpoint: Endpoint) -> Gristmill:
    return Gristmill(tmp_path / "home", endpoint)


def paragraph(topic: str, number: int = 0) -> str:
    """A paragraph of its own section's size, different from every other."""
    facts = [
        f"The {topic} number {number} was described by the surveyor of the district {number}.",
        f"It stands {number + 12} metres above the valley and took {number + 3} years to finish.",
        f"People who visit the {topic} usually arrive by the eastern road before the morning fog.",
        f"Its keeper writes a report about the {topic} every week and sends it to the archive.",
        "The archive keeps the reports in grey boxes and lends them to anybody who asks politely.",
    ]
    return " ".join(facts)


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Three Markdown documents of three sections each."""
    folder = tmp_path / "documents"
    folder.mkdir()
    for number, start in enumerate((0, 3, 6)):
        sections = "\n\n".join(
            f"## The {topic}\n\n{paragraph(topic, number)}" for topic in TOPICS[start : start + 3]
        )
        (folder / f"guide-{number}.md").write_text(f"# Guide {number}\n\n{sections}\n")
    return folder
