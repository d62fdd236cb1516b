"""The benches are run by hand, so nothing else would notice that one no longer loads."""

import importlib
from pathlib import Path

import pytest

BENCHES = sorted(
    path.stem for path in (Path(__file__).parents[2] / "bench").glob("*.py") if path.stem[0] != "_"
)


@pytest.mark.parametrize("name", BENCHES)
def test_a_bench_loads(name):
    assert importlib.import_module(f"tests.bench.{name}").__doc__
