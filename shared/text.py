"""Small, exact tools for text that a model wrote or will read: sentences, words, overlap."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

_BREAK = re.compile(r"(?<=[.!?])[\"'\u201d\u2019)\]]*\s+(?=[\"'\u201c\u2018(\[]?[A-Z0-9])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Z]|St|Mr|Mrs|Ms|Dr|Prof|Gen|Col|Lt|Sgt|Jr|Sr|No|Nos|vs|etc|cf|c|ca"
    r"|max|al|p|approx|Fig|Eq|Vol|pp|Inc|Ltd|Co|Corp|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)"
    r"|\b(?:e\.g|i\.e|U\.S|U\.K|a\.m|p\.m))\.$"
)
_MARKER = re.compile(r"^\s*(?:[-*\u2022\u2013]|\d{1,2}[.)])\s+")
_WORD = re.compile(r"\w+(?:['.,]\w+)*")
_ENDINGS = ("ing", "ed", "es", "ly", "s")
_SHORTEST_STEM = 4
_NEGATIONS = frozenset(("not", "no", "never", "without", "neither", "nor", "unless", "except"))
QUESTION_WORDS = frozenset(("what", "which", "who", "whom", "whose", "when", "where", "why", "how"))
# What a text is about does not change with these. Negations are missing: with them it does.
STOP_WORDS = QUESTION_WORDS | frozenset(
    """a an the and or but if of to in on at by for with from as into onto over under about between
    during through while than then so that this these those there here it its itself he she they
    him his her them their we our us you your i me my is are was were be been being am do does did
    done has have had having will would can could may might shall should must also such any some
    other both each because s t""".split()  # noqa: SIM905 - a hundred literals would fill a page
)


def sentences(text: str) -> list[str]:
    """Return the sentences and list items, in order, without list markers and line breaks."""
    found: list[str] = []
    for block in _blocks(text):
        start = 0
        for match in _BREAK.finditer(block):
            quoted = not match.group()[0].isspace()
            if quoted or not _ABBREVIATION.search(block[start : match.start()]):
                found.append(block[start : match.end()].strip())
                start = match.end()
        found.append(block[start:].strip())
    return [each for each in found if each]


def sentence_at(text: str, start: int, end: int) -> str:
    """Return the sentence with the characters `start` to `end`; nothing if no one has them all."""
    begin = 0
    for sentence in sentences(text):
        found = text.find(sentence, begin)
        if found >= 0:
            begin = found + len(sentence)
            if found <= start and end <= begin:
                return sentence
    return ""


def _blocks(text: str) -> list[str]:
    """Return the lines, joined where a line merely goes on in the next."""
    blocks: list[str] = []
    goes_on = False
    for line in text.splitlines():
        item = _MARKER.match(line)
        bare = " ".join((line[item.end() :] if item else line).split())
        if goes_on and bare and not item:
            blocks[-1] += f" {bare}"
        elif bare:
            blocks.append(bare)
        goes_on = bool(bare) and bare[-1] not in ".!?:;"
    return blocks


def words(text: str) -> list[str]:
    """Return the words in lower case, without punctuation around them; "3.5" is one word."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'"))


def stem(word: str) -> str:
    """Return the word without a plain English ending, so that forms of it meet."""
    bare = word.removesuffix("'s")
    for ending in _ENDINGS:
        if bare.endswith(ending) and len(bare) - len(ending) >= _SHORTEST_STEM:
            return bare[: -len(ending)]
    return bare


def spelling(text: str) -> str:
    """Return what equal questions share: the text but for case, spacing and its last "?"."""
    plain = unicodedata.normalize("NFKC", text).casefold().rstrip("?!. \n\t")
    return " ".join(plain.replace("\u2019", "'").split())


def content_words(text: str) -> list[str]:
    """Return the words that say what a text is about, in order."""
    return [word for word in words(text) if word not in STOP_WORDS]


def content(text: str) -> list[str]:
    """Return the stems of the words that say what a text is about, in order."""
    return [stem(word) for word in content_words(text)]


def negations(said: Sequence[str]) -> int:
    """Return how many of the words deny."""
    return sum(each in _NEGATIONS or each.endswith("n't") for each in said)


def share_found(wanted: Sequence[str], source: set[str]) -> float:
    """Return which share of `wanted` is in `source`; 1 for nothing wanted."""
    return sum(each in source for each in wanted) / len(wanted) if wanted else 1.0


def f1(left: str, right: str) -> float:
    """Return the F1 of two texts' content words: 1 for the same ones, 0 for none in common."""
    ours, theirs = Counter(content(left)), Counter(content(right))
    common = (ours & theirs).total()
    return 2 * common / (ours.total() + theirs.total()) if common else 0.0


def in_order(wanted: Sequence[str], source: Sequence[str]) -> float:
    """Return which share of `wanted` stands in `source` in the same order (longest subsequence)."""
    if not wanted:
        return 1.0
    row = [0] * (len(source) + 1)
    for word in wanted:
        above = 0
        for place, other in enumerate(source, start=1):
            kept = row[place]
            row[place] = above + 1 if word == other else max(kept, row[place - 1])
            above = kept
    return row[-1] / len(wanted)


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
