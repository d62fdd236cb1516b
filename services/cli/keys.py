"""Single keys from a terminal, and lines to be edited."""

from __future__ import annotations

import contextlib
import os
import readline
import sys
import termios
import tty
from collections.abc import Iterator
from typing import Self

END = "\x04"  # Ctrl-D


class Keys:
    """The terminal of this process, as long as `with` lasts.

    Keys are read as they are pressed and not shown; those pressed ahead wait until they are read.
    """

    def __init__(self) -> None:
        self._terminal = sys.stdin.fileno()
        self._lines = termios.tcgetattr(self._terminal)

    def __enter__(self) -> Self:
        tty.setcbreak(self._terminal, termios.TCSADRAIN)
        return self

    def __exit__(self, *_: object) -> None:
        termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._lines)

    def read(self) -> str:
        """Wait for a key and return it in lower case; `END` for Ctrl-C, Ctrl-D or no terminal."""
        try:
            return os.read(self._terminal, 1).decode("ascii", errors="replace").lower() or END
        except (KeyboardInterrupt, OSError):
            return END

    def edited(self, prompt: str, text: str) -> str:
        """Let a line be edited that begins as `text`, and return it; "" for Ctrl-C or Ctrl-D."""
        readline.set_startup_hook(lambda: readline.insert_text(" ".join(text.split())))
        try:
            with self._line_by_line():
                return input(prompt).strip()
        except (KeyboardInterrupt, EOFError):
            return ""
        finally:
            readline.set_startup_hook()

    @contextlib.contextmanager
    def _line_by_line(self) -> Iterator[None]:
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()
