"""What people said of examples, apart from the dataset's versions, so that it outlives them.

A verdict belongs to a passage and a question, not to the example, whose identity changes with the
model that made it. An append-only table holds every verdict ever given; the last one counts. It
keeps the example as it was judged: what a person accepted or wrote can be put back after another
model has asked other questions of the same passage.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeAlias

import pyarrow as pa

from shared.storage.appended import AppendedTable
from shared.storage.rows import Example
from shared.text import spelling

Decision = Literal["accept", "edit", "reject"]
Key: TypeAlias = tuple[str, str]
"""A passage's id and the question as `spelling` has it."""


def key_of(row: Example) -> Key:
    """Return what a verdict on this example is about."""
    return row.passage_id, spelling(row.question)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person said of one question of a passage.

    Attributes:
        question: as it was judged.
        new_question, new_answer: what is to stand there instead; only where it was edited.
        at: when it was given, in nanoseconds since 1970.
        row: the example as it was judged: its columns in a built version, as JSON.
    """

    passage_id: str
    question: str
    decision: Decision
    new_question: str = ""
    new_answer: str = ""
    at: int = field(default_factory=time.time_ns)
    row: str = ""

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.passage_id, spelling(self.question)

    @classmethod
    def on(cls, row: Example, decision: Decision, question: str = "", answer: str = "") -> Verdict:
        """Return a verdict on an example, with the new texts where it is `edit`."""
        return cls(row.passage_id, row.question, decision, question, answer, row=row.as_json())

    def judged(self) -> dict[str, Any]:
        """Return the columns of the example as it was judged."""
        columns: dict[str, Any] = json.loads(self.row)
        return columns


_SCHEMA = pa.schema(
    [(f.name, pa.int64() if f.name == "at" else pa.string()) for f in fields(Verdict)]
)


class Verdicts:
    """The table of verdicts.

    Args:
        location: a folder or the URL of an object store, such as `s3://bucket/verdicts`.
        storage_options: the object store's, as deltalake has them.
    """

    def __init__(self, location: str, *, storage_options: dict[str, str] | None = None) -> None:
        self._table = AppendedTable(location, _SCHEMA, storage_options)

    async def add(self, verdicts: Sequence[Verdict]) -> None:
        """Write verdicts down; when this returns they survive a kill.

        Raises:
            StorageUnreachable: the disk or the object store fails.
        """
        if verdicts:
            await asyncio.to_thread(self._table.append, [asdict(each) for each in verdicts])

    async def read(self) -> dict[Key, Verdict]:
        """Return the last verdict on each question of each passage."""
        table = await asyncio.to_thread(self._table.read)
        given = [Verdict(**row) for row in table.to_pylist()] if table is not None else []
        return {each.key: each for each in sorted(given, key=lambda each: each.at)}

    async def compact(self) -> None:
        """Join the small files that single verdicts leave."""
        await asyncio.to_thread(self._table.compact)
