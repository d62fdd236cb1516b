"""From a question to an answer and the passages it was taken from."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from shared.answering.port import Answerer, Query
from shared.errors import GristmillError
from shared.index.port import Hit

MAX_K = 50

Search = Callable[[str, int], Awaitable[Sequence[Hit]]]
"""Returns the best passages for a question, best first: at most so many."""


class QuestionInvalid(GristmillError):
    """A question that cannot be answered as it is asked."""


class NothingIndexed(GristmillError):
    """There are no passages to answer from."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, with what it was taken from.

    Attributes:
        answer: empty where the model said nothing.
        sources: the passages that the model was given, best first.
    """

    question: str
    answer: str
    sources: tuple[Hit, ...] = ()


async def answer(
    question: str,
    k: int,
    search: Search,
    answerer: Answerer,
    turn: AbstractAsyncContextManager[object],
) -> Answered:
    """Answer a question.

    Args:
        question: the question; for a model that labels, the text.
        k: how many passages the model is given, at most 50; 0 to ask the model alone.
        search: finds the passages.
        answerer: the model.
        turn: is held while the model works.

    Raises:
        QuestionInvalid: an empty question, or a `k` that is out of range.
        NothingIndexed: passages are wanted and there are none.
    """
    question = question.strip()
    check(question, k)
    sources = tuple(await search(question, k)) if k else ()
    if k and not sources:
        raise nothing_indexed("The index holds no passages.")
    query = Query(question, "\n\n".join(hit.text for hit in sources))
    async with turn:
        (said,) = await asyncio.to_thread(answerer.answer, [query])
    return Answered(question, said, sources)


def check(question: str, k: int) -> None:
    """Raise QuestionInvalid for an empty question, or a `k` that is out of range."""
    if not question.strip():
        raise QuestionInvalid("The question is empty.", "Ask something.")
    if not 0 <= k <= MAX_K:
        raise QuestionInvalid(
            f"k is {k}.", f"Ask with 1 to {MAX_K} passages, or 0 for the model alone."
        )


def nothing_indexed(what: str) -> NothingIndexed:
    """Return the error that says what is missing, and what to do."""
    return NothingIndexed(
        what, "Run `gristmill run DOCUMENTS` first, or ask the model alone with k = 0."
    )
