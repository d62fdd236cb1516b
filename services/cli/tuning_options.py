"""What is given to `tune` and `compare` as text, and what it means."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from services.trainer.naming import absolute
from shared.errors import ConfigurationInvalid, DatasetNotFound


def data_settings(
    test: str, train_rows: int, test_rows: int, labels: Sequence[str] | None
) -> dict[str, Any]:
    """Return the settings of the data that were given.

    Raises:
        DatasetNotFound: the file to test on is not there.
        ConfigurationInvalid: a label is not `old=new`.
    """
    given: dict[str, Any] = {"train_rows": train_rows, "test_rows": test_rows}
    if test:
        if not Path(test).is_file():
            raise DatasetNotFound(f"{test} is not a file.", "--test names a file to test on.")
        given["test"] = absolute(test)
    given["labels"] = dict(_pair(label, "--label 0=negative") for label in labels or ())
    return {name: value for name, value in given.items() if value}


def seconds(minutes: float | None) -> dict[str, float]:
    """Return the limit that a training has, if it has one."""
    return {} if minutes is None else {"max_seconds": round(minutes * 60, 1)}


def parsed(pairs: Sequence[str] | None) -> dict[str, Any]:
    """Return `key=value` settings; a value that is JSON is read as such.

    Raises:
        ConfigurationInvalid: one is not `key=value`.
    """
    found: dict[str, Any] = {}
    for pair in pairs or ():
        key, value = _pair(pair, "--set rank=8")
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


def _pair(text: str, example: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key.strip() or not equals:
        raise ConfigurationInvalid(f"{text!r} is not key=value.", f"Such as {example}.")
    return key.strip(), value.strip()


def listed(text: str) -> list[str]:
    """Return the parts of a comma-separated list, each once."""
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def variant(text: str) -> tuple[str, dict[str, Any]]:
    """Return a method and its settings from `METHOD` or `METHOD:key=value:key=value`."""
    name, *pairs = text.split(":")
    return name.strip(), parsed(pairs)


def numbers(text: str) -> list[int]:
    """Return the numbers of a comma-separated list.

    Raises:
        ConfigurationInvalid: a part is no number.
    """
    try:
        return [int(part) for part in listed(text)] or [0]
    except ValueError as error:
        raise ConfigurationInvalid(f"{text!r} is no list of seeds.", "Such as 0,1,2.") from error
