"""Tuning runs by name. Each is a folder, which the trainer fills and the answerer reads."""

from __future__ import annotations

import re
from pathlib import Path

from shared.errors import GristmillError

REQUEST_FILE = "request.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")


class RunNotFound(GristmillError):
    """No run has this name."""


def is_name(text: str) -> bool:
    """Whether this can be the name of a run, and so of a folder: lower case, digits, hyphens."""
    return _NAME.fullmatch(text) is not None


def folders(runs: Path) -> list[Path]:
    """Return the folder of every run that has been asked for, by name."""
    found = (path.parent for path in runs.glob(f"*/{REQUEST_FILE}"))
    return sorted(folder for folder in found if is_name(folder.name))


def find(runs: Path, beginning: str) -> Path:
    """Return the folder of the run whose name is, or alone begins with, `beginning`.

    Raises:
        RunNotFound: none does, or several do.
    """
    known = [folder.name for folder in folders(runs)]
    names = [name for name in known if beginning and name.startswith(beginning)]
    if beginning in names:
        names = [beginning]
    if len(names) != 1:
        several = f"is short for several: {', '.join(names)}" if names else "is no run"
        raise RunNotFound(f"{beginning!r} {several}.", "`gristmill runs` lists them.")
    return runs / names[0]
