"""A dataset as the trainer takes it: what to learn from, to choose by and to be measured by."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, StringConstraints, ValidationError

from services.trainer.formats import Content, DatasetInvalid, Row, read_file
from services.trainer.naming import VERSION
from services.trainer.splits import Splits, split, subset
from shared.answering.port import Example, Query, Task
from shared.errors import ConfigurationInvalid
from shared.ids import fingerprint

_MOST_LABELS = 100

S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Item:
    """A query with the answers that are right.

    Attributes:
        item_id: 16 hex digits of query and answers.
        answers: the first is the one to learn.
        group: what the rows were split by; no two splits share one.
    """

    item_id: str
    query: Query
    answers: tuple[str, ...]
    group: str

    @property
    def example(self) -> Example:
        """The query with the answer to learn."""
        return Example(self.query, self.answers[0])


@dataclass(frozen=True, slots=True)
class TaskData:
    """What to learn from, what to choose by and what to be measured by.

    Attributes:
        fingerprint: 16 hex digits of the content of the three splits, whatever their order.
        notes: sentences that a reader of the scores should know.
    """

    name: str
    fingerprint: str
    task: Task
    train: tuple[Item, ...]
    validation: tuple[Item, ...]
    test: tuple[Item, ...]
    notes: tuple[str, ...] = ()


class DataSettings(BaseModel, extra="forbid"):
    """How a dataset is dealt out.

    Attributes:
        test: another file; its rows are the test split, and the dataset's are for the rest.
        train_rows, validation_rows, test_rows: a seeded subset, in which labels keep their
            shares; 0 for all.
        labels: other names for labels, such as {"0": "negative", "1": "positive"}.
        data_seed: decides which rows are drawn, and is not the seed of the learning: runs with
            several of those share their rows.
    """

    test: str = ""
    train_rows: int = Field(default=0, ge=0)
    validation_rows: int = Field(default=64, ge=0)
    test_rows: int = Field(default=0, ge=0)
    labels: dict[str, Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]] = {}
    data_seed: int = 0


def taken(model: type[S], given: dict[str, Any]) -> S:
    """Take the settings that are a model's out of those that were given, and return them.

    Raises:
        ConfigurationInvalid: a value cannot be used.
    """
    own = {name: given.pop(name) for name in list(given) if name in model.model_fields}
    try:
        return model(**own)
    except ValidationError as error:
        problems = "; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors())
        raise ConfigurationInvalid(f"These settings cannot be used: {problems}.") from error


def load_data(reference: str, settings: DataSettings, versions_location: str) -> TaskData:
    """Return a dataset's splits.

    Args:
        reference: a dataset version, such as `latest` or `v3`, or a file; see
            `services.trainer.formats`.
        settings: how it is dealt out.
        versions_location: where dataset versions lie.

    Raises:
        DatasetNotFound: there is no such version or file.
        DatasetInvalid: it cannot be read, or is too little to train and test with.
        ConfigurationInvalid: the settings do not fit the dataset.
    """
    match = VERSION.fullmatch(reference)
    if match and settings.test:
        raise ConfigurationInvalid(
            "A dataset version has a test split of its own.",
            "`gristmill dataset export` makes a file of it that can go with another test file.",
        )
    if match:
        main = _version(int(match[1]) if match[1] else None, versions_location)
    else:
        main = read_file(Path(reference).expanduser())
    test = read_file(Path(settings.test).expanduser()) if settings.test else None
    if test and test.labelled != main.labelled:
        raise DatasetInvalid(
            f"{test.name} and {main.name} are not for the same task.",
            "Either both have labels (.tsv, .csv) or neither has.",
        )
    task = Task()
    if main.labelled:
        main, test, task = _labelled(main, test, settings.labels)
    elif settings.labels:
        raise ConfigurationInvalid(
            f"{main.name} has no labels to rename.", "Only a .tsv or .csv has; leave labels out."
        )
    notes = (*main.notes, *(test.notes if test else ()))
    splits = split(main, test, settings.data_seed)
    return _task_data(main, task, splits, settings, (*notes, *splits.notes))


def _task_data(
    main: Content, task: Task, splits: Splits, settings: DataSettings, notes: tuple[str, ...]
) -> TaskData:
    def chosen(side: str, rows: list[Row], count: int, least: int) -> list[Item]:
        if len(rows) < least or 0 < count < least:
            raise DatasetInvalid(
                f"{main.name} leaves too few rows for {side}: "
                f"{min(len(rows), count or len(rows))}, where at least {least} must be.",
                "Take a larger dataset, or ask for more rows of it.",
            )
        some = subset(rows, count, f"{settings.data_seed}/{side}", labelled=main.labelled)
        return [_item(row) for row in some]

    train = chosen("train", splits.train, settings.train_rows, 2)
    validation = chosen("validation", splits.validation, settings.validation_rows, 1)
    test = chosen("test", splits.test, settings.test_rows, 1)
    if main.labelled and len({item.answers[0] for item in train}) == 1:
        raise DatasetInvalid(
            f"Every train row of {main.name} has the label {train[0].answers[0]}.",
            "Train on more rows: with one label there is nothing to learn.",
        )
    unseen = sorted({i.answers[0] for i in test} - {i.answers[0] for i in train})
    if main.labelled and unseen:
        notes += (f"No train row has the label {', '.join(unseen)}.",)
    random.Random(f"{settings.data_seed}/order").shuffle(train)
    ids = (sorted(item.item_id for item in items) for items in (train, validation, test))
    content = fingerprint(*map(",".join, ids))
    return TaskData(main.name, content, task, tuple(train), tuple(validation), tuple(test), notes)


def _item(row: Row) -> Item:
    item_id = fingerprint(row.query.question, row.query.context, *row.answers)
    return Item(item_id, row.query, row.answers, row.group)


def _version(number: int | None, location: str) -> Content:
    from shared.storage.dataset import Dataset  # deltalake takes its time

    dataset = Dataset(location)
    if number is None:
        number = max((v.number for v in asyncio.run(dataset.versions())), default=None)
    rows = [
        Row(Query(row.question, row.context), (row.answer,), row.document_id, row.split)
        for row in asyncio.run(dataset.read(number))
        if row.status == "accepted"
    ]
    if not rows:
        raise DatasetInvalid(
            f"Dataset version {number} has no accepted example.",
            "`gristmill dataset show` tells why examples were rejected.",
        )
    return Content(f"dataset v{number}", rows, unit="document")


def _labelled(
    main: Content, test: Content | None, names: dict[str, str]
) -> tuple[Content, Content | None, Task]:
    """Return both with their labels renamed, and the task that the labels make."""
    present = {row.answers[0] for row in (*main.rows, *(test.rows if test else ()))}
    if unknown := sorted(set(names) - present):
        raise ConfigurationInvalid(
            f"{main.name} has no label {', '.join(unknown)} to rename.",
            f"It has {', '.join(sorted(present)[:10])}.",
        )
    main = _renamed(main, names)
    test = _renamed(test, names) if test else None
    labels = {row.answers[0] for row in main.rows}
    if len(labels) > _MOST_LABELS:
        raise DatasetInvalid(
            f"{main.name} has {len(labels)} labels, which look like free text.",
            'Free text belongs in a .jsonl of {"input": ..., "output": ...}.',
        )
    if len(labels) == 1:
        raise DatasetInvalid(
            f"Every row of {main.name} has the label {labels.pop()}.",
            "Add rows of another label: with one there is nothing to learn.",
        )
    if test and (new := sorted({row.answers[0] for row in test.rows} - labels)):
        raise DatasetInvalid(
            f"{test.name} has labels that {main.name} does not have: {', '.join(new[:10])}.",
            "The setting `labels` renames labels, so that both files use the same.",
        )
    return main, test, Task(tuple(sorted(labels)))


def _renamed(content: Content, names: dict[str, str]) -> Content:
    rows = [replace(r, answers=(names.get(r.answers[0], r.answers[0]),)) for r in content.rows]
    return replace(content, rows=rows)
