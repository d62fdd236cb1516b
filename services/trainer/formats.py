"""Reads the files that hold a dataset: JSONL, SQuAD, labelled tables."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.answering.port import Query
from shared.errors import DatasetNotFound, GristmillError
from shared.ids import fingerprint

FORMATS_HINT = (
    'A dataset is a version, such as latest or v3; a .jsonl of {"input": ..., "output": ...}; '
    "SQuAD .json; or a .tsv or .csv of text and label."
)
_TEXT_COLUMNS = {"text", "sentence", "review"}
_LABEL_COLUMNS = {"label", "class", "category", "sentiment"}
_SHOWN = 5  # lines named in an error
_JSONL_HINT = 'Each line is {"input": ..., "output": ...}, both of them text.'
_SQUAD_HINT = 'SQuAD is {"data": [{"title", "paragraphs": [{"context", "qas": [...]}]}]}.'


class DatasetInvalid(GristmillError):
    """A dataset that cannot be read, or cannot be trained and tested with."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a dataset.

    Attributes:
        answers: the first is the one to learn; each of them is right.
        group: rows of one group belong in one split.
        split: `train`, `validation` or `test` where the dataset says; else empty.
    """

    query: Query
    answers: tuple[str, ...]
    group: str
    split: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What a dataset holds.

    Attributes:
        name: what it is called in reports.
        unit: what a group of rows is; empty where the rows have none.
        labelled: whether the answers are labels.
        shares: how much of it goes to train, validation and test.
    """

    name: str
    rows: list[Row]
    unit: str = ""
    labelled: bool = False
    shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
    notes: tuple[str, ...] = ()


def read_file(path: Path) -> Content:
    """Return what a dataset file holds; its name's ending says which format it has.

    Raises:
        DatasetNotFound: there is no such file.
        DatasetInvalid: it cannot be read, or a row of it cannot be used.
    """
    reader = _READERS.get(path.suffix.lower())
    if path.is_dir():
        raise DatasetInvalid(f"{path} is a folder.", f"Name one file. {FORMATS_HINT}")
    if not path.exists():
        raise DatasetNotFound(f"There is no dataset {path}.", FORMATS_HINT)
    if reader is None:
        raise DatasetInvalid(f"{path} has no ending that names a format.", FORMATS_HINT)
    content = reader(path, _decoded(path))
    if not content.rows:
        raise DatasetInvalid(f"{path} has no rows to use.", FORMATS_HINT)
    return content


def text_key(text: str) -> str:
    """Return what texts share that differ in case and white space only."""
    return " ".join(text.casefold().split())


def _decoded(path: Path) -> str:
    try:
        body = path.read_bytes()
    except OSError as error:
        raise DatasetInvalid(f"{path} cannot be read: {error.strerror or error}.") from error
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise DatasetInvalid(f"{path}, line {line}: not UTF-8.", "Save it as UTF-8.") from error
    if "\0" in text:
        raise DatasetInvalid(f"{path} is no text file.", "Save it as UTF-8 text.")
    if not text.strip():
        raise DatasetInvalid(f"{path} is empty.", FORMATS_HINT)
    return text


def _parsed(where: str, text: str, hint: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetInvalid(f"{where}: not JSON ({error}).", hint) from error


def _words(where: str, value: Any, key: str, hint: str) -> str:
    """Return the text under `key`, which must be there and hold more than white space."""
    found = value.get(key) if isinstance(value, dict) else None
    if not isinstance(found, str) or not found.strip():
        raise DatasetInvalid(f"{where} has no text as {key!r}.", hint)
    try:
        found.encode()
    except UnicodeEncodeError as error:
        raise DatasetInvalid(f"{where}: {key!r} holds half of a surrogate pair.", hint) from error
    return found.strip()


def _jsonl(path: Path, text: str) -> Content:
    rows: list[Row] = []
    unanswered: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        value = _parsed(where, line, _JSONL_HINT)
        query = _query(_words(where, value, "input", _JSONL_HINT))
        output = value.get("output")
        if output is None or (isinstance(output, str) and not output.strip()):
            unanswered.append(number)
            continue
        answer = _words(where, value, "output", _JSONL_HINT)
        group = fingerprint(query.context or text_key(query.question))
        rows.append(Row(query, (answer,), group))
    if unanswered:
        some = ", ".join(map(str, unanswered[:_SHOWN]))
        more = ", ..." if len(unanswered) > _SHOWN else ""
        raise DatasetInvalid(
            f"{path}: rows without output: {len(unanswered)} (line {some}{more}).",
            "Give each an output, or take them out.",
        )
    return Content(path.name, rows, unit="passage")


def _query(text: str) -> Query:
    """Return the question and context of an input, as `gristmill dataset export` writes it."""
    context, mark, question = text.rpartition("\n\nQuestion: ")
    if mark and question.strip() and context.startswith("Context: "):
        return Query(question.strip(), context.removeprefix("Context: ").strip())
    return Query(text)


def _squad(path: Path, text: str) -> Content:
    """SQuAD v1.1 or v2 (Rajpurkar et al. 2016, 2018); only what can be answered."""
    rows: list[Row] = []
    unanswerable = 0
    value = _parsed(str(path), text, FORMATS_HINT)
    for number, (where, article) in enumerate(_each(str(path), value, "data")):
        title = article.get("title") if isinstance(article, dict) else None
        group = fingerprint(str(title or number))
        for place, paragraph in _each(where, article, "paragraphs"):
            context = _words(place, paragraph, "context", _SQUAD_HINT)
            for asked, question in _each(place, paragraph, "qas"):
                query = Query(_words(asked, question, "question", _SQUAD_HINT), context)
                given = [] if question.get("is_impossible") else _each(asked, question, "answers")
                answers = [_words(at, answer, "text", _SQUAD_HINT) for at, answer in given]
                if answers:
                    rows.append(Row(query, tuple(dict.fromkeys(answers)), group))
                else:
                    unanswerable += 1
    note = f"Questions without an answer, left out of {path.name}: {unanswerable}."
    notes = (note,) if unanswerable else ()
    return Content(path.name, rows, unit="article", shares=(0.7, 0.15, 0.15), notes=notes)


def _each(where: str, value: Any, key: str) -> list[tuple[str, Any]]:
    """Return the list under `key`, each element with the words for where it is."""
    found = value.get(key) if isinstance(value, dict) else None
    if not isinstance(found, list):
        raise DatasetInvalid(f"{where} has no list {key!r}.", _SQUAD_HINT)
    return [(f"{where}, {key}[{number}]", element) for number, element in enumerate(found)]


def _table(path: Path, text: str) -> Content:
    tabs = path.suffix.lower() == ".tsv"
    between = "a tab" if tabs else "a comma"
    records = list(_records(path, text, tabs=tabs))
    if not records:
        return Content(path.name, [], labelled=True)
    text_at, label_at, width, has_header = _columns(path, records[0])
    rows = []
    for line, cells in records[has_header:]:
        where = f"{path}, line {line}"
        if len(cells) < max(text_at, label_at) + 1:
            raise DatasetInvalid(f"{where}: no text and label with {between} between them.")
        if len(cells) > width:
            hint = "Give the file a header that names the columns text and label" + (
                "." if tabs else ", or put texts with commas in quotes."
            )
            raise DatasetInvalid(f"{where}: {len(cells)} columns instead of {width}.", hint)
        sentence, label = cells[text_at].strip(), cells[label_at].strip()
        for name, cell in (("text", sentence), ("label", label)):
            if not cell:
                raise DatasetInvalid(f"{where}: the {name} is empty.", "Fill it, or drop the line.")
        rows.append(Row(Query(sentence), (label,), fingerprint(text_key(sentence))))
    return Content(path.name, rows, labelled=True)


def _records(path: Path, text: str, *, tabs: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each line that is not blank, with the line's number."""
    source = io.StringIO(text, newline="")
    reader = csv.reader(source, "excel-tab", quoting=csv.QUOTE_NONE) if tabs else None
    reader = reader or csv.reader(source, strict=True)
    line = 1
    try:
        for cells in reader:
            if len(cells) > 1 or "".join(cells).strip():
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        hint = "Each line is one text and its label; a text that holds quotes has them doubled."
        raise DatasetInvalid(f"{path}, line {line}: {error}.", hint) from error


def _columns(path: Path, first: tuple[int, list[str]]) -> tuple[int, int, int, bool]:
    """Return where text and label are, how many columns there are, and whether by a header."""
    names = [cell.strip().lower() for cell in first[1]]
    text_at = [at for at, name in enumerate(names) if name in _TEXT_COLUMNS]
    label_at = [at for at, name in enumerate(names) if name in _LABEL_COLUMNS]
    if text_at and label_at:
        return text_at[0], label_at[0], len(names), True
    if text_at or label_at:
        raise DatasetInvalid(
            f"{path}, line {first[0]} looks like a header, without columns for text and label.",
            "Name the two columns text and label.",
        )
    return 0, 1, 2, False


_READERS = {".jsonl": _jsonl, ".json": _squad, ".tsv": _table, ".csv": _table}
