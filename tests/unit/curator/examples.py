"""Examples and messages for the curator's tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared import ids
from shared.messages import Maker, Passage, QuestionGenerated, Source
from shared.storage.rows import Example

TEXT = (
    "Marie Curie discovered polonium in 1898 in Paris. She named it after Poland, the country "
    "of her birth. The discovery made her known all over the world."
)
ANSWER = "She called the new element polonium because she was born in Poland."
SHA = "ab" * 32


def message(
    question: str, answer: str = ANSWER, text: str = TEXT, *, start: int = 10, **more: Any
) -> QuestionGenerated:
    document = ids.document_id("curie.html")
    return QuestionGenerated(
        source=Source(
            document_id=document,
            uri="curie.html",
            title="Marie Curie",
            revision=SHA,
            text_blob=SHA,
            sequence="0000000000001-0",
        ),
        passage=Passage(
            passage_id=ids.passage_id(document, text),
            text=text,
            char_start=start,
            char_end=start + len(text),
            heading_path=("Life", "Work"),
            page=2,
        ),
        summary=answer,
        summary_maker=Maker(model="pkg:small", prompt="summary/1f3a", decoding="{}"),
        question=question,
        question_maker=Maker(model="pkg:small", prompt="question/99aa", decoding="{}"),
        **more,
    )


def example(question: str, number: int = 0, document: str = "curie.html", **more: Any) -> Example:
    document_id = ids.document_id(document)
    context = f"{TEXT} This is passage {number}."
    row = Example(
        example_id=str(ids.example_id(ids.passage_id(document_id, context), question, 0)),
        question=question,
        context=context,
        answer=ANSWER,
        status="accepted",
        reasons=(),
        scores={"question_words": 5.0},
        split="",
        source_uri=document,
        title="Marie Curie",
        heading_path=("Life", "Work"),
        page=None,
        char_start=200 * number,
        char_end=200 * number + len(context),
        revision=SHA,
        passage_id=str(ids.passage_id(document_id, context)),
        document_id=str(document_id),
        generator="pkg:small",
        prompt="summary/1f3a + question/99aa",
        sequence="0000000000001-0",
    )
    return replace(row, **more)
