"""Delta tables that others commit to as well: committing to them, reading all there is."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable
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


def rows_of(table: DeltaTable, location: str) -> pa.Table:
    """Return all rows of the table as it was opened, in no order.

    The engine reads them, not pyarrow's datasets: their threads go through Python's files and may
    still be letting go of them as the interpreter ends, which aborts the process.

    Raises:
        StorageUnreachable: the disk or the object store fails.
    """
    with reaching(location, DeltaError, pa.ArrowException):
        return pa.table(table.scan()).cast(pa.schema(table.schema()))


def _conflict(error: Exception) -> bool:
    said = str(error).lower()
    return isinstance(error, CommitFailedError) or "already exists" in said
