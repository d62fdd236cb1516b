"""What can be said of one example as it streams by: reasons to reject it, and scores.

The question has to be one, to stand by itself and to give nothing away (`questions.py`). It is not
copied: no stretch of the passage or of the answer with a question mark. There is an answer, and it
says what the passage says (`answers.py`). What only a model can find comes with the message: how
near the answer lies to the passage in meaning, and whether a reader of the passage finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.curator.answers import denies, grounded_share, is_no_answer, unknown_facts
from services.curator.questions import (
    copied_share,
    form_faults,
    is_leaked,
    leaked_share,
    leaning_faults,
    length,
)
from services.curator.settings import CheckSettings
from shared.text import words


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks found.

    Attributes:
        reasons: codes, in the order of the checks; none where the example is fine.
        scores: `question_words`, `answer_words`, `answer_leaked` (share of the answer's content
            words in the question), `question_copied` (longest stretch shared with the passage
            or the answer, as a share of the question), `grounding_words` (share of the answer's
            content words in the passage), and those that were given.
    """

    reasons: tuple[str, ...]
    scores: dict[str, float]


_DEFAULTS = CheckSettings()


def check(
    question: str,
    answer: str,
    passage: str,
    limits: CheckSettings = _DEFAULTS,
    *,
    given: Mapping[str, float] | None = None,
    headings: str = "",
) -> Verdict:
    """Judge one example.

    Args:
        question: what is asked.
        answer: what is to be answered.
        passage: where the answer is from.
        limits: the thresholds.
        given: scores that a model found (`services/question_generator/reading.py`); a check
            whose score is missing is left out.
        headings: title and headings of the passage, whose words an answer may use.
    """
    given = given or {}
    source = f"{headings}\n{passage}"
    scores = {
        "question_words": float(length(question)),
        "answer_words": float(length(answer)),
        "answer_leaked": leaked_share(question, answer),
        "question_copied": max(copied_share(question, passage), copied_share(question, answer)),
        "grounding_words": grounded_share(answer, source),
    }
    reasons = form_faults(question, limits)
    if limits.stands_alone:
        reasons += leaning_faults(question, passage)
    if scores["question_copied"] >= 1:
        reasons.append("question_copied")
    reasons += _answer_faults(question, answer, passage, limits)
    grounding = max(scores["grounding_words"], given.get("grounding_similarity", 1))
    if grounding < limits.grounding or unknown_facts(answer, source):
        reasons.append("answer_ungrounded")
    if given.get("round_trip", 1) < limits.round_trip:
        reasons.append("round_trip_failed")
    rounded = {name: round(value, 4) for name, value in (scores | dict(given)).items()}
    return Verdict(tuple(reasons), rounded)


def _answer_faults(question: str, answer: str, passage: str, limits: CheckSettings) -> list[str]:
    """Return what is wrong with the answer by its words; one reason is enough."""
    if not words(answer):
        return ["answer_empty"]
    if is_no_answer(answer, passage):
        return ["answer_missing"]
    reasons = []
    if is_leaked(question, answer, limits):
        reasons.append("answer_leaked")
    if denies(answer, passage):
        reasons.append("answer_denied")
    return reasons
