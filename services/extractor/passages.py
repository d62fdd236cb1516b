"""Blocks to passages: stretches of one section, 60 to 220 words long where the section allows it.

Every passage is a slice of the document's text. The first of a section begins with its heading:
what stands under "How is the mill stopped?" is not worth much without it. Where to cut is found by
dynamic programming over all cuts of a section, which, unlike filling up one passage after the
other, leaves no tiny rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from uuid import UUID

from services.extractor.blocks import BLOCK_SEPARATOR, Block, BlockKind
from shared import ids
from shared.messages import Passage

# Scripts written without blanks count a word a character; a run of 30 others counts as a word, so
# that a page of base64 is not one word.
_WORD = re.compile(
    "[\u0e00-\u0e7f\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    "|[^\\s\u0e00-\u0e7f\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]{1,30}"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Z]|Dr|Mr|Mrs|Ms|Prof|St|No|vs|Fig|Figs|Eq|Sec|cf|al|etc|approx|e\.g|i\.e)\.$"
)
_LINE = re.compile(r"\S(?:.*\S)?")
_VISIBLE = re.compile(r"\S")
_SENTENCE_END = re.compile(
    "[.!?\u2026]+[\"')\\]\u201d\u2019\u00bb]*(?=\\s)|[\u3002\uff01\uff1f]+[\u300d\u300f\u201d]*"
)
_WHOLE_IF_POSSIBLE = {BlockKind.LIST, BlockKind.TABLE, BlockKind.CODE}
_FEWEST_WORDS = 8
_MANY_UNITS = 2_000

# What a cut costs besides the distance of its passage's size from the middle of the range.
_TOO_SMALL = 4.0
_INSIDE_A_BLOCK = 0.5
_AFTER_A_COLON = 0.6


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is never cut: a list, table or piece of code that fits, a line, a sentence."""

    start: int
    end: int
    words: int
    page: int | None
    cut_cost: float  # of a cut before this unit


@dataclass(frozen=True, slots=True)
class _Section:
    """What stands between two headings, and where the headings that it begins with begin."""

    heading_path: tuple[str, ...]
    start: int
    units: list[_Unit]


def count_words(text: str) -> int:
    """Return how many words `text` has."""
    return sum(1 for _ in _WORD.finditer(text))


def pack(
    blocks: Sequence[Block], text: str, *, document_id: UUID, min_words: int, max_words: int
) -> tuple[Passage, ...]:
    """Return the passages of a document, in reading order.

    Args:
        blocks: the document's blocks.
        text: the blocks, joined by `BLOCK_SEPARATOR`; each passage is a slice of it.
        document_id: the document they belong to.
        min_words: words below which a passage takes in its neighbour, if it fits.
        max_words: words above which there is no passage.
    """
    found: dict[str, Passage] = {}  # by what they say under their heading
    for section in _sections(blocks, text, max_words):
        body = section.units[0].start
        for units in _cut(_headed(section, text, max_words), min_words, max_words):
            start, end = units[0].start, units[-1].end
            passage = Passage(
                passage_id=ids.passage_id(document_id, text[start:end]),
                text=text[start:end],
                char_start=start,
                char_end=end,
                heading_path=section.heading_path,
                page=units[0].page,
            )
            found.setdefault(text[max(start, body) : end], passage)
    return _worth_keeping(found)


def _worth_keeping(passages: dict[str, Passage]) -> tuple[Passage, ...]:
    """Drop what says too little; of a very short document keep the longest."""
    told = [p for said, p in passages.items() if any(char.isalpha() for char in said)]
    kept = [p for p in told if count_words(p.text) >= _FEWEST_WORDS]
    return tuple(kept or sorted(told, key=lambda p: -count_words(p.text))[:1])


def _sections(blocks: Sequence[Block], text: str, max_words: int) -> Iterator[_Section]:
    """Yield the stretches between headings that have text."""
    if all(block.kind is BlockKind.HEADING for block in blocks):
        blocks = [replace(block, kind=BlockKind.PARAGRAPH) for block in blocks]
    title = _title(blocks)
    path: list[tuple[int, Block]] = []  # headings with their positions
    section = _Section((), 0, [])
    position = 0
    for block in blocks:
        if block.kind is BlockKind.HEADING:
            while path and path[-1][1].level >= block.level:
                path.pop()
            path.append((position, block))
            if section.units:
                yield section
            section = _Section(tuple(b.text for _, b in path), _lead(path, title), [])
        else:
            leads_in = bool(section.units) and text[section.units[-1].end - 1] in ":\uff1a"
            section.units.extend(_units(block, position, max_words, leads_in=leads_in))
        position += len(block.text) + len(BLOCK_SEPARATOR)
    if section.units:
        yield section


def _title(blocks: Sequence[Block]) -> Block | None:
    """Return the heading over the whole document, which stands in every row anyway."""
    levels = [block.level for block in blocks if block.kind is BlockKind.HEADING]
    first = blocks[0] if blocks else None
    if first is None or first.kind is not BlockKind.HEADING:
        return None
    return first if levels.count(min(levels)) == 1 and first.level == min(levels) else None


def _lead(path: Sequence[tuple[int, Block]], title: Block | None) -> int:
    """Return where the headings begin that stand one after the other at the end of `path`."""
    position, block = path[-1]
    if block is title:
        return position + len(block.text) + len(BLOCK_SEPARATOR)
    for outer_position, outer in reversed(path[:-1]):
        if outer is title or outer_position + len(outer.text) + len(BLOCK_SEPARATOR) != position:
            break
        position = outer_position
    return position


def _headed(section: _Section, text: str, max_words: int) -> list[_Unit]:
    """Return the units of a section, the first of them with its headings where that fits."""
    first, *others = _coarse(section.units, max_words)
    lead = count_words(text[section.start : first.start])
    if lead and lead + first.words <= max_words:
        first = replace(first, start=section.start, words=lead + first.words)
    return [first, *others]


def _units(block: Block, position: int, max_words: int, *, leads_in: bool) -> Iterator[_Unit]:
    """Yield a list, table or code whole where it fits, else its lines; of prose the sentences."""
    words = count_words(block.text)
    if block.kind in _WHOLE_IF_POSSIBLE and words <= max_words:
        indent = len(block.text) - len(block.text.lstrip())
        pieces: Iterable[tuple[int, int]] = [(indent, len(block.text))]
    else:
        is_prose = block.kind not in _WHOLE_IF_POSSIBLE
        pieces = _pieces(block.text, max_words, is_prose=is_prose)
    for index, (start, end) in enumerate(pieces):
        cost = _INSIDE_A_BLOCK if index else _AFTER_A_COLON if leads_in else 0.0
        words = count_words(block.text[start:end])
        yield _Unit(position + start, position + end, words, block.page, cost)


def _pieces(text: str, max_words: int, *, is_prose: bool) -> Iterator[tuple[int, int]]:
    """Yield the spans of lines, of sentences, and of stretches of sentences over the limit."""
    for line in _LINE.finditer(text):
        if not is_prose and count_words(line[0]) <= max_words:
            yield line.span()
            continue
        for start, end in _sentences(text, *line.span()):
            if count_words(text[start:end]) <= max_words:
                yield start, end
            else:
                yield from _stretches(text, start, end, max(1, max_words // 4))


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for stop in _SENTENCE_END.finditer(text, start, end):
        following = _VISIBLE.search(text, stop.end(), end)
        if following is None:
            break
        is_short = _ABBREVIATION.search(text, max(0, stop.end() - 12), stop.end())
        if not is_short and not following[0].islower():
            yield start, stop.end()
            start = following.start()
    yield start, end


def _stretches(text: str, start: int, end: int, words: int) -> Iterator[tuple[int, int]]:
    found = [match.span() for match in _WORD.finditer(text, start, end)]
    for index in range(0, len(found), words):
        stretch = found[index : index + words]
        yield stretch[0][0], stretch[-1][1]


def _coarse(units: list[_Unit], max_words: int) -> list[_Unit]:
    """Of very many units, join those of a word or two: where to cut is decided in linear time."""
    if len(units) <= _MANY_UNITS:
        return units
    joined = units[:1]
    for unit in units[1:]:
        last = joined[-1]
        if last.words + unit.words <= max_words // 20:
            joined[-1] = replace(last, end=unit.end, words=last.words + unit.words)
        else:
            joined.append(unit)
    return joined


def _cut(units: list[_Unit], min_words: int, max_words: int) -> Iterator[list[_Unit]]:
    """Yield the cheapest partition of `units` into runs of at most `max_words`."""
    cheapest = [0.0]
    begins = [0]
    for end in range(1, len(units) + 1):
        best, begin, words = float("inf"), end - 1, 0
        for start in range(end - 1, -1, -1):
            words += units[start].words
            if words > max_words and start < end - 1:
                break
            cost = cheapest[start] + _cost(words, min_words, max_words)
            cost += units[start].cut_cost if start else 0.0
            if cost < best:
                best, begin = cost, start
        cheapest.append(best)
        begins.append(begin)
    cuts = [len(units)]
    while cuts[-1] > 0:
        cuts.append(begins[cuts[-1]])
    cuts.reverse()
    for start, end in pairwise(cuts):
        yield units[start:end]


def _cost(words: int, min_words: int, max_words: int) -> float:
    middle = (min_words + max_words) / 2
    missing = max(0.0, 1 - words / min_words)
    return (words / middle - 1) ** 2 + (_TOO_SMALL * missing + 1 if missing else 0.0)
