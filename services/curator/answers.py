"""What is wrong with an answer: it says nothing, or what the passage does not say."""

from __future__ import annotations

import re

from services.curator.duplicates import numbers
from shared.text import content, f1, negations, sentences, share_found, stem, words

_NO_ANSWER = re.compile(
    r"^\W*(?:n/?a|none|unknown|unanswerable|no answer|not (?:known|applicable|available|sure))\W*$"
    r"|\bi(?:'m| am)? (?:(?:do|can|could|would|am) ?n[o']t|don't|can't|cannot|not|unable)"
    r" (?:\w+ )?(?:know|answer|say|sure|certain|able|find|determine|to)\b"
    r"|\b(?:i'm|i am) (?:sorry|unable)\b|\bi apologi[sz]e\b"
    r"|\bas an? (?:ai|artificial intelligence|language model|assistant)\b"
    r"|\b(?:passage|text|context|article|document|paragraph|excerpt|author|question)s? (?:above )?"
    r"(?:do|does|did|is|are|was|can) ?n[o']t\b"
    r"|\bno (?:\w+ )?(?:information|answer|mention|details?)\b[^.]{0,30}"
    r"\b(?:given|provided|available|found|about|in the (?:passage|text|context|article))\b"
    r"|^\W*(?:it|this|that|the answer)?\W*(?:is|was|are)? ?not (?:\w+ )?"
    r"(?:mentioned|specified|stated|provided|given|described|discussed|answered)\b"
    r"|\b(?:cannot|can ?not|can't|could not) be (?:determined|answered|inferred|known|said)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<=\w )[A-Z]\w*[a-z]\w*(?:['\u2019]\w+)*")
_SAME_CLAIM = 0.75
_LONGEST_CLAIM = 3


def is_no_answer(answer: str, passage: str) -> bool:
    """Whether it only says that there is no answer, and the passage does not say so itself."""
    flat = " ".join(answer.split())
    return bool(_NO_ANSWER.search(flat)) and flat.rstrip(".") not in " ".join(passage.split())


def grounded_share(answer: str, source: str) -> float:
    """Return which share of the answer's content words the source has, 0 to 1."""
    return share_found(content(answer), {stem(word) for word in words(source)})


def unknown_facts(answer: str, source: str) -> list[str]:
    """Return the answer's numbers, and names in mid-sentence, that are not in the source."""
    known = {_bare(word) for word in words(source)}
    named = [word for name in _NAME.findall(answer) for word in words(name)]
    return [word for word in (*named, *numbers(answer)) if _bare(word) not in known]


def denies(answer: str, passage: str) -> bool:
    """Whether the answer makes a claim of the passage with one "not" more or less.

    Only a claim in nearly the passage's words can be told apart like this from another claim.
    """
    own = sentences(passage)
    said = sentences(answer)
    count = min(len(said), _LONGEST_CLAIM)
    windows = [" ".join(own[at : at + count]) for at in range(max(len(own) - count + 1, 1))]
    likeness = [(f1(answer, window), window) for window in windows]
    best, claim = max(likeness, default=(0.0, ""), key=lambda each: each[0])
    return best >= _SAME_CLAIM and (negations(words(answer)) - negations(words(claim))) % 2 == 1


def _bare(word: str) -> str:
    return stem(word.replace(",", ""))
