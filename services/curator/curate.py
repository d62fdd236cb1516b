"""From a question to an example, as it streams by."""

from __future__ import annotations

from services.curator.checks import check
from services.curator.settings import CheckSettings
from shared.messages import QuestionGenerated
from shared.storage.rows import Example

_CHECKS = CheckSettings()


def curate(message: QuestionGenerated, limits: CheckSettings = _CHECKS) -> Example:
    """Judge a question by itself; a rejected one keeps its reasons."""
    passage, source = message.passage, message.source
    question, answer = message.question.strip(), message.summary.strip()
    headings = "\n".join((source.title, *passage.heading_path))
    verdict = check(question, answer, passage.text, limits, given=message.scores, headings=headings)
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
        vector=message.vector,
    )


def _both(summary: str, question: str) -> str:
    return summary if summary == question else f"{summary} + {question}"
