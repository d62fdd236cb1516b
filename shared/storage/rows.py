"""The row of the dataset: one example with where it comes from and what was found about it."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

Status = Literal["accepted", "rejected"]
_BATCH = 1024  # rows at once as Python objects between tables and examples


@dataclass(frozen=True, slots=True)
class Example:
    """A question with its context and answer.

    Attributes:
        context: the passage.
        reasons: codes of why it was rejected; none where it was accepted.
        scores: what the checks measured, by name.
        split: `train`, `validation` or `test`; empty until a version is built.
        page: from 1; None where the format has no pages.
        char_start, char_end: the passage's place in the extracted text, in characters.
        generator: reference of the model; `SUMMARY'S + QUESTION'S` where they differ.
        prompt: name and fingerprint of the prompts, `SUMMARY'S + QUESTION'S`.
        sequence: which stay of the passage in its document; not in a built version.
        ordinal: which of the passage's questions; not in a built version.
        vector: the question's embedding, packed (`shared/embedding/packing.py`); empty where there
            is none; not in a built version.
    """

    example_id: str
    question: str
    context: str
    answer: str
    status: Status
    reasons: tuple[str, ...]
    scores: Mapping[str, float]
    split: str
    source_uri: str
    title: str
    heading_path: tuple[str, ...]
    page: int | None
    char_start: int
    char_end: int
    revision: str
    passage_id: str
    document_id: str
    generator: str
    prompt: str
    sequence: str = field(default="", kw_only=True)
    ordinal: int = field(default=0, kw_only=True)
    vector: str = field(default="", kw_only=True)

    def as_dict(self) -> dict[str, Any]:
        """Return the columns of a built version, as JSON types."""
        row = {name: getattr(self, name) for name in COLUMNS}
        return row | {
            "reasons": list(self.reasons),
            "heading_path": list(self.heading_path),
            "scores": dict(self.scores),
        }

    @property
    def human(self) -> bool:
        """Whether a person has judged it."""
        return self.scores.get("human") == 1

    def as_json(self) -> str:
        """Return the columns of a built version as one line that equal rows share."""
        return json.dumps(self.as_dict(), ensure_ascii=False, sort_keys=True)


_INTERNAL = ("sequence", "ordinal", "vector")
COLUMNS = tuple(f.name for f in dataclasses.fields(Example) if f.name not in _INTERNAL)

_TYPES: dict[str, pa.DataType] = {
    "reasons": pa.list_(pa.string()),
    "heading_path": pa.list_(pa.string()),
    "scores": pa.map_(pa.string(), pa.float64()),
    "page": pa.int64(),
    "char_start": pa.int64(),
    "char_end": pa.int64(),
    "ordinal": pa.int64(),
}


def _schema(names: Iterable[str]) -> pa.Schema:
    return pa.schema([(name, _TYPES.get(name, pa.string())) for name in names])


BUILT = _schema(COLUMNS)
# One schema for both kinds of entries; a tombstone leaves all but these three empty.
LOGGED = _schema(("kind", "passage_id", "sequence", *(c for c in COLUMNS if c != "passage_id")))
LOGGED = LOGGED.append(pa.field("ordinal", pa.int64())).append(pa.field("vector", pa.string()))


def to_built(examples: Iterable[Example]) -> pa.Table:
    """Return examples as a table with the columns of a built version."""
    rows = iter(examples)
    batches = []
    while batch := [_built_row(example) for example in itertools.islice(rows, _BATCH)]:
        batches.append(pa.RecordBatch.from_pylist(batch, schema=BUILT))
    return pa.Table.from_batches(batches, schema=BUILT)


def _built_row(example: Example) -> dict[str, Any]:
    return example.as_dict() | {"scores": sorted(example.scores.items())}


def to_logged(entry: Example | Tombstone) -> dict[str, Any]:
    """Return an entry of the log as a row of its table."""
    if isinstance(entry, Tombstone):
        return {"kind": "tombstone"} | dataclasses.asdict(entry)
    row = entry.as_dict() | {"kind": "example"}
    row["scores"] = sorted(entry.scores.items())
    return row | {name: getattr(entry, name) for name in _INTERNAL}


def to_examples(table: pa.Table) -> list[Example]:
    """Return the rows of either table as examples."""
    batches = table.to_batches(max_chunksize=_BATCH)
    return [_example(row) for batch in batches for row in batch.to_pylist()]


def _example(row: dict[str, Any]) -> Example:
    row.pop("kind", None)
    row["reasons"] = tuple(row["reasons"] or ())
    row["heading_path"] = tuple(row["heading_path"] or ())
    row["scores"] = dict(row["scores"] or ())
    row["vector"] = row.get("vector") or ""  # tables of older releases have none
    return Example(**row)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A passage's stay in its document has ended; its examples of that stay are gone."""

    passage_id: str
    sequence: str
