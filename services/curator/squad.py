"""SQuAD v1.1 (Rajpurkar et al. 2016): answers are stretches of the context.

Ours are written by a model, so most are no stretch of it. One that is stands as it is. For any
other the sentences of the context that support it best stand as the answer, with the question's
`answer_is_span: false` and the answer that was written as `written_answer` beside them; what every
reader relies on, `context[answer_start:][:len(text)] == text`, holds always. An answer that no
sentence supports cannot be held and is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from shared.storage.rows import Example
from shared.text import f1

_SENTENCE = re.compile(r"\S.*?(?:[.!?][\"'\u201d\u2019)\]]*(?=\s)|(?=\n)|\Z)", re.DOTALL)
_MOST_SENTENCES = 3
_SUPPORTED = 0.2


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the context.

    Attributes:
        start: its first character, counted from 0.
        support: F1 of its content words and the answer's; 1 where it is the answer.
    """

    start: int
    text: str
    support: float


def find_answer(row: Example) -> Span | None:
    """Return the answer, or what supports it best, in the context; None where nothing does."""
    start = row.context.find(row.answer)
    if row.answer and start >= 0:
        return Span(start, row.answer, 1.0)
    sentences = [match.span() for match in _SENTENCE.finditer(row.context)]
    best: Span | None = None
    for first, (begin, _) in enumerate(sentences):
        for _, end in sentences[first : first + _MOST_SENTENCES]:
            text = row.context[begin:end]
            support = f1(text, row.answer)
            if support >= _SUPPORTED and (best is None or support > best.support):
                best = Span(begin, text, support)
    return best


def document(rows: Sequence[Example], about: Callable[[Example], dict[str, Any]]) -> dict[str, Any]:
    """Return the rows as one SQuAD file: documents, their passages, the questions to each."""
    articles: dict[str, dict[str, Any]] = {}
    paragraphs: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        span = find_answer(row)
        if span is None:
            continue
        if row.document_id not in articles:
            articles[row.document_id] = {"title": row.title or row.source_uri, "paragraphs": []}
        key = row.document_id, row.passage_id
        if key not in paragraphs:
            paragraphs[key] = {"context": row.context, "qas": []}
            articles[row.document_id]["paragraphs"].append(paragraphs[key])
        paragraphs[key]["qas"].append(_question(row, span, about(row)))
    return {"version": "1.1", "data": list(articles.values())}


def _question(row: Example, span: Span, about: dict[str, Any]) -> dict[str, Any]:
    question: dict[str, Any] = {
        "id": row.example_id,
        "question": row.question,
        "answers": [{"text": span.text, "answer_start": span.start}],
        "answer_is_span": span.text == row.answer,
    }
    if span.text != row.answer:
        question["written_answer"] = row.answer
    return question | {"metadata": about}
