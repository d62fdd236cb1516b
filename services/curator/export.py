"""Writes a dataset version as the readers of each format want it.

- bam: `{"input", "output"}` a line, the input holding context and question. The format cannot hold
  where an example is from.
- openai: `{"messages"}` a line, for chat fine-tuning (OpenAI, TRL). Nor can this one: unknown keys
  are refused.
- alpaca: `{"instruction", "input", "output"}`, and where it is from as `metadata`, which its
  readers ignore.
- sharegpt: `{"conversations": [{"from", "value"}]}`; `metadata` in the same way.
- squad: SQuAD v1.1, see `services.curator.squad`; `metadata` with each question.
- parquet: one row an example, with every column of the dataset.

`alpaca` and `sharegpt` are one JSON array, as their first readers want them, or one object a line
where the file's name ends in `.jsonl`. A file is written under another name and renamed, so it is
there whole or not at all.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from services.curator import squad
from services.curator.card import MARK, card
from shared.errors import ConfigurationInvalid, GristmillError
from shared.files import write_atomically
from shared.storage.dataset import DatasetVersion
from shared.storage.rows import COLUMNS, Example, to_built

_CONTENT = ("question", "context", "answer")
# Some readers take these for the end of a line, although JSON allows them in a string.
_LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


class NothingToExport(GristmillError):
    """No example is left to write; an empty file would look like success."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        rows: how many examples are in the file.
        left_out: how many the format could not hold (only SQuAD: no supporting span).
    """

    path: Path
    rows: int
    left_out: int = 0


def export(
    examples: Iterable[Example],
    format_name: str,
    path: Path,
    *,
    status: Literal["accepted", "rejected", "all"] = "accepted",
) -> Exported:
    """Write the examples of this status to `path`, replacing what is there.

    Raises:
        ConfigurationInvalid: no such format, or `path` is a folder.
        NothingToExport: there is no example to write.
    """
    if format_name not in FORMATS:
        raise ConfigurationInvalid(
            f"There is no export format {format_name!r}.", f"There are {', '.join(FORMATS)}."
        )
    if path.is_dir():
        raise ConfigurationInvalid(f"{path} is a folder.", "Name the file to write.")
    rows = [row for row in examples if status in ("all", row.status)]
    left_out = 0
    if format_name == "squad":
        before, rows = len(rows), [row for row in rows if squad.find_answer(row) is not None]
        left_out = before - len(rows)
    if not rows:
        raise NothingToExport(
            f"Nothing to export: no {'' if status == 'all' else f'{status} '}example"
            f"{f' of {left_out} fits the format' if left_out else ''}.",
            "`gristmill dataset show` tells why examples were rejected.",
        )
    write_atomically(path, lambda partial: FORMATS[format_name](rows, path, partial))
    return Exported(path, len(rows), left_out)


def export_card(rows: Sequence[Example], version: DatasetVersion, beside: Path) -> Path:
    """Write the card of a version beside an exported file of it, and return where it is.

    It is the folder's README.md, unless there is one that is not a card; then it is named after the
    file.
    """
    path = beside.with_name("README.md")
    if path.exists() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
        path = beside.with_name(f"{beside.stem}.README.md")
    files = card(rows, version, plots=f"{beside.stem}-card", file=beside.name)
    for name, text in files.items():
        place = path if name == "README.md" else path.parent / name
        write_atomically(place, functools.partial(Path.write_text, data=text, encoding="utf-8"))
    return path


def input_of(row: Example) -> str:
    """Return what a model is asked: the context and the question."""
    return f"Context: {row.context}\n\nQuestion: {row.question}"


def _bam(rows: Sequence[Example], _path: Path, partial: Path) -> None:
    _lines(({"input": input_of(row), "output": row.answer} for row in rows), partial)


def _openai(rows: Sequence[Example], _path: Path, partial: Path) -> None:
    _lines(
        ({"messages": _turns(row, "role", "content", "user", "assistant")} for row in rows), partial
    )


def _alpaca(rows: Sequence[Example], path: Path, partial: Path) -> None:
    items = (
        {
            "instruction": row.question,
            "input": row.context,
            "output": row.answer,
            "metadata": provenance(row),
        }
        for row in rows
    )
    _lines_or_array(items, path, partial)


def _sharegpt(rows: Sequence[Example], path: Path, partial: Path) -> None:
    items = (
        {
            "id": row.example_id,
            "conversations": _turns(row, "from", "value", "human", "gpt"),
            "metadata": provenance(row),
        }
        for row in rows
    )
    _lines_or_array(items, path, partial)


def _squad(rows: Sequence[Example], _path: Path, partial: Path) -> None:
    partial.write_text(_json(squad.document(rows, provenance)) + "\n", encoding="utf-8")


def _parquet(rows: Sequence[Example], _path: Path, partial: Path) -> None:
    """Scores become a struct: Parquet's maps are unknown to some readers."""
    table = to_built(rows)
    names = sorted({name for row in rows for name in row.scores} or {"question_words"})
    scores = pa.StructArray.from_arrays(
        [pa.array([row.scores.get(name) for row in rows], pa.float64()) for name in names], names
    )
    pq.write_table(table.set_column(COLUMNS.index("scores"), "scores", scores), partial)


FORMATS: dict[str, Callable[[Sequence[Example], Path, Path], None]] = {
    "bam": _bam,
    "openai": _openai,
    "alpaca": _alpaca,
    "sharegpt": _sharegpt,
    "squad": _squad,
    "parquet": _parquet,
}


def provenance(row: Example) -> dict[str, Any]:
    """Return every column but the text itself."""
    return {name: value for name, value in row.as_dict().items() if name not in _CONTENT}


def _turns(row: Example, who: str, what: str, asks: str, answers: str) -> list[dict[str, str]]:
    return [{who: asks, what: input_of(row)}, {who: answers, what: row.answer}]


def _lines(items: Iterable[dict[str, Any]], partial: Path) -> None:
    with partial.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(_json(item) + "\n" for item in items)


def _lines_or_array(items: Iterable[dict[str, Any]], path: Path, partial: Path) -> None:
    if path.suffix == ".jsonl":
        _lines(items, partial)
        return
    array = ",\n".join(_json(item) for item in items)
    partial.write_text(f"[\n{array}\n]\n", encoding="utf-8")


def _json(item: dict[str, Any]) -> str:
    return json.dumps(item, ensure_ascii=False).translate(_LINE_ENDS)
