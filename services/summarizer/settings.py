"""What the summarizer can be told."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

Faithfulness = Literal["auto", "quote", "supported", "off"]


class SummarySettings(BaseModel):
    """Settings of the summarizer's core.

    Attributes:
        count: summaries of each passage: of the whole, and of the parts that it says nothing of.
            Each becomes the answer of a question. Fewer where the passage is short.
        faithfulness: what is done with a draft that the passage does not bear out.
            `quote` keeps draft sentences that say what a sentence of the passage says in nearly
            its words, and otherwise takes the sentences of the passage that the draft speaks of.
            `supported` keeps draft sentences whose numbers and nearly all of whose words are the
            passage's, and otherwise does as `quote`. `off` keeps the draft. `auto` is `quote` for
            local causal models, which may be small, and `supported` for the others.
        seq2seq_prompt: what an encoder-decoder model gets, with slots `{passage}` and `{heading}`.
    """

    count: int = Field(default=1, ge=1, le=8)
    faithfulness: Faithfulness = "auto"
    seq2seq_prompt: str = "Summarize in one or two sentences: {passage}"
