"""What the curator can be told."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field


class CheckSettings(BaseModel):
    """What an example must be like to be accepted.

    Attributes:
        min_words, max_words: shortest and longest question.
        leak_share: share of the answer's content words that the question may not reach.
        leak_run_words: words in a row, making up half of the answer or more, that the question
            may not repeat.
        stands_alone: whether questions are rejected that speak of "the passage", or of "it" and
            "this" without a name; out of sight of the passage nobody can answer them.
        grounding: how well the passage has to bear the answer out: the greater of the share of its
            content words that the passage has and its nearness to the passage's sentences
            (cosine). Numbers and names have to be in the passage always.
        round_trip: how well what a reader finds has to agree with the answer, 0 to 1.
    """

    min_words: int = Field(default=4, ge=1)
    max_words: int = Field(default=40, ge=1)
    leak_share: float = Field(default=0.8, gt=0, le=1)
    leak_run_words: int = Field(default=8, ge=2)
    stands_alone: bool = True
    grounding: float = Field(default=0.6, ge=0, le=1)
    round_trip: float = Field(default=0.9, ge=0, le=1)


class BuildSettings(BaseModel):
    """How a dataset version is made of the examples that stand.

    Attributes:
        near_duplicate: similarity of two questions of a document in spelling, from 0 to 1, from
            which the later one is rejected.
        same_meaning: the same for their meaning (cosine); their numbers and names must agree too.
        validation_share, test_share: of the documents; the rest is for training.
        max_per_document: most accepted examples of a document, the best stay; 0 for all.
        rank_depth: how far down the search results a question's own passage is looked for; 0 for
            not at all.
        decontaminate: files (JSON lines, SQuAD JSON or text) whose questions and texts may not be
            in the dataset.
    """

    near_duplicate: float = Field(default=0.85, gt=0, le=1)
    same_meaning: float = Field(default=0.95, gt=0, le=1)
    validation_share: float = Field(default=0.1, ge=0, lt=1)
    test_share: float = Field(default=0.1, ge=0, lt=1)
    max_per_document: int = Field(default=0, ge=0)
    rank_depth: int = Field(default=10, ge=0, le=100)
    decontaminate: tuple[Path, ...] = ()


class CuratorSettings(BaseModel):
    """Settings of the curator.

    Attributes:
        batch_size: most examples in one commit to the log.
        batch_wait_seconds: how long an example waits for others to share its commit.
        compact_every: commits after which the log's small files are joined; 0 for never.
    """

    checks: CheckSettings = CheckSettings()
    build: BuildSettings = BuildSettings()
    batch_size: int = Field(default=512, ge=1)
    batch_wait_seconds: float = Field(default=0.02, ge=0)
    compact_every: int = Field(default=50, ge=0)
