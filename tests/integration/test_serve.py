"""Every service in a process of its own, over one Valkey."""

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.local.apps import built_services
from shared.topology import SERVICES
from tests.integration.conftest import Gristmill

pytestmark = pytest.mark.connected


@pytest.fixture
def services(
    gristmill: Gristmill, broker_url: str, namespace: str
) -> Iterator[dict[str, tuple[subprocess.Popen[str], str]]]:
    gristmill.environment |= {
        "GRISTMILL_REDIS_URL": broker_url,
        "GRISTMILL_NAMESPACE": namespace,
    }
    started = {}
    for name in built_services():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = gristmill.start("serve", name, "--port", str(port))
        started[name] = (process, f"http://127.0.0.1:{port}")
    yield started
    for process, _ in started.values():
        process.terminate()
    for process, _ in started.values():
        process.communicate(timeout=40)


def get(url: str, seconds: float = 60) -> httpx.Response:
    """Ask until somebody answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            return httpx.get(url)
        except httpx.TransportError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def test_services_apart_do_what_they_do_together(
    gristmill: Gristmill,
    documents: Path,
    services: dict[str, tuple[subprocess.Popen[str], str]],
) -> None:
    assert set(services) == {*SERVICES, "answerer"} & set(built_services())
    report: dict[str, Any] = gristmill.json("run", str(documents))
    assert (report["accepted"], report["indexed"], report["dataset_accepted"]) == (9, 9, 9)
    for name, (_, url) in services.items():
        assert get(f"{url}/livez").status_code == 200
        assert get(f"{url}/readyz").status_code == 200
        assert get(f"{url}/version").json()["services"] == [name]
        metrics = get(f"{url}/metrics").text
        assert "process_resident_memory_bytes" in metrics
        assert (f'service="{name}"' in metrics) == (name in SERVICES)
    url = services["indexer"][1]
    hits = httpx.get(f"{url}/search", params={"q": "the keeper of the volcano", "k": 2}).json()
    assert len(hits) == 2
    assert "volcano" in hits[0]["text"]
    gristmill.environment["GRISTMILL_SEARCH_URL"] = url
    assert gristmill.json("search", "the keeper of the volcano", "-k", "2") == hits
    assert httpx.get(f"{url}/search", params={"q": " "}).status_code == 422
    assert httpx.get(f"{url}/search", params={"q": "x", "k": "many"}).status_code == 422


def test_a_service_that_is_to_end_when_idle_does_its_work_first(
    gristmill: Gristmill, documents: Path, broker_url: str, namespace: str
) -> None:
    gristmill.environment |= {
        "GRISTMILL_REDIS_URL": broker_url,
        "GRISTMILL_NAMESPACE": namespace,
        "GRISTMILL_DELIVERY__LEASE_SECONDS": "1",
        "GRISTMILL_DELIVERY__END_WHEN_IDLE_SECONDS": "2",
    }
    gristmill("publish", str(documents))
    gristmill("serve", "extractor", "--port", "0")
    states = gristmill.json("status")["documents"]
    assert [state["passages"] for state in states] == [3, 3, 3]
    gristmill.environment["GRISTMILL_DELIVERY__END_WHEN_IDLE_SECONDS"] = "0.5"
    assert "end_when_idle_seconds" in gristmill("serve", "extractor", code=1).stderr


def test_a_service_alone_says_what_it_lacks(gristmill: Gristmill) -> None:
    assert "GRISTMILL_REDIS_URL" in gristmill("serve", "extractor", code=1).stderr
    gristmill.environment["GRISTMILL_REDIS_URL"] = "redis://127.0.0.1:1"
    assert "extractor" in gristmill("serve", "nonsense", code=1).stderr


def test_a_broker_that_does_not_answer_is_an_error_that_says_so(gristmill: Gristmill) -> None:
    gristmill.environment["GRISTMILL_REDIS_URL"] = "redis://127.0.0.1:1"
    for command in (["status"], ["dead", "list"], ["publish", __file__], ["run", __file__]):
        done = gristmill(*command, code=1)
        assert "does not answer" in done.stderr
        assert "Traceback" not in done.stderr
