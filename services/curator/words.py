"""Texts as words, for comparing them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_WORD = re.compile(r"\w+(?:['\u2019.,]\w+)*")
QUESTION_WORDS = frozenset(("what", "which", "who", "whom", "whose", "when", "where", "why", "how"))
# Function words: what a text is about does not change with them. "not" and its kin are missing,
# because the meaning does change with those.
STOP_WORDS = QUESTION_WORDS | frozenset(
    """a an the and or but if of to in on at by for with from as into onto over under about between
    is are was were be been being am do does did done has have had having will would can could may
    might shall should must it its itself this that these those there here he she they them his her
    their we us our you your i me my so than then also such any some other s t""".split()  # noqa: SIM905 - sixty literals would fill a page
)


def words(text: str) -> list[str]:
    """Return the words in lower case, without punctuation around them; "3.5" is one word."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'"))


def content_words(text: str) -> list[str]:
    """Return the words that say what a text is about, in order."""
    return [word for word in words(text) if word not in STOP_WORDS]


def longest_common_run(left: Sequence[str], right: Sequence[str]) -> int:
    """Return the length of the longest stretch of words that stands in both, in words."""
    best = 0
    before = [0] * (len(right) + 1)
    for word in left:
        row = [0] * (len(right) + 1)
        for place, other in enumerate(right, start=1):
            if word == other:
                row[place] = before[place - 1] + 1
                best = max(best, row[place])
        before = row
    return best
