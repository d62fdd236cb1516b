"""Runs as folders: all that is known of a run lies in its own, and anyone may look."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from shared.errors import GristmillError
from shared.runs import REQUEST_FILE, find, folders, is_name

Status = Literal["waiting", "running", "completed", "failed", "cancelled"]
ENDED: tuple[Status, ...] = ("completed", "failed", "cancelled")
TAIL_BYTES = 8192


class RunIsBusy(GristmillError):
    """The run is under way and cannot be changed."""


class RunNameInvalid(GristmillError):
    """The name cannot be a run's."""


class RunFolder:
    """The folder of one run.

    Whether it runs is told by a lock that its trainer and the child hold: a crash lets go of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.log = path / "output.log"

    def exists(self) -> bool:
        """Whether anybody has asked for this run."""
        return (self.path / REQUEST_FILE).is_file()

    @property
    def asked(self) -> float:
        """When it was last asked for, in seconds since 1970; 0 where that is not known."""
        with suppress(OSError):
            return (self.path / REQUEST_FILE).stat().st_mtime
        return 0.0

    def create(self, request: Mapping[str, Any]) -> None:
        """Make the folder and write down what is asked for; again is no harm."""
        self.path.mkdir(parents=True, exist_ok=True)
        _write(self.path / REQUEST_FILE, request)

    def request(self) -> dict[str, Any]:
        """Return what was asked for; empty where nothing readable is there."""
        return _read(self.path / REQUEST_FILE) or {}

    def status(self) -> Status:
        """Return how the run stands."""
        result = self.result()
        if result is not None:
            status: Status = result["status"]
            return status
        if self.running():
            return "running"
        return "cancelled" if self.cancel_requested() else "waiting"

    def lock(self) -> int | None:
        """Take the run; returns the descriptor that holds it, or None where another has it."""
        descriptor = self._locked(fcntl.LOCK_EX)
        if descriptor is None:
            return None
        with suppress(FileNotFoundError):
            if os.fstat(descriptor).st_ino == self._lock.stat().st_ino:
                return descriptor
        os.close(descriptor)  # the folder was deleted meanwhile
        return None

    def running(self) -> bool:
        """Whether somebody works on it."""
        if not self._lock.exists():
            return False
        descriptor = self._locked(fcntl.LOCK_SH)
        if descriptor is None:
            return True
        os.close(descriptor)
        return False

    def add_progress(self, line: Mapping[str, Any]) -> None:
        """Append one line of progress."""
        with (self.path / "progress.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": time.time(), **line}) + "\n")

    def progress(self, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Return the lines of progress after `offset`, and the offset to go on from."""
        try:
            with (self.path / "progress.jsonl").open("rb") as file:
                file.seek(offset)
                whole = file.read().rpartition(b"\n")[0]
        except FileNotFoundError:
            return [], offset
        lines = []
        for line in whole.splitlines():
            with suppress(ValueError):
                parsed = json.loads(line)
                if isinstance(parsed, dict):
                    lines.append(parsed)
        return lines, offset + len(whole) + bool(whole)

    def result(self) -> dict[str, Any] | None:
        """Return the result, or None where there is none yet."""
        result = _read(self.path / "result.json")
        return result if result and result.get("status") in ENDED else None

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write the result, whole or not at all."""
        _write(self.path / "result.json", result)

    def request_cancel(self) -> None:
        """Let whoever works on it, or would, know that it shall end."""
        (self.path / "cancel").touch()

    def cancel_requested(self) -> bool:
        """Whether somebody wants it cancelled."""
        return (self.path / "cancel").exists()

    def forget_cancel(self) -> None:
        """Take an earlier wish to cancel back."""
        (self.path / "cancel").unlink(missing_ok=True)

    def reset(self) -> None:
        """Let it begin again from where it was: without its result and wish to cancel."""
        (self.path / "result.json").unlink(missing_ok=True)
        self.forget_cancel()

    def last_lines(self, count: int = 5) -> str:
        """Return the end of what the child has said."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(self.log.stat().st_size - TAIL_BYTES, 0))
                said = file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join([line for line in said.splitlines() if line.strip()][-count:])

    def delete(self) -> None:
        """Delete the run with everything it made.

        Raises:
            RunIsBusy: it is under way.
        """
        descriptor = self.lock()
        if descriptor is None:
            raise RunIsBusy(
                f"{self.name} is running.", f"`gristmill runs cancel {self.name}` ends it first."
            )
        try:
            shutil.rmtree(self.path)
        finally:
            os.close(descriptor)

    @property
    def _lock(self) -> Path:
        return self.path / "lock"

    def _locked(self, how: int) -> int | None:
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor


class Runs:
    """The runs in one folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def folder(self, name: str) -> RunFolder:
        """Return the folder of a run, which need not exist.

        Raises:
            RunNameInvalid: the name is not one, and might lead elsewhere.
        """
        if not is_name(name):
            raise RunNameInvalid(
                f"{name!r} cannot be the name of a run.",
                "A name has lower-case letters, digits and hyphens, at most 80.",
            )
        return RunFolder(self.path / name)

    def all(self) -> list[RunFolder]:
        """Return every run, the one asked for first at the front."""
        found = [RunFolder(path) for path in folders(self.path)]
        return sorted(found, key=lambda each: (each.asked, each.name))

    def find(self, beginning: str) -> RunFolder:
        """Return the run whose name is, or alone begins with, `beginning`.

        Raises:
            RunNotFound: none does, or several do.
        """
        return RunFolder(find(self.path, beginning))


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _write(path: Path, content: Mapping[str, Any]) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with partial.open("w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=2, default=str)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
