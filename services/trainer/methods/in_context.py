"""In-context learning: worked examples before the query, no weight changed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from services.trainer.job import Job, MethodSettings, Tuned
from shared.answering.artifact import write_demonstrations


class InContextSettings(MethodSettings):
    """Settings of in-context learning.

    Attributes:
        k: worked examples for a query; as many of them as fit the context are shown.
        choose: `similar` takes those whose questions are nearest in meaning; `random` the same
            ones for every query.
    """

    k: int = Field(default=4, ge=1)
    choose: Literal["similar", "random"] = "similar"


class InContext:
    """Keeps the training rows as a pool to choose worked examples from."""

    settings = InContextSettings
    words_only = True
    labels_only = False

    def __init__(self, settings: InContextSettings) -> None:
        self._settings = settings

    def tune(self, job: Job) -> Tuned:
        """Keep the pool."""
        details = {
            "k": self._settings.k,
            "similar": self._settings.choose == "similar",
            "seed": job.seed,
        }
        job.save("prompt", details=details)
        write_demonstrations(job.artifact_folder, [item.example for item in job.data.train])
        return Tuned(total=job.parameters)
