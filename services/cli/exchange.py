"""Rows to be judged elsewhere, and the verdicts that come back: one JSON object a line.

`verdict` is `accept`, `edit` or `reject`, or empty where there is none; for `edit` the texts that
are to stand there are in `new_question` and `new_answer`, and one that is empty stays as it was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from shared.errors import GristmillError
from shared.files import write_atomically
from shared.storage.rows import Example
from shared.storage.verdicts import Decision, Key, Verdict, key_of

_DECISIONS: tuple[Decision, ...] = get_args(Decision)


class VerdictsInvalid(GristmillError):
    """A file of verdicts that cannot be taken in; nothing of it was."""


def write_rows(rows: Sequence[Example], known: Mapping[Key, Verdict], path: Path) -> int:
    """Write the rows, with the verdicts there are, and return how many they are."""
    lines = [json.dumps(_line(row, known), ensure_ascii=False) + "\n" for row in rows]
    write_atomically(path, lambda partial: partial.write_text("".join(lines), "utf-8"))
    return len(lines)


def read_verdicts(path: Path, rows: Sequence[Example]) -> list[Verdict]:
    """Return the verdicts in a file on rows of a version.

    Raises:
        VerdictsInvalid: it cannot be read, or has a line that is no verdict on one of the rows.
    """
    found = {key_of(row): row for row in rows}
    now = time.time_ns()
    verdicts = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise VerdictsInvalid(f"{path} cannot be read: {error}.") from error
    for number, line in enumerate(lines, 1):
        try:
            verdict = _verdict(json.loads(line), found) if line.strip() else None
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise VerdictsInvalid(
                f"Line {number} of {path} is no verdict: {error}.",
                "Begin with the file that `gristmill review --export FILE` writes.",
            ) from error
        if verdict:
            verdicts.append(replace(verdict, at=now + number))
    return verdicts


def _line(row: Example, known: Mapping[Key, Verdict]) -> dict[str, Any]:
    verdict = known.get(key_of(row))
    return {
        "verdict": verdict.decision if verdict else "",
        "question": row.question,
        "answer": row.answer,
        "new_question": verdict.new_question if verdict else "",
        "new_answer": verdict.new_answer if verdict else "",
        "context": row.context,
        "status": row.status,
        "reasons": list(row.reasons),
        "source_uri": row.source_uri,
        "heading_path": list(row.heading_path),
        "passage_id": row.passage_id,
    }


def _verdict(line: dict[str, str], found: Mapping[Key, Example]) -> Verdict | None:
    said = line["verdict"].strip().lower()
    if not said:
        return None
    decision = next((each for each in _DECISIONS if each == said), None)
    if decision is None:
        raise ValueError(f"{said!r} is none of {', '.join(_DECISIONS)}")
    row = found.get(Verdict(line["passage_id"], line["question"], "accept").key)
    if row is None:
        raise ValueError("the version has no such question to such a passage")
    if decision != "edit":
        return Verdict.on(row, decision)
    question = line.get("new_question", "").strip() or row.question
    return Verdict.on(row, "edit", question, line.get("new_answer", "").strip() or row.answer)
