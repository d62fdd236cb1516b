"""How good answers are, from 0 to 1, and how likely the right ones were."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from statistics import fmean
from typing import Any

from services.trainer.data import Item
from shared.answering.port import Task

Embed = Callable[[list[str]], Any]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
# Thai, Lao, Burmese, Khmer, Japanese and Chinese put no spaces between words: by character.
_SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
_CHARACTER = re.compile(f"[{_SPACELESS}]")
_TOKEN = re.compile(rf"[{_SPACELESS}]|[^\W_{_SPACELESS}]+")


def score(
    task: Task,
    items: Sequence[Item],
    answers: Sequence[str],
    *,
    embed: Embed | None = None,
    nll: Sequence[float] | None = None,
) -> dict[str, float]:
    """Return how good `answers` are, each measured by the item's answer that suits it best.

    Args:
        task: decides which scores there are: accuracy and macro F1 for labels; else exact match
            and token F1 as SQuAD has them (Rajpurkar et al. 2016) and ROUGE-L (Lin 2004).
        items: what was asked.
        answers: one for each item.
        embed: texts to normalised vectors, shape (texts, dimensions); adds `similarity`.
        nll: mean negative log-likelihood per token (nats) of each item's answer; adds `nll`.
    """
    main = fmean(per_item(task, items, answers))
    if task.labels:
        scores = {"accuracy": main, "macro_f1": _macro_f1(task, items, answers)}
    else:
        scores = {
            "exact_match": fmean(_each(items, answers, _exact)),
            "f1": main,
            "rouge_l": fmean(_each(items, answers, _rouge_l)),
        }
        if embed is not None:
            scores["similarity"] = _similarity(items, answers, embed)
    if nll:
        scores["nll"] = fmean(nll)
    return scores


def per_item(task: Task, items: Sequence[Item], answers: Sequence[str]) -> list[float]:
    """Return the main score of each item: 0 or 1 for labels, else token F1."""
    if not task.labels:
        return _each(items, answers, _f1)
    pairs = zip(items, answers, strict=True)
    return [float(_label(task, answer) == item.answers[0]) for item, answer in pairs]


def _each(
    items: Sequence[Item], answers: Sequence[str], measure: Callable[[str, str], float]
) -> list[float]:
    return [
        max(measure(right, answer) for right in item.answers)
        for item, answer in zip(items, answers, strict=True)
    ]


def _normalised(text: str) -> str:
    """Return the text as SQuAD compares it: no case, punctuation, articles or extra spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _exact(right: str, answer: str) -> float:
    return float(_normalised(right) == _normalised(answer))


def _f1(right: str, answer: str) -> float:
    wanted, given = (
        _CHARACTER.sub(r" \g<0> ", _normalised(text)).split() for text in (right, answer)
    )
    if not wanted or not given:
        return float(wanted == given)
    common = (Counter(wanted) & Counter(given)).total()
    return 2 * common / (len(wanted) + len(given))


def _rouge_l(right: str, answer: str) -> float:
    return float(_rouge().score(right, answer)["rougeL"].fmeasure)


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], tokenizer=_Words())


class _Words:
    """rouge-score's tokens, stemmed, and those of other alphabets, which it would drop."""

    def __init__(self) -> None:
        from rouge_score.tokenizers import DefaultTokenizer

        self._theirs = DefaultTokenizer(use_stemmer=True)

    def tokenize(self, text: str) -> list[str]:
        tokens: list[str] = []
        for word in _TOKEN.findall(text.lower()):
            tokens += self._theirs.tokenize(word) if word.isascii() else [word]
        return tokens


def _similarity(items: Sequence[Item], answers: Sequence[str], embed: Embed) -> float:
    """Return the mean cosine of answer and right answer; nothing said is like nothing."""
    texts = list(dict.fromkeys([*answers, *(right for item in items for right in item.answers)]))
    at = {text: number for number, text in enumerate(texts)}
    vectors = embed(texts)

    def cosine(right: str, answer: str) -> float:
        if not answer.strip():
            return 0.0
        return min(1.0, max(0.0, float(vectors[at[right]] @ vectors[at[answer]])))

    return fmean(_each(items, answers, cosine))


def _label(task: Task, answer: str) -> str:
    """Return the label that an answer is, whatever its case; else the answer."""
    answer = answer.strip()
    if answer in task.labels:
        return answer
    return {label.casefold(): label for label in task.labels}.get(answer.casefold(), answer)


def _macro_f1(task: Task, items: Sequence[Item], answers: Sequence[str]) -> float:
    """Return the mean F1 of the labels that occur, the same ones whatever was answered."""
    from sklearn.metrics import f1_score

    right = [item.answers[0] for item in items]
    given = [_label(task, answer) for answer in answers]
    labels = sorted(set(right))
    return float(f1_score(right, given, labels=labels, average="macro", zero_division=0))
