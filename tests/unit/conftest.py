"""Fixtures the unit tests share."""

from collections.abc import Iterator

import pytest

from tests.unit.stub import Stub


@pytest.fixture
def stub() -> Iterator[Stub]:
    made = Stub()
    yield made
    made.server.shutdown()
    made.server.server_close()
