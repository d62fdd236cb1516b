"""What is wrong with a question as a question, and what it gives away of its answer.

- It is one line that starts with a letter (after an opening quote, perhaps), ends with one "?", has
  4 to 40 words and is no piece of a sentence.
- It stands by itself: it neither speaks of "the passage" nor of "it" or "this year" without saying
  what that is. A passage about passages may be asked about the passage.
- It does not give the answer away. It does where it holds the whole answer, or 80% of the words
  that carry the answer, or eight of its words in a row that make up half of it. By this rule
  0.4% of human questions do (SQuAD, 2,910 questions).
"""

from __future__ import annotations

import re

from services.curator.settings import CheckSettings
from shared.asking import asks
from shared.leaning import points_outside, text_spoken_of
from shared.text import content_words, longest_common_run, words

_MARKS = ("?", "\uff1f", "\u061f", "\u037e")  # also in Chinese, Arabic and Greek
_SPACELESS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff]")
_OPENING = "\"'\u201c\u2018\u00ab([\u00bf\u201e"
_CONTINUES = re.compile(r"(?:and|but|or|nor)\b", re.IGNORECASE)
# No whole question ends with these; none of 1,152 human ones does (the first 8 SQuAD articles).
_CUT_OFF = frozenset(
    """a an the and or but nor than their his its our my your every each is was are were did does
    has had will would can could may might must should very because if whose during while""".split()  # noqa: SIM905
)
_TEMPLATE = re.compile(
    r"\b(?:question|answer|passage|summary|context)\s*\d*\s*:|<\|?\w+\|?>|\{\w*\}|\[(?:answer|mask)\]",
    re.IGNORECASE,
)
_YES_OR_NO = {"yes", "no", "not"}
_FEW = 3  # an answer of fewer content words is leaked only whole: "Paris" shares all or nothing


def form_faults(question: str, limits: CheckSettings) -> list[str]:
    """Return what is wrong with the question as a question, as reasons."""
    text = question.strip()
    if not text:
        return ["question_empty"]
    count = length(text)
    found = {
        "question_not_a_question": not text.endswith(_MARKS) or text[-2:-1] in _MARKS,
        "question_too_short": count < limits.min_words,
        "question_too_long": count > limits.max_words,
        "question_not_one_line": len(text.splitlines()) > 1,
        "question_fragment": _is_fragment(text.lstrip(_OPENING)),
        "question_cut_off": (words(text) or [""])[-1] in _CUT_OFF,
        "question_has_template": bool(_TEMPLATE.search(text)),
    }
    return [reason for reason, holds in found.items() if holds]


def leaning_faults(question: str, passage: str) -> list[str]:
    """Return whether the question needs more than itself to be understood, as reasons."""
    reasons = []
    spoken_of = text_spoken_of(question).lower()
    if spoken_of and spoken_of not in passage.lower():
        reasons.append("question_about_text")
    if points_outside(question):
        reasons.append("question_points_outside")
    return reasons


def length(text: str) -> int:
    """Return the number of words; in scripts without spaces two characters count as one."""
    return max(len(text.split()), len(_SPACELESS.findall(text)) // 2)


def leaked_share(question: str, answer: str) -> float:
    """Return which share of the answer's content words stands in the question, 0 to 1."""
    telling = set(content_words(answer))
    if not telling:
        return 0.0
    return len(telling & set(words(question))) / len(telling)


def is_leaked(question: str, answer: str, limits: CheckSettings) -> bool:
    """Whether the question gives the answer away; see the module's docstring."""
    asked, said = words(question), words(answer)
    run = longest_common_run(asked, said)
    telling = set(content_words(answer))
    if run == len(said) and telling - _YES_OR_NO:  # "no" and "it is" give nothing away
        return True
    if run >= limits.leak_run_words and 2 * run >= len(said):
        return True
    return len(telling) >= _FEW and leaked_share(question, answer) >= limits.leak_share


def copied_share(question: str, source: str) -> float:
    """Return the longest stretch of the question that stands in the source, as a share of it."""
    asked = words(question)
    if not asked:
        return 0.0
    return longest_common_run(asked, words(source)) / len(asked)


def _is_fragment(text: str) -> bool:
    """Whether it is no whole question: "and where?", "1990s?", "The capital of France is?"."""
    return not text[:1].isalpha() or _CONTINUES.match(text) is not None or not asks(text)
