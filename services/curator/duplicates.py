"""Which questions ask the same again.

Two questions are the same when their words are. They are near-duplicates when they are spelled
almost alike AND every word that carries meaning agrees: the same question words, numbers and
names, and content words equal up to their ending or spelling ("colour", "colors"). So "in 2019?"
and "in 2020?" stay apart, "boiling" and "melting" too, and "when" and "where".

The outcome depends on the questions and their order alone, never on when they arrived.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TypeAlias

from rapidfuzz import fuzz, process

from services.curator.words import QUESTION_WORDS, content_words, words

Content: TypeAlias = tuple[str, ...]
_SAME_STEM = 4  # letters that two forms of a word have in common at the beginning
_SAME_WORD = 88.0  # similarity of two forms of a word, 0 to 100
_PLAIN = frozenset(".,;:!?\"'()-/\u2013\u2014\u2018\u2019\u201c\u201d")
_MINUS = re.compile(r"(?<![\w)])[-\u2212](?=\d)")


def duplicates(questions: Iterable[str], similarity: float = 0.85) -> list[float]:
    """Return for each question how like an earlier one that stays it is: from 0 to 1.

    A question is compared to the earlier ones that have no duplicate themselves. What is not a
    duplicate has 0, the same words have 1, a near-duplicate has a value from `similarity` on.
    """
    kept: dict[tuple[object, ...], dict[str, Content]] = defaultdict(dict)
    found = []
    for text in questions:
        spelled, content = spelling(text), tuple(content_words(text))
        alike = kept[_meaning(text, content)]
        best = _likeness(spelled, content, alike, 100 * similarity)
        found.append(best)
        if best == 0:
            alike[spelled] = content
    return found


def spelling(text: str) -> str:
    """Return what equal questions share: the text but for case, spacing and its last "?"."""
    plain = unicodedata.normalize("NFKC", text).casefold().rstrip("?!. \n\t")
    return " ".join(plain.replace("\u2019", "'").split())


def _meaning(text: str, content: Content) -> tuple[object, ...]:
    """Return what two questions must share to the letter: question words, numbers, names, signs.

    The beginnings of the content words are among them: nearly every question has its own, so that
    of thousands only a few have to be compared.
    """
    all_words = words(text)
    asks = tuple(word for word in all_words if word in QUESTION_WORDS)
    numbers = Counter(word for word in all_words if any(c.isdigit() for c in word))
    capitalised = [word for word in text.split()[1:] if word[:1].isupper()]
    names = Counter(word for name in capitalised for word in words(name))
    signs = Counter(c for c in text if not (c.isalnum() or c.isspace() or c in _PLAIN))
    signs["-"] = len(_MINUS.findall(text))
    stems = Counter(word[:_SAME_STEM] for word in content)
    return asks, *(frozenset(c.items()) for c in (numbers, names, signs, stems))


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
