"""The paragraphs of half of SQuAD 2's development set, with what people asked about them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.text import sentence_at

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("GRISTMILL_DATA", ROOT.parent / "shared" / "data"))
LEARNED = 12
"""So many articles may have been learned from."""


@dataclass
class Row:
    title: str
    passage: str
    human: list[tuple[str, str, str]] = field(default_factory=list)
    """Question, gold answer, and the sentence that holds it."""
    place: int = -1
    article: int = -1
    summary: str = ""
    question: str = ""
    reasons: tuple[str, ...] = ()


def paragraphs() -> list[Row]:
    """Return all paragraphs of the file, in order."""
    articles = json.loads((DATA / "squad" / "squad2-half-dev.json").read_text("utf-8"))["data"]
    rows = [
        Row(
            article["title"].replace("_", " "),
            paragraph["context"].strip(),
            [
                _asked(each, paragraph["context"])
                for each in paragraph["qas"]
                if not each["is_impossible"]
            ],
            article=number,
        )
        for number, article in enumerate(articles)
        for paragraph in article["paragraphs"]
    ]
    for place, row in enumerate(rows):
        row.place = place
    return rows


def _asked(each: dict[str, Any], context: str) -> tuple[str, str, str]:
    gold, start = each["answers"][0]["text"], each["answers"][0]["answer_start"]
    sentence = sentence_at(context, start, start + len(gold))
    return each["question"].strip(), gold, sentence or gold


def spread(rows: Sequence[Row], count: int) -> list[Row]:
    """Return so many, evenly over all; all where there are fewer."""
    count = min(count, len(rows))
    return [rows[place * len(rows) // count] for place in range(count)]
