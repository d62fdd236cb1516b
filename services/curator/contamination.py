"""What must not be in the dataset because something else is measured with it.

A row is contaminated where its question or its context shares eight words in a row with the given
texts (the rule of GPT-2's and GPT-3's reports, with their shorter runs), or where its question is
nearly one of theirs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from services.curator.duplicates import Asked
from shared.text import sentences, words

RUN_WORDS = 8
_JSON = tuple('{["')
_LABEL = re.compile(r"^\W*(?:question|q|input|user)\s*:\s*", re.IGNORECASE)


class Known:
    """The texts that something else is measured with.

    Args:
        texts: questions, contexts, answers, as they come.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._runs: set[int] = set()
        self._asked = Asked()
        for text in texts:
            self._runs.update(_runs(text))
            for sentence in sentences(text):
                if sentence.endswith("?"):
                    self._asked.add(_LABEL.sub("", sentence))

    def has(self, question: str, context: str) -> bool:
        """Whether a row with these would be contaminated."""
        runs = (run for text in (question, context) for run in _runs(text))
        return not self._runs.isdisjoint(runs) or self._asked.likeness(question) > 0


def texts_in(body: bytes) -> Iterator[str]:
    """Give the texts of a file: of JSON, of lines of JSON, or the paragraphs of plain text."""
    text = body.decode("utf-8", errors="replace").lstrip("\ufeff")
    try:
        yield from _strings(json.loads(text))
    except ValueError:
        blocks = text.splitlines() if text.lstrip()[:1] in _JSON else text.split("\n\n")
        for block in blocks:
            try:
                yield from _strings(json.loads(block))
            except ValueError:
                yield block


def _strings(value: Any) -> Iterator[str]:
    """Give every text in a JSON value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
    elif isinstance(value, dict):
        yield from _strings(list(value.values()))


def _runs(text: str) -> Iterator[int]:
    said = words(text)
    for at in range(len(said) - RUN_WORDS + 1):
        yield hash(tuple(said[at : at + RUN_WORDS]))
