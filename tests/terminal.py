"""A terminal for tests: a program on a pseudo-terminal, driven by keys, read as text."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path

_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-B]")


class Terminal:
    """Runs a command; `see` waits for a text, `press` sends keys.

    Args:
        command: the command and its arguments.
        environment: its environment.
        columns: how wide the terminal is.
    """

    def __init__(
        self, command: list[str], environment: Mapping[str, str], columns: int = 120
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.process = subprocess.Popen(
            command,
            env={**environment, "TERM": "xterm"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        os.close(slave)
        self.text = ""

    def see(self, text: str, seconds: float = 60) -> str:
        """Wait until `text` is shown; return all that was shown since the last time, up to it."""
        end = time.monotonic() + seconds
        while text not in self.text:
            if not self._read(end - time.monotonic()):
                raise AssertionError(f"{text!r} was not shown, but: {self.text[-3000:]}")
        shown, self.text = self.text.split(text, 1)
        return shown + text

    def press(self, keys: str, seconds: float = 60) -> None:
        """Send keys once the program waits, as a person would.

        A Ctrl-C between readline's last drawing and its wait is not noticed before the next key:
        CPython looks for signals only when the wait is interrupted.
        """
        end = time.monotonic() + seconds
        while self._runs() and time.monotonic() < end:
            time.sleep(0.01)
        os.write(self._master, keys.encode())

    def end(self, seconds: float = 60) -> int:
        """Wait for the program to end; return its exit code."""
        end = time.monotonic() + seconds
        while self._read(end - time.monotonic()):
            pass
        return self.process.wait(timeout=seconds)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)

    def _runs(self) -> bool:
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "R"

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(seconds, 0))
        try:
            read = os.read(self._master, 65536) if ready else b""
        except OSError:  # the program has closed its end
            read = b""
        self.text += _CODES.sub("", read.decode(errors="replace"))
        return bool(read)


def gristmill(*args: str) -> list[str]:
    """The command line that runs the `gristmill` command here."""
    return [sys.executable, "-m", "services.cli.main", *args]
