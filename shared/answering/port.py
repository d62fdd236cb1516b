"""What is asked of a model, tuned or not, and what every way of answering offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.errors import GristmillError


class ContextTooLong(GristmillError):
    """A query without its passage is already longer than the model can read."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question, with the text that holds its answer where there is one.

    Attributes:
        question: the question; for classification the text to label.
        context: the passage, or passages; empty to ask the model alone.
    """

    question: str
    context: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A query with the answer to learn."""

    query: Query
    answer: str


@dataclass(frozen=True, slots=True)
class Task:
    """What kind of answers are wanted.

    Attributes:
        labels: the answers to choose from, sorted; empty where the answer is free text.
    """

    labels: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`classification` or `question-answering`."""
        return "classification" if self.labels else "question-answering"


class Answerer(Protocol):
    """Answers queries. Blocking; holds its model until it is dropped."""

    def answer(self, queries: Sequence[Query]) -> list[str]:
        """Return one answer for each query, in order; an empty string where nothing was said."""
        ...

    def likelihood(self, examples: Sequence[Example]) -> list[float] | None:
        """Return the mean negative log-likelihood per token (nats) of each example's answer.

        None where this way of answering has no likelihood: endpoints, and heads that choose.
        """
        ...
