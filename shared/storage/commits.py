"""Committing to a Delta table that others commit to as well."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

from deltalake.exceptions import CommitFailedError, DeltaError

from shared.storage.reach import reaching

_TRIES = 8
_FIRST_PAUSE_SECONDS = 0.05


def location_of(location: str) -> str:
    """Return a URL as it is, and a path as an absolute one."""
    if "://" in location:
        return location
    return str(Path(location).expanduser().resolve())


def retried(location: str, commit: Callable[[], None]) -> None:
    """Call `commit` until no other writer came between, with growing, jittered pauses.

    `commit` reads the table itself, so that every try starts from its newest version.

    Raises:
        StorageUnreachable: the disk or the object store fails.
    """
    for attempt in range(_TRIES):
        try:
            commit()
        except (DeltaError, OSError) as error:
            if attempt == _TRIES - 1 or not _conflict(error):
                with reaching(location, DeltaError):
                    raise
            time.sleep(_FIRST_PAUSE_SECONDS * 2**attempt * random.uniform(0.5, 1.5))
        else:
            return


def _conflict(error: Exception) -> bool:
    said = str(error).lower()
    return isinstance(error, CommitFailedError) or "already exists" in said
