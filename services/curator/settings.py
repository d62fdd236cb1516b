"""What the curator can be told."""

from __future__ import annotations

from pydantic import BaseModel, Field


class CheckSettings(BaseModel):
    """What a question must be like to be accepted.

    Attributes:
        min_words, max_words: shortest and longest question.
        leak_share: share of the answer's content words that the question may not reach.
        leak_run_words: words in a row, making up half of the answer or more, that the question
            may not repeat.
        about_text: whether questions about "the passage" are rejected; out of sight of the
            passage, as in a search, nobody can answer them.
    """

    min_words: int = Field(default=4, ge=1)
    max_words: int = Field(default=40, ge=1)
    leak_share: float = Field(default=0.8, gt=0, le=1)
    leak_run_words: int = Field(default=8, ge=2)
    about_text: bool = True


class BuildSettings(BaseModel):
    """How a dataset version is made of the examples that stand.

    Attributes:
        near_duplicate: similarity of two questions of a document, from 0 to 1, from which the
            later one is rejected.
        validation_share, test_share: of the documents; the rest is for training.
    """

    near_duplicate: float = Field(default=0.85, gt=0, le=1)
    validation_share: float = Field(default=0.1, ge=0, lt=1)
    test_share: float = Field(default=0.1, ge=0, lt=1)


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
