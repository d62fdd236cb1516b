"""From questions to a dataset: one example at a time, then all of them together."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from services.curator.checks import check
from services.curator.duplicates import duplicates, spelling
from services.curator.settings import BuildSettings, CheckSettings
from shared.messages import QuestionGenerated
from shared.storage.rows import Example

_CHECKS = CheckSettings()
_BUILD = BuildSettings()


def curate(message: QuestionGenerated, limits: CheckSettings = _CHECKS) -> Example:
    """Judge a question by itself; a rejected one keeps its reasons."""
    passage, source = message.passage, message.source
    question, answer = message.question.strip(), message.summary.strip()
    verdict = check(question, answer, passage.text, limits)
    return Example(
        example_id=str(message.example_id),
        question=question,
        context=passage.text,
        answer=answer,
        status="rejected" if verdict.reasons else "accepted",
        reasons=verdict.reasons,
        scores=verdict.scores,
        split="",
        source_uri=source.uri,
        title=source.title,
        heading_path=passage.heading_path,
        page=passage.page,
        char_start=passage.char_start,
        char_end=passage.char_end,
        revision=source.revision,
        passage_id=str(passage.passage_id),
        document_id=str(source.document_id),
        generator=_both(message.summary_maker.model, message.question_maker.model),
        prompt=_both(message.summary_maker.prompt, message.question_maker.prompt),
        sequence=source.sequence,
        ordinal=message.ordinal,
    )


def build(examples: Iterable[Example], settings: BuildSettings = _BUILD) -> list[Example]:
    """Return the rows of a dataset version: repeated questions rejected, every row in a split.

    Whatever order the examples come in, the same set of them gives the same rows: documents are
    ordered by their address, questions by their place in the document, and of questions that ask
    the same the first one stays. The same words again are rejected anywhere in the dataset (over
    the border of two splits they would leak), near-duplicates within their document.
    """
    rows = sorted(examples, key=_place)
    again = _again(rows, settings.near_duplicate)
    return [_finished(row, again.get(row.example_id, 0.0), settings) for row in rows]


def split_of(document_id: str, settings: BuildSettings = _BUILD) -> str:
    """Return the split of a document: all its examples share it, in every version."""
    digest = hashlib.sha256(document_id.encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < settings.test_share:
        return "test"
    return "validation" if place < settings.test_share + settings.validation_share else "train"


def _place(row: Example) -> tuple[str, str, int, int, str]:
    return row.source_uri, row.document_id, row.char_start, row.ordinal, row.example_id


def _again(rows: list[Example], similarity: float) -> dict[str, float]:
    """Return the accepted examples that ask what another one asks, and how like they are."""
    documents: dict[str, list[Example]] = defaultdict(list)
    for row in rows:
        if row.status == "accepted":
            documents[row.document_id].append(row)
    again: dict[str, float] = {}
    seen: set[str] = set()
    for document in documents.values():
        found = duplicates((row.question for row in document), similarity)
        for row, likeness in zip(document, found, strict=True):
            spelled = spelling(row.question)
            if spelled in seen:
                again[row.example_id] = 1.0
            elif likeness:
                again[row.example_id] = likeness
            else:
                seen.add(spelled)
    return again


def _finished(row: Example, likeness: float, settings: BuildSettings) -> Example:
    row = replace(row, split=split_of(row.document_id, settings))
    if not likeness:
        return row
    reason = "question_repeated" if likeness == 1 else "question_near_duplicate"
    scores = dict(row.scores) | {"duplicate": round(likeness, 4)}
    return replace(row, status="rejected", reasons=(*row.reasons, reason), scores=scores)


def _both(summary: str, question: str) -> str:
    return summary if summary == question else f"{summary} + {question}"
