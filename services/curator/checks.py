"""What can be said of one example without a model: reasons to reject it, and scores.

- The question is a question: one line that starts with a letter (after an opening quote, perhaps),
  ends with one "?", has 4 to 40 words and is no piece of a sentence.
- It stands by itself: it does not ask about "the passage".
- It does not give the answer away. It does where it holds the whole answer, or 80% of the words
  that carry the answer, or eight of its words in a row that make up half of it. By this rule
  0.4% of human questions do (SQuAD, 2,910 questions).
- It is not copied: it is not a stretch of the passage or of the answer with a question mark.
- There is an answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.curator.settings import CheckSettings
from services.curator.words import content_words, longest_common_run, words

_MARKS = ("?", "\uff1f", "\u061f", "\u037e")  # also in Chinese, Arabic and Greek
_SPACELESS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff]")
_OPENING = "\"'\u201c\u2018\u00ab([\u00bf\u201e"
_CONTINUES = re.compile(r"(?:and|but|or|nor)\b", re.IGNORECASE)
_ENGLISH = re.compile(r"\b(?:the|of|to)\b", re.IGNORECASE)
_ASKS = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|whence|why|how)\b"
    r"|(?:^|[,;] )(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might"
    r"|must)\b",
    re.IGNORECASE,
)
_TEMPLATE = re.compile(
    r"\b(?:question|answer|passage|summary|context)\s*\d*\s*:|<\|?\w+\|?>|\{\w*\}|\[(?:answer|mask)\]",
    re.IGNORECASE,
)
_ABOUT_TEXT = re.compile(
    r"\b(?:this|the|above|following|given|provided)\s+(?:given |provided |above |following )?"
    r"(?:passage|excerpt|paragraph|summary|sentence above|text above|text provided)\b"
    r"|\b(?:according to|in|of|from) (?:this|the) (?:text|article)\b"
    r"|\b(?:does|is) (?:this|the) text\b",
    re.IGNORECASE,
)
_YES_OR_NO = {"yes", "no", "not"}
_FEW = 3  # an answer of fewer content words is leaked only whole: "Paris" shares all or nothing


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks found.

    Attributes:
        reasons: codes, in the order of the checks; none where the example is fine.
        scores: `question_words`, `answer_words`, `answer_leaked` (share of the answer's content
            words in the question) and `question_copied` (longest stretch shared with the passage
            or the answer, as a share of the question).
    """

    reasons: tuple[str, ...]
    scores: dict[str, float]


_DEFAULTS = CheckSettings()


def check(question: str, answer: str, passage: str, limits: CheckSettings = _DEFAULTS) -> Verdict:
    """Judge one example."""
    leaked = leaked_share(question, answer)
    copied = max(copied_share(question, passage), copied_share(question, answer))
    reasons = _form(question, limits)
    if limits.about_text and _ABOUT_TEXT.search(question) and not _ABOUT_TEXT.search(passage):
        reasons.append("question_about_text")
    if not words(answer):
        reasons.append("answer_empty")
    elif _is_leaked(question, answer, leaked, limits):
        reasons.append("answer_leaked")
    if copied >= 1:
        reasons.append("question_copied")
    scores = {
        "question_words": float(_length(question)),
        "answer_words": float(_length(answer)),
        "answer_leaked": round(leaked, 4),
        "question_copied": round(copied, 4),
    }
    return Verdict(tuple(reasons), scores)


def leaked_share(question: str, answer: str) -> float:
    """Return which share of the answer's content words stands in the question, 0 to 1."""
    telling = set(content_words(answer))
    if not telling:
        return 0.0
    return len(telling & set(words(question))) / len(telling)


def copied_share(question: str, source: str) -> float:
    """Return the longest stretch of the question that stands in the source, as a share of it."""
    asked = words(question)
    if not asked:
        return 0.0
    return longest_common_run(asked, words(source)) / len(asked)


def _form(question: str, limits: CheckSettings) -> list[str]:
    """Return what is wrong with the question as a question."""
    text = question.strip()
    if not text:
        return ["question_empty"]
    count = _length(text)
    found = {
        "question_not_a_question": not text.endswith(_MARKS) or text[-2:-1] in _MARKS,
        "question_too_short": count < limits.min_words,
        "question_too_long": count > limits.max_words,
        "question_not_one_line": len(text.splitlines()) > 1,
        "question_fragment": _is_fragment(text.lstrip(_OPENING)),
        "question_has_template": bool(_TEMPLATE.search(text)),
    }
    return [reason for reason, holds in found.items() if holds]


def _length(text: str) -> int:
    """Return the number of words; in scripts without spaces two characters count as one."""
    return max(len(text.split()), len(_SPACELESS.findall(text)) // 2)


def _is_fragment(text: str) -> bool:
    """Whether it is no whole question: "and where?", "1990s?", "The capital of France is?".

    In English a question has a question word or begins with a verb (of 2,910 human ones all but
    17 do); where no English word stands in it, that is not asked for.
    """
    if not text[:1].isalpha() or _CONTINUES.match(text):
        return True
    return _ENGLISH.search(text) is not None and _ASKS.search(text) is None


def _is_leaked(question: str, answer: str, share: float, limits: CheckSettings) -> bool:
    asked, said = words(question), words(answer)
    run = longest_common_run(asked, said)
    telling = set(content_words(answer))
    if run == len(said) and telling - _YES_OR_NO:  # "no" and "it is" give nothing away
        return True
    if run >= limits.leak_run_words and 2 * run >= len(said):
        return True
    return len(telling) >= _FEW and share >= limits.leak_share
