"""The dataset's versions in a Delta table: Delta's time travel gives back every one of them.

Each version built is one overwriting commit, whose metadata says which number it has, in which
version of the Delta table it lies and, as a fingerprint, what content it has: building the newest
content again commits nothing and returns the version there is. The table is told to keep its log
for good and is never vacuumed.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deltalake import CommitProperties, DeltaTable, Schema, write_deltalake
from deltalake.exceptions import TableNotFoundError

from shared.errors import DatasetNotFound
from shared.storage.delta import location_of, retried, rows_of
from shared.storage.rows import BUILT, Example, to_built, to_examples

_KEEP_EVERY_VERSION = {
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.enableExpiredLogCleanup": "false",
}


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """One version of the dataset.

    Attributes:
        number: from 1 on.
        created: when it was built, in UTC.
        accepted, rejected: how many examples are which; both are in it.
        documents: how many documents its accepted examples come from.
        fingerprint: 16 hex digits that equal contents share.
        table_version: the version of the Delta table, for those who read it with other tools.
        made: how it was made, as JSON types: settings and what else its builder noted.
    """

    number: int
    created: datetime
    accepted: int
    rejected: int
    documents: int
    fingerprint: str
    table_version: int
    made: Mapping[str, Any] = field(default_factory=dict)


class Dataset:
    """The versions of the dataset; see the module's docstring.

    Args:
        location: a folder or the URL of an object store, such as `s3://bucket/dataset`.
        storage_options: the object store's, as deltalake has them.
    """

    def __init__(self, location: str, *, storage_options: dict[str, str] | None = None) -> None:
        self._location = location
        self._options = storage_options

    async def build(
        self, examples: Sequence[Example], made: Mapping[str, Any] | None = None
    ) -> DatasetVersion:
        """Make these examples the newest version, unless they are already, and return it."""
        return await asyncio.to_thread(self._build, list(examples), dict(made or {}))

    async def versions(self) -> list[DatasetVersion]:
        """Return every version, oldest first; none where nothing was built yet."""
        return await asyncio.to_thread(self._versions)

    async def read(self, version: int | None = None) -> list[Example]:
        """Return the examples of a version, of the newest where none is named, in order.

        Raises:
            DatasetNotFound: there is no such version.
            StorageUnreachable: the disk or the object store fails.
        """
        return await asyncio.to_thread(self._read, version)

    def _build(self, examples: list[Example], made: dict[str, Any]) -> DatasetVersion:
        fingerprint = fingerprint_of(examples)
        table = to_built(examples)
        about: dict[str, Any] = {
            "accepted": sum(e.status == "accepted" for e in examples),
            "rejected": sum(e.status == "rejected" for e in examples),
            "documents": len({e.document_id for e in examples if e.status == "accepted"}),
            "fingerprint": fingerprint,
            "made": json.dumps(made, sort_keys=True),
        }

        def commit() -> None:
            newest = self._open()
            built = _built(newest)
            if built and built[-1].fingerprint == fingerprint:
                return
            numbered = {"number": len(built) + 1, "table_version": newest.version() + 1}
            write_deltalake(
                newest,
                table,
                mode="overwrite",
                # No retry inside: where another build was faster, the numbers are not true.
                commit_properties=CommitProperties(
                    custom_metadata=about | numbered, max_commit_retries=0
                ),
            )

        retried(self._location, commit)
        return next(v for v in reversed(self._versions()) if v.fingerprint == fingerprint)

    def _open(self) -> DeltaTable:
        location = location_of(self._location)
        if not DeltaTable.is_deltatable(location, self._options):
            DeltaTable.create(
                location,
                Schema.from_arrow(BUILT),
                mode="ignore",
                configuration=_KEEP_EVERY_VERSION,
                storage_options=self._options,
            )
        return DeltaTable(location, storage_options=self._options)

    def _versions(self) -> list[DatasetVersion]:
        location = location_of(self._location)
        try:
            return _built(DeltaTable(location, storage_options=self._options))
        except TableNotFoundError:
            return []

    def _read(self, number: int | None) -> list[Example]:
        built = {version.number: version for version in self._versions()}
        if not built:
            raise DatasetNotFound(
                f"No dataset has been built in {self._location}.",
                "`gristmill run DOCUMENTS` makes one.",
            )
        version = built.get(max(built) if number is None else number)
        if version is None:
            raise DatasetNotFound(
                f"There is no dataset version {number}.", f"There are versions 1 to {max(built)}."
            )
        location = location_of(self._location)
        table = DeltaTable(location, version=version.table_version, storage_options=self._options)
        return sorted(to_examples(rows_of(table, location)), key=_place)


def fingerprint_of(examples: Sequence[Example]) -> str:
    """Return 16 hex digits that do not depend on the examples' order."""
    rows = sorted(hashlib.sha256(example.as_json().encode()).digest() for example in examples)
    return hashlib.sha256(b"".join(rows)).hexdigest()[:16]


def _place(row: Example) -> tuple[str, str, int, int, str]:
    """Order by document and by what is answered there: an answer not in the passage goes first."""
    answered = row.context.find(row.answer)
    return row.source_uri, row.document_id, row.char_start, answered, row.example_id


def _built(table: DeltaTable) -> list[DatasetVersion]:
    """Return the versions in the table's log, oldest first."""
    return [_version(commit) for commit in reversed(table.history()) if "fingerprint" in commit]


def _version(commit: dict[str, Any]) -> DatasetVersion:
    return DatasetVersion(
        number=int(commit["number"]),
        created=datetime.fromtimestamp(commit["timestamp"] / 1000, tz=UTC),
        accepted=int(commit["accepted"]),
        rejected=int(commit["rejected"]),
        documents=int(commit["documents"]),
        fingerprint=str(commit["fingerprint"]),
        table_version=int(commit["table_version"]),
        made=json.loads(commit.get("made", "{}")),
    )
