"""Answering with a linear layer over frozen features: a label, or a sentence of the context."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from shared.answering.artifact import Artifact
from shared.answering.port import Answerer, Example, Query
from shared.errors import GristmillError

HEAD_FILE = "head.safetensors"
VOCABULARY_FILE = "vocabulary.json"
Array = NDArray[np.float32]

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|\n+")


class NoContext(GristmillError):
    """A query without a context, for a method that answers with one of its sentences."""


class Linear:
    """Standardised features times weights plus bias.

    Attributes:
        weight: shape (outputs, features).
        bias: shape (outputs,).
        mean, scale: shape (features,).
    """

    def __init__(self, weight: Array, bias: Array, mean: Array, scale: Array) -> None:
        self.weight, self.bias, self.mean, self.scale = weight, bias, mean, scale

    def __call__(self, features: Array) -> Array:
        """Return scores of shape (n, outputs) for features of shape (n, features)."""
        scores = ((features - self.mean) / self.scale) @ self.weight.T + self.bias
        return scores.astype(np.float32)

    @classmethod
    def of(cls, regression: Any, outputs: int, mean: Array, scale: Array) -> Linear:
        """Take over a fitted scikit-learn regression; outputs that it never saw never win."""
        weight = np.zeros((outputs, regression.coef_.shape[1]), np.float32)
        bias = np.full(outputs, -1e9, np.float32)
        coefficients, intercepts = regression.coef_, regression.intercept_
        if len(coefficients) == 1:  # two classes are given as one row, the second's
            coefficients = np.stack([-coefficients[0], coefficients[0]])
            intercepts = np.array([-intercepts[0], intercepts[0]])
        weight[regression.classes_] = coefficients
        bias[regression.classes_] = intercepts
        return cls(weight, bias, mean, scale)

    def save(self, folder: Path) -> None:
        """Write it into a folder as safetensors."""
        folder.mkdir(parents=True, exist_ok=True)
        named = {name: getattr(self, name) for name in ("weight", "bias", "mean", "scale")}
        save_file(
            {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in named.items()},
            folder / HEAD_FILE,
        )

    @classmethod
    def read(cls, folder: Path) -> Linear:
        """Read it from a folder."""
        return cls(**load_file(folder / HEAD_FILE))


class HeadAnswerer:
    """A frozen model's features and a linear layer; it has no likelihood."""

    def __init__(self, network: Any, artifact: Artifact, head: Linear) -> None:
        self._network = network
        self._artifact = artifact
        self._head = head

    def answer(self, queries: Sequence[Query]) -> list[str]:
        """Return one answer for each query; see `Answerer`."""
        from shared.answering import features

        template, details = self._artifact.template, self._artifact.details
        if self._artifact.kind == "label-head":
            found = features.of_texts(
                self._network, template, queries, details["layer"], details["pooling"]
            )
            return [self._artifact.labels[at] for at in self._head(found).argmax(-1)]
        sentences, found, owners = features.of_sentences(self._network, queries, details["layer"])
        scores = self._head(found)[:, -1]
        best = [np.flatnonzero(owners == at) for at in range(len(queries))]
        return [sentences[rows[scores[rows].argmax()]] for rows in best]

    def likelihood(self, examples: Sequence[Example]) -> None:  # noqa: ARG002
        """Return None: a head chooses."""
        return


def open_head(network: Any, artifact: Artifact, folder: Path) -> Answerer:
    """Open a label head or a sentence head, over a trained body where there is one."""
    from shared.answering.local import TENSORS_FILE, add_tensors

    if (folder / TENSORS_FILE).is_file():
        add_tensors(network, folder / TENSORS_FILE)
    network.model.eval()
    return HeadAnswerer(network, artifact, Linear.read(folder))


class WordsAnswerer:
    """TF-IDF and a linear layer: no language model at all; see `Answerer`."""

    def __init__(self, artifact: Artifact, folder: Path) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        found = json.loads((folder / VOCABULARY_FILE).read_text(encoding="utf-8"))
        self._labels = artifact.labels
        self._words = TfidfVectorizer(
            vocabulary=found["vocabulary"], ngram_range=tuple(found["ngrams"]), sublinear_tf=True
        )
        self._words.idf_ = np.array(found["idf"])
        self._head = Linear.read(folder)

    def answer(self, queries: Sequence[Query]) -> list[str]:
        """Return one label for each query."""
        counted = self._words.transform([query.question for query in queries])
        scores = counted @ self._head.weight.T + self._head.bias
        return [self._labels[at] for at in np.asarray(scores).argmax(-1)]

    def likelihood(self, examples: Sequence[Example]) -> None:  # noqa: ARG002
        """Return None: a head chooses."""
        return


def sentences_of(context: str) -> list[tuple[int, int]]:
    """Return the sentences of a context as (start, end) in characters; at least one.

    Raises:
        NoContext: there is no context.
    """
    if not context.strip():
        raise NoContext(
            "This method answers with a sentence of the context, and a question has none.",
            "Use rows with contexts, or another method.",
        )
    spans, start = [], 0
    for end in [*_SENTENCE_END.finditer(context), None]:
        stop = end.start() if end else len(context)
        if context[start:stop].strip():
            lead = len(context[start:stop]) - len(context[start:stop].lstrip())
            spans.append((start + lead, start + len(context[start:stop].rstrip())))
        start = end.end() if end else stop
    return spans
