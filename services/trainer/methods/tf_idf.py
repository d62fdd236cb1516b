"""TF-IDF and logistic regression: the floor that a language model should beat on labels."""

from __future__ import annotations

import json

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from services.trainer.job import Job, MethodSettings, Tuned, TuningFailed
from shared.answering.heads import VOCABULARY_FILE, Linear

_NGRAMS = (1, 2)


class TfIdf:
    """Words and pairs of words; no language model."""

    settings = MethodSettings
    words_only = True
    labels_only = True

    def __init__(self, settings: MethodSettings) -> None:
        self._settings = settings

    def tune(self, job: Job) -> Tuned:
        """Fit and save the vocabulary and the head."""
        words = TfidfVectorizer(ngram_range=_NGRAMS, sublinear_tf=True)
        try:
            found = words.fit_transform([item.query.question for item in job.data.train])
        except ValueError as error:
            raise TuningFailed(
                "The train rows hold no words.", "tf-idf needs some of two letters or more."
            ) from error
        wanted = [job.task.labels.index(item.answers[0]) for item in job.data.train]
        regression = LogisticRegression(C=10, max_iter=1000).fit(found, wanted)
        width, outputs = found.shape[1], len(job.task.labels)
        head = Linear.of(
            regression, outputs, np.zeros(width, np.float32), np.ones(width, np.float32)
        )
        head.save(job.artifact_folder)
        vocabulary = {word: int(at) for word, at in words.vocabulary_.items()}
        kept = {"vocabulary": vocabulary, "ngrams": _NGRAMS, "idf": words.idf_.tolist()}
        text = json.dumps(kept, ensure_ascii=False)
        (job.artifact_folder / VOCABULARY_FILE).write_text(text, encoding="utf-8")
        job.save("words")
        return Tuned(head.weight.size + outputs, head.weight.size + outputs)
