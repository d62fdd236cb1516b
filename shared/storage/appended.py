"""A Delta table that is only appended to, by any number of writers at once.

Appends are blind, so those of several writers do not conflict; Delta commits are atomic, so a
writer killed anywhere leaves the table as it was before or after. Columns that a table of an older
release does not have are added by the first append.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import structlog
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from shared.storage.delta import location_of, retried, rows_of

_LOG = structlog.get_logger(__name__)
_KEEP_REPLACED_FILES_HOURS = 24  # for readers and writers that began before a compaction


class AppendedTable:
    """The table; all of its methods block.

    Args:
        location: a folder or the URL of an object store, such as `s3://bucket/examples`.
        schema: of what is appended.
        storage_options: the object store's, as deltalake has them.
    """

    def __init__(
        self, location: str, schema: pa.Schema, storage_options: dict[str, str] | None = None
    ) -> None:
        self._location = location_of(location)
        self._schema = schema
        self._options = storage_options

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Commit the rows; when this returns they survive a kill.

        Raises:
            StorageUnreachable: the disk or the object store fails.
        """
        table = pa.Table.from_pylist(list(rows), schema=self._schema)

        def commit() -> None:
            write_deltalake(
                self._location,
                table,
                mode="append",
                schema_mode="merge",
                storage_options=self._options,
            )

        retried(self._location, commit)

    def read(self) -> pa.Table | None:
        """Return every row ever appended, in no order, or None where nothing was.

        Raises:
            StorageUnreachable: the disk or the object store fails.
        """
        try:
            opened = DeltaTable(self._location, storage_options=self._options)
        except TableNotFoundError:
            return None
        return rows_of(opened, self._location)

    def compact(self) -> None:
        """Join the small files that appends leave; readers and writers go on meanwhile."""
        try:
            table = DeltaTable(self._location, storage_options=self._options)
            table.optimize.compact()
            table.vacuum(
                _KEEP_REPLACED_FILES_HOURS, dry_run=False, enforce_retention_duration=False
            )
        except TableNotFoundError:
            return
        except DeltaError as error:  # mostly another writer that compacts at the same time
            _LOG.info("compaction put off", table=self._location, error=str(error))
