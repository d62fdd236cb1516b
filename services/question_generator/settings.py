"""What the question generator can be told."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class QuestionSettings(BaseModel):
    """Settings of the question generator's core.

    Attributes:
        passage_weight, answer_weight: how much a candidate's likeness to the passage and to the
            answer counts when the best is chosen (cosine of the embeddings).
        seq2seq_prompt: what an encoder-decoder model gets. Those tuned to ask questions each know
            one wording. This is that of the models which know the answer by `<hl>`; others want
            `answer: {summary} context: {passage}`. Slots: `{passage}`, `{summary}`, `{topic}`.
        words_weight: how much it counts that the candidate's words are the answer's own.
        likelihood_weight: how much a candidate loses that is the last of a local model's list,
            which has the likeliest first; those before it lose less.
        reader: what looks for the answer in the passage again, for the score `round_trip`:
            `sentences` takes the sentence nearest to the question, `generator` asks the model
            that asks the questions, which is worth its time with a large one.
    """

    seq2seq_prompt: str = "generate question: <hl> {summary} <hl> {passage}"
    passage_weight: float = Field(default=2.0, ge=0)
    answer_weight: float = Field(default=1.0, ge=0)
    words_weight: float = Field(default=1.0, ge=0)
    likelihood_weight: float = Field(default=0.5, ge=0)
    reader: Literal["sentences", "generator"] = "sentences"
