"""Fixtures every suite may use."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import hypothesis  # noqa: F401 - else its plugin imports it at the very end, which 3.11 may refuse
import pytest

from services.local.broker import EmbeddedBroker


@pytest.fixture(scope="session")
def broker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Valkey, shared by the session; tests keep apart by namespace."""
    broker = EmbeddedBroker(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker.url
    broker.stop()


@pytest.fixture
def namespace() -> str:
    return f"test-{uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def data() -> Path:
    """The measuring data, where this machine has it."""
    folder = Path(os.environ.get("GRISTMILL_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "squad").is_dir():
        pytest.skip(f"needs the measuring data; {folder} does not hold it (set GRISTMILL_DATA)")
    return folder
