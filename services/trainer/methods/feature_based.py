"""Feature-based tuning: a classifier over the frozen model's hidden states.

Labelled data: the label. Question answering: which sentence of the context answers. The body runs
once over each row; logistic regression does the rest.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field
from sklearn.linear_model import LogisticRegression

from services.trainer.job import Job, MethodSettings, Tuned, TuningFailed
from shared.answering import features
from shared.answering.heads import Array, Linear, sentences_of


class FeatureBasedSettings(MethodSettings):
    """Settings of feature-based tuning.

    Attributes:
        layer: whose hidden states; as a share of the depth, 1 for the last layer.
        pooling: for labels: the state of the `last` token, the `mean` of all, or `both`.
        regularization: inverse strength C of the logistic regression.
    """

    layer: float = Field(default=0.7, gt=0, le=1)
    pooling: Literal["last", "mean", "both"] = "both"
    regularization: float = Field(default=0.01, gt=0)


class FeatureBased:
    """Fits a logistic regression to cached features."""

    settings = FeatureBasedSettings
    words_only = False
    labels_only = False

    def __init__(self, settings: FeatureBasedSettings) -> None:
        self._settings = settings

    def tune(self, job: Job) -> Tuned:
        """Run the body once, fit the head, save it."""
        depth = int(job.network.model.config.num_hidden_layers)
        at = round(self._settings.layer * depth)
        layer = -1 if at >= depth else max(at, 1)
        if job.task.labels:
            return self._labels(job, layer)
        return self._sentences(job, layer)

    def _labels(self, job: Job, layer: int) -> Tuned:
        queries = [item.query for item in job.data.train]
        job.progress("training", 0, 2)
        found = features.of_texts(job.network, job.template, queries, layer, self._settings.pooling)
        job.progress("training", 1, 2)
        wanted = [job.task.labels.index(item.answers[0]) for item in job.data.train]
        head = self._fit(found, np.array(wanted), len(job.task.labels))
        head.save(job.artifact_folder)
        job.save("label-head", details={"layer": layer, "pooling": self._settings.pooling})
        return self._tuned(job, head, ())

    def _sentences(self, job: Job, layer: int) -> Tuned:
        held = [(item, _right(item.query.context, item.answers)) for item in job.data.train]
        kept = [(item, right) for item, right in held if right]
        if not kept:
            raise TuningFailed(
                "No training answer is found in its context, so there is no sentence to choose.",
                "feature-based needs answers that come from the context; take another method.",
            )
        notes = ["Answers with a whole sentence of the context, however short the reference is."]
        if len(kept) < len(held):
            notes.append(
                f"{len(held) - len(kept)} training rows were left out: their answer is not in the "
                "context."
            )
        job.progress("training", 0, 2)
        _, found, owners = features.of_sentences(job.network, [i.query for i, _ in kept], layer)
        job.progress("training", 1, 2)
        wanted = np.zeros(len(owners), dtype=np.int64)
        for at, (_, right) in enumerate(kept):
            wanted[np.flatnonzero(owners == at)[sorted(right)]] = 1
        if wanted.all():
            raise TuningFailed(
                "Every context is a single sentence: there is nothing to choose.",
                "Take another method, or longer passages.",
            )
        head = self._fit(found, wanted, 2)
        head.save(job.artifact_folder)
        job.save("sentence-head", details={"layer": layer})
        return self._tuned(job, head, tuple(notes))

    def _fit(self, found: Array, wanted: Any, outputs: int) -> Linear:
        mean, scale = found.mean(0), found.std(0) + 1e-6
        regression = LogisticRegression(C=self._settings.regularization, max_iter=2000)
        regression.fit((found - mean) / scale, wanted)
        return Linear.of(regression, outputs, mean, scale)

    @staticmethod
    def _tuned(job: Job, head: Linear, notes: tuple[str, ...]) -> Tuned:
        own = head.weight.size + head.bias.size
        return Tuned(own, job.network.model.num_parameters() + own, notes=notes)


def _right(context: str, answers: tuple[str, ...]) -> set[int]:
    """Return which sentences of the context hold an answer, or the most of a longer one."""
    spans = sentences_of(context)
    for answer in answers:
        begin = context.find(answer)
        if begin >= 0:
            middle = begin + len(answer) // 2
            return {
                max(at for at, (start, _) in enumerate(spans) if start <= max(middle, spans[0][0]))
            }
    return set()
