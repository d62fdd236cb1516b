"""Lines of a PDF to blocks: running heads out, paragraphs joined, headings told by their type.

Footnotes, and whatever else is set small at the foot of a page, come after the paragraph that
runs on over the page, not in the middle of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from services.extractor.blocks import Block, BlockKind, one_line

_EDGE_LINES = 2  # how many lines at the top and the bottom of a page may be running heads
_OFTEN = 3  # on so many pages a running head stands, be it of a chapter only
_FIRST_OR_LAST = re.compile(r"^\d{1,4}(?!\S)|(?<!\S)\d{1,4}$")
_NUMBERS = re.compile(r"\d+|\b[ivxlc]+\b")
_PAGE_NUMBER = re.compile(
    r"^\W*(?:page|p\.|seite)?\s*(?:\d{1,4}|[ivxlc]{1,6})\s*(?:(?:/|of|von)\s*\d{1,4})?\W*$",
    re.IGNORECASE,
)
_ITEM = re.compile(
    r"^(?:[\u2022\u25cf\u25aa\u25e6\u2023\u2043\u2219\u00b7\u2013-]\s*|\(?\d{1,2}[.)]\s+)(?=\w|[\"'(\u201c])"
)
_SENTENCE_END = re.compile(r"[.!?:;\u2026\u3002\uff01\uff1f][\"')\]\u201d\u2019]*$")
_HYPHENATED = re.compile(r"(\w+)[-\u2010\u00ad\x02\ufffe]$")
_LIGATURES = str.maketrans(
    {
        "\ufb00": "ff",
        "\ufb01": "fi",
        "\ufb02": "fl",
        "\ufb03": "ffi",
        "\ufb04": "ffl",
        "\ufb05": "st",
        "\ufb06": "st",
    }
)
_HEADING_WORDS = 20
_HEADING_SIZE = 1.12  # times the size of the body
_NOTE_SIZE = 0.92
_NOTE = re.compile(r"^(?:\d{1,3}|[*\u2020\u2021\u00a7])\s?\S")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page; lengths in points, from the page's left and top."""

    text: str
    left: float
    right: float
    top: float
    bottom: float
    size: float
    bold: bool = False


@dataclass(frozen=True, slots=True)
class _Style:
    """What the body of the document looks like."""

    size: float
    pitch: float  # from one line's top to the next
    width: float  # of a full line


@dataclass(slots=True)
class _Group:
    """Lines that make one paragraph, heading or list item."""

    page: int
    lines: list[Line] = field(default_factory=list)

    @property
    def last(self) -> Line:
        return self.lines[-1]

    def is_heading(self, style: _Style) -> bool:
        text = " ".join(line.text for line in self.lines)
        if len(text.split()) > _HEADING_WORDS or not any(c.isalpha() for c in text):
            return False
        if all(line.size >= style.size * _HEADING_SIZE for line in self.lines):
            return True
        is_bold = all(line.bold for line in self.lines) and self.last.size >= style.size
        return is_bold and len(self.lines) == 1 and not text.endswith((".", ",", ";"))


def blocks_of(pages: Sequence[Sequence[Line]]) -> list[Block]:
    """Return the blocks of a document, given its pages' lines in reading order."""
    kept = _without_running_heads(pages)
    lines = [line for page in kept for line in page]
    if not lines:
        return []
    style = _style(kept)
    groups = list(_groups(kept, style))
    sizes = sorted({g.last.size for g in groups if g.is_heading(style)}, reverse=True)
    words = Counter(re.findall(r"\w+(?:-\w+)*", " ".join(line.text for line in lines).lower()))
    return list(_as_blocks(groups, style, sizes, words))


def _without_running_heads(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """Drop running heads and page numbers.

    A running head stands at the edge of several pages, the same but for its numbers, or beside a
    number that counts with the pages. It may change with the chapter and stand on every other page
    only. Lines in a heading's size stay: "Chapter 1" at the top of its page is no running head.
    """
    size = _style(pages).size if any(pages) else 0.0
    often = min(_OFTEN, max(2, (len(pages) + 1) // 2))
    edges = [_edges(page) for page in pages]
    seen = Counter(key for edge in edges for key in {_key(line) for line in edge})
    ahead = Counter(n for page, edge in enumerate(edges) for n in _ahead(edge, page))
    counted = {n for n, pages_with in ahead.items() if pages_with >= _OFTEN}
    kept = []
    for number, (page, edge) in enumerate(zip(pages, edges, strict=True)):
        heights = Counter(_height(line) for line in edge)
        numbered = {_height(line) for line in edge if counted & _ahead([line], number)}
        heads = set()
        for line in edge:
            is_number = _PAGE_NUMBER.match(line.text) is not None
            is_alone = heights[_height(line)] == 1
            is_head = seen[_key(line)] >= often or _height(line) in numbered
            if (is_head and line.size < size * _HEADING_SIZE) or (is_number and is_alone):
                heads.add(id(line))
        kept.append([line for line in page if id(line) not in heads])
    return kept


def _edges(page: Sequence[Line]) -> list[Line]:
    """Return the outermost lines; what stands side by side is one."""
    heights = sorted({_height(line) for line in page})
    edges = {*heights[:_EDGE_LINES], *heights[-_EDGE_LINES:]}
    return [line for line in page if _height(line) in edges]


def _height(line: Line) -> int:
    return round(line.top / 3)


def _ahead(lines: Iterable[Line], page: int) -> set[int]:
    """Return how far ahead of their page the numbers are that lines begin or end with."""
    return {int(n) - page for line in lines for n in _FIRST_OR_LAST.findall(line.text)}


def _key(line: Line) -> tuple[str, int]:
    return _NUMBERS.sub("#", line.text.lower()), round(line.top / 10)


def _style(pages: Sequence[Sequence[Line]]) -> _Style:
    sizes: Counter[float] = Counter()
    for line in (line for page in pages for line in page):
        sizes[line.size] += len(line.text)
    size = sizes.most_common(1)[0][0]
    body = [line for page in pages for line in page if line.size == size]
    steps = [
        later.top - line.top
        for page in pages
        for line, later in pairwise(page)
        if line.size == later.size == size and 0 < later.top - line.top < 3 * max(size, 1)
    ]
    widths = sorted(line.right - line.left for line in body)
    return _Style(size, median(steps) if steps else 1.2 * size, widths[len(widths) * 9 // 10])


def _groups(pages: Iterable[Sequence[Line]], style: _Style) -> Iterator[_Group]:
    group: _Group | None = None
    notes: list[_Group] = []
    for number, page in enumerate(pages, start=1):
        body = _body_lines(page, style)
        for line in page[:body]:
            if group is None or _begins_a_group(group, line, number, style):
                if group is not None:
                    yield group
                yield from notes
                group, notes = _Group(number), []
            group.lines.append(line)
        for line in page[body:]:
            if not notes or notes[-1].page != number or _NOTE.match(line.text):
                notes.append(_Group(number))
            notes[-1].lines.append(line)
    if group is not None:
        yield group
    yield from notes


def _body_lines(page: Sequence[Line], style: _Style) -> int:
    """Return how many lines come before the small ones at the foot of the page."""
    count = len(page)
    while count and page[count - 1].size <= style.size * _NOTE_SIZE:
        count -= 1
    is_foot = count and all(line.top > page[count - 1].top for line in page[count:])
    return count if is_foot else len(page)


def _begins_a_group(group: _Group, line: Line, page: int, style: _Style) -> bool:
    last = group.last
    if abs(line.size - last.size) > 0.6 or _ITEM.match(line.text):  # noqa: PLR2004 - points
        return True
    if line.bold != last.bold and (line.bold or len(group.lines) == 1):
        return True
    ended = bool(_SENTENCE_END.search(last.text))
    if page != group.page or line.top < last.top - style.pitch / 2:  # next page or column
        return ended or (line.text[:1].isupper() and group.is_heading(style))
    if line.top - last.top > 1.35 * style.pitch * max(1.0, line.size / style.size):
        return True
    is_short = last.right - last.left < 0.8 * style.width
    is_indented = line.left > last.left + 0.8 * line.size and not _ITEM.match(group.lines[0].text)
    return ended and (is_short or is_indented)


def _as_blocks(
    groups: Sequence[_Group], style: _Style, sizes: list[float], words: Counter[str]
) -> Iterator[Block]:
    items: list[str] = []
    page = 1
    for group in groups:
        text = _joined(group.lines, words)
        mark = _ITEM.match(text)
        if mark and not group.is_heading(style):
            page = page if items else group.page
            number = mark[0].strip()
            items.append(f"{number if number[-2:-1].isdigit() else '-'} {text[mark.end() :]}")
            continue
        if items:
            yield Block(BlockKind.LIST, "\n".join(items), page=page)
            items = []
        if not text:
            continue
        if group.is_heading(style):
            level = sizes.index(group.last.size) + 1
            yield Block(BlockKind.HEADING, text, level=level, page=group.page)
        else:
            yield Block(BlockKind.PARAGRAPH, text, page=group.page)
    if items:
        yield Block(BlockKind.LIST, "\n".join(items), page=page)


def _joined(lines: Sequence[Line], words: Counter[str]) -> str:
    """Return the lines as one, words that were parted at a line's end put together again."""
    text = ""
    for line in lines:
        parted = _HYPHENATED.search(text)
        if parted and (line.text[:1].isupper() or line.text[:1].isdigit()):
            text = f"{text[: parted.end(1)]}-{line.text}"  # "Anglo-Saxon", "10-12"
        elif parted and line.text[:1].islower():
            following = re.match(r"\w+", line.text)
            rest = following[0] if following else ""
            is_compound = words[f"{parted[1]}-{rest}".lower()] > words[f"{parted[1]}{rest}".lower()]
            text = text[: parted.end(1)] + ("-" if is_compound else "") + line.text
        else:
            text = f"{text} {line.text}" if text else line.text
    return one_line(text.translate(_LIGATURES))
