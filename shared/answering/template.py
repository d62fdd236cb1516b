"""How a query is put to a model: the words around it, and the form of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from shared.answering.port import Example, Query, Task

Turn = dict[str, str]

ANSWER = "Answer the question from the passage, in as few words as possible."
ANSWER_ALONE = "Answer the question."
_DEFAULT_LENGTH = 48


@dataclass(frozen=True, slots=True)
class Template:
    """The words around a query.

    Attributes:
        instruction: what to do; comes first.
        chat: whether as turns of a conversation, for models that have a chat template and for
            endpoints, or as a text to be continued.
        passage, question, cue: names before the context, the question and the answer.
        question_first: whether the question stands before the passage.
        max_new_tokens: longest answer, in the model's tokens.
        stop: what ends an answer, besides the model's own end; empty for nothing.
    """

    instruction: str
    chat: bool = False
    passage: str = "Passage"
    question: str = "Question"
    cue: str = "Answer"
    question_first: bool = False
    max_new_tokens: int = _DEFAULT_LENGTH
    stop: str = "\n"

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON types; `Template(**it)` is the same again."""
        return asdict(self)

    def asks(self, query: Query) -> str:
        """Return the instruction; the default one does not speak of a passage that is not there."""
        alone = not query.context and self.instruction == ANSWER
        return ANSWER_ALONE if alone else self.instruction

    def body(self, query: Query) -> str:
        """Return the query in words."""
        asked = f"{self.question}: {query.question}"
        if not query.context:
            return asked
        given = f"{self.passage}: {query.context}"
        return f"{asked}\n{given}" if self.question_first else f"{given}\n{asked}"

    def completion(self, query: Query, worked: Sequence[Example] = ()) -> str:
        """Return the text to continue: instruction, worked examples, the query and the cue."""
        shown = [f"{self.body(each.query)}\n{self.cue}: {each.answer}" for each in worked]
        parts = [self.asks(query), *shown, f"{self.body(query)}\n{self.cue}:"]
        return "\n\n".join(part for part in parts if part)

    def turns(self, query: Query, worked: Sequence[Example] = ()) -> list[Turn]:
        """Return the conversation up to the answer."""
        turns: list[Turn] = []
        if asked := self.asks(query):
            turns.append({"role": "system", "content": asked})
        for each in worked:
            turns.append({"role": "user", "content": self.body(each.query)})
            turns.append({"role": "assistant", "content": each.answer})
        return [*turns, {"role": "user", "content": self.body(query)}]


def default_template(task: Task, *, chat: bool = False) -> Template:
    """Return the template that every method starts from.

    Args:
        task: what is asked for.
        chat: whether the model is to be asked in a conversation.
    """
    if task.labels:
        *first, last = task.labels
        choice = f"{', '.join(first)} or {last}" if first else last
        return Template(
            f"Classify the text as {choice}.", chat, question="Text", cue="Label", max_new_tokens=8
        )
    return Template(ANSWER, chat)
