"""The home folder: who runs a stack in it, and how to reach that stack."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from shared.errors import HomeInUse


@dataclass(frozen=True)
class RunningStack:
    """A local stack that is up.

    Attributes:
        pid: its process.
        redis_url: its broker.
        http_socket: unix socket on which it answers HTTP.
    """

    pid: int
    redis_url: str
    http_socket: str


class Home:
    """The folder that holds all state of the embedded default."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._lock: int | None = None

    def lock(self) -> int:
        """Take the folder for this process; returns the descriptor that holds the lock.

        Raises:
            HomeInUse: another process has it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        ignore = self.folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise HomeInUse(
                f"Another process runs a stack in {self.folder}.",
                "Wait for it, stop it, or set GRISTMILL_HOME to another folder.",
            ) from error
        self._lock = descriptor
        return descriptor

    def unlock(self) -> None:
        """Give the folder back."""
        self._runtime.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def announce(self, stack: RunningStack) -> None:
        """Write down how to reach the stack of this process."""
        partial = self._runtime.with_suffix(".tmp")
        partial.write_text(json.dumps(asdict(stack)))
        partial.replace(self._runtime)

    def running(self) -> RunningStack | None:
        """Return the stack that is up in this folder, or None; a dead one's traces do not count."""
        try:
            stack = RunningStack(**json.loads(self._runtime.read_text()))
            os.kill(stack.pid, 0)
        except (OSError, ValueError, TypeError):
            return None
        return stack if Path(stack.http_socket).exists() else None

    @property
    def _runtime(self) -> Path:
        return self.folder / "runtime.json"
