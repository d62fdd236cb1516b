"""Service processes, and the supervisor that starts again what ends."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from services.local.broker import die_with_parent
from tests.faults import worker

PIPELINE = ("extractor", "summarizer", "question_generator", "indexer", "curator")


@dataclass
class Replica:
    """One place for a process of a service.

    Attributes:
        settings: variables of its own.
        plan: where this life ends; empty where it may live on.
        plans: where the next ones do.
        codes: how the lives so far ended.
    """

    service: str
    port: int
    plans: list[str]
    settings: dict[str, str]
    plan: str = ""
    wanted: bool = True
    codes: list[int] = field(default_factory=list)
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Fleet:
    """Starts, kills and stops processes of services, and restarts what ends by itself.

    Args:
        environment: of the processes.
        folder: for their logs.
        command: what to run; the service's name and its port are added.
    """

    def __init__(
        self,
        environment: dict[str, str],
        folder: Path,
        command: Sequence[str] = (sys.executable, "-m", "tests.faults.worker", "serve"),
    ) -> None:
        self.environment = environment
        self.folder = folder
        self.command = command
        self.replicas: list[Replica] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._watcher.start()

    def start(self, *services: str, plans: Sequence[str] = (), **settings: str) -> list[Replica]:
        """Start one process of each service; its lives end as `plans` say, one after another."""
        started = [Replica(each, _free_port(), list(plans), settings) for each in services]
        with self._lock:
            for replica in started:
                self._launch(replica)
            self.replicas += started
        return started

    def of(self, service: str) -> list[Replica]:
        return [replica for replica in self.replicas if replica.service == service]

    def kill(self, replica: Replica) -> None:
        """kill -9; the supervisor starts it again."""
        _signal(replica, signal.SIGKILL)

    def pause(self, replica: Replica) -> None:
        _signal(replica, signal.SIGSTOP)

    def wake(self, replica: Replica) -> None:
        _signal(replica, signal.SIGCONT)

    def remove(self, *replicas: Replica, seconds: float = 40.0) -> None:
        """SIGTERM, as a container's stop does, and wait for the end."""
        for replica in replicas:
            replica.wanted = False
            _signal(replica, signal.SIGTERM)
        for replica in replicas:
            try:
                replica.codes.append(replica.process.wait(seconds))
            except subprocess.TimeoutExpired:
                replica.process.kill()
                raise AssertionError(f"{replica.service} did not stop in {seconds} s") from None
        with self._lock:
            self.replicas = [each for each in self.replicas if each not in replicas]

    def stop(self) -> None:
        """Stop all; safe to call twice."""
        for replica in self.replicas:
            _signal(replica, signal.SIGCONT)
        self.remove(*self.replicas)

    def close(self) -> None:
        """End all, at once."""
        self._closing.set()
        self._watcher.join()
        for replica in self.replicas:
            if replica.process.poll() is None:
                replica.process.kill()
            replica.process.wait()

    def wait_until_up(self, seconds: float = 60.0) -> None:
        """Wait until every process is ready."""
        for replica in self.replicas:
            until(lambda r=replica: answers(r, "/readyz") == 200, seconds)  # type: ignore[misc]

    def _launch(self, replica: Replica) -> None:
        replica.plan = replica.plans.pop(0) if replica.plans else ""
        with (self.folder / f"{replica.service}-{replica.port}.log").open("ab") as log:
            replica.process = subprocess.Popen(
                [*self.command, replica.service, "--port", str(replica.port)],
                env={**self.environment, **replica.settings, worker.KILL: replica.plan},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - it only makes one system call
            )

    def _watch(self) -> None:
        while not self._closing.wait(0.05):
            with self._lock:
                for replica in self.replicas:
                    code = replica.process.poll()
                    if code is not None and replica.wanted:
                        replica.codes.append(code)
                        self._launch(replica)


def answers(replica: Replica, path: str) -> int:
    """The status a process answers with, 0 where it does not."""
    try:
        return httpx.get(replica.url + path, timeout=2).status_code
    except httpx.HTTPError:
        return 0


def until(condition: Callable[[], object], seconds: float = 60.0, every: float = 0.05) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {condition}")
        time.sleep(every)


def _signal(replica: Replica, number: signal.Signals) -> None:
    if replica.process.poll() is None:
        os.kill(replica.process.pid, number)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
