"""Which questions ask the same again, by their spelling.

Two questions are the same when their words are. They are near-duplicates when they are spelled
almost alike AND every word that carries meaning agrees: the same question words, numbers and
names, and content words equal up to their ending or spelling ("colour", "colors"). So "in 2019?"
and "in 2020?" stay apart, "boiling" and "melting" too, and "when" and "where".

The outcome depends on the questions and their order alone, never on when they arrived.
"""

from __future__ import annotations

import functools
import re
from collections import Counter, defaultdict
from typing import TypeAlias

from rapidfuzz import fuzz, process

from shared.text import QUESTION_WORDS, content_words, spelling, words

Content: TypeAlias = tuple[str, ...]
Meaning: TypeAlias = tuple[object, ...]
_SAME_STEM = 4  # letters that two forms of a word have in common at the beginning
_SAME_WORD = 88.0  # similarity of two forms of a word, 0 to 100
_PLAIN = frozenset(".,;:!?\"'()-/\u2013\u2014\u2018\u2019\u201c\u201d")
_MINUS = re.compile(r"(?<![\w)])[-\u2212](?=\d)")


class Asked:
    """Questions, and how like them others are.

    Args:
        similarity: of near-duplicates in spelling, 0 to 1.
    """

    def __init__(self, similarity: float = 0.85) -> None:
        self._cutoff = 100 * similarity
        self._questions: dict[Meaning, dict[str, Content]] = defaultdict(dict)

    def add(self, question: str) -> None:
        """Compare later ones to this one too."""
        meaning, spelled, content = _read(question)
        self._questions[meaning][spelled] = content

    def likeness(self, question: str) -> float:
        """Return 1 for the same words, from `similarity` on for a near-duplicate, else 0."""
        meaning, spelled, content = _read(question)
        return _likeness(spelled, content, self._questions.get(meaning, {}), self._cutoff)


def names(question: str) -> list[str]:
    """Return the words with capitals, but for the first, which has one always."""
    capitalised = [word for word in question.split()[1:] if word[:1].isupper()]
    return [word for name in capitalised for word in words(name)]


def numbers(question: str) -> list[str]:
    """Return the words with digits."""
    return [word for word in words(question) if any(c.isdigit() for c in word)]


@functools.lru_cache(maxsize=16)  # a question is compared, and then mostly added
def _read(text: str) -> tuple[Meaning, str, Content]:
    """Return what two questions must share to the letter, and the question by spelling and words.

    They must share question words, numbers, names, signs. The beginnings of the content words are
    among these: nearly every question has its own, so that of thousands a few are compared.
    """
    content = tuple(content_words(text))
    asks = tuple(word for word in words(text) if word in QUESTION_WORDS)
    signs = Counter(c for c in text if not (c.isalnum() or c.isspace() or c in _PLAIN))
    signs["-"] = len(_MINUS.findall(text))
    stems = Counter(word[:_SAME_STEM] for word in content)
    counts = Counter(numbers(text)), Counter(names(text)), signs, stems
    meaning = asks, *(frozenset(c.items()) for c in counts)
    return meaning, spelling(text), content


def _likeness(spelled: str, content: Content, alike: dict[str, Content], cutoff: float) -> float:
    """Return how like the most alike question is, 0 to 1."""
    if spelled in alike:
        return 1.0
    near = process.extract(
        spelled, alike.keys(), scorer=fuzz.ratio, score_cutoff=cutoff, limit=None
    )
    same = (percent / 100 for other, percent, _ in near if _same_content(content, alike[other]))
    return min(next(same, 0.0), 0.9999)  # the most alike come first; 1 is for the same words


def _same_content(left: Content, right: Content) -> bool:
    """Whether the words differ by no more than endings and spelling, whatever their order."""
    only_right = list((Counter(right) - Counter(left)).elements())
    for word in (Counter(left) - Counter(right)).elements():
        partner = next((other for other in only_right if _same_word(word, other)), None)
        if partner is None:
            return False
        only_right.remove(partner)
    return not only_right


def _same_word(left: str, right: str) -> bool:
    return left[:_SAME_STEM] == right[:_SAME_STEM] and fuzz.ratio(left, right) >= _SAME_WORD
