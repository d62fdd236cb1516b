"""Running heads and page numbers: what the printer puts at the edges of a PDF's pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_EDGE_LINES = 2  # how many lines at the top and the bottom of a page may be running heads
_OFTEN = 3  # on so many pages a running head stands, be it of a chapter only
_FIRST_OR_LAST = re.compile(r"^\d{1,4}(?!\S)|(?<!\S)\d{1,4}$")
_NUMBERS = re.compile(r"\d+|\b[ivxlc]+\b")
_PAGE_NUMBER = re.compile(
    r"^\W*(?:page|p\.|seite)?\s*(?:\d{1,4}|[ivxlc]{1,6})\s*(?:(?:/|of|von)\s*\d{1,4})?\W*$",
    re.IGNORECASE,
)


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


def without_running_heads(
    pages: Sequence[Sequence[Line]], *, heading_size: float
) -> list[list[Line]]:
    """Drop running heads and page numbers.

    A running head stands at the edge of several pages, the same but for its numbers, or beside a
    number that counts with the pages. It may change with the chapter and stand on every other page
    only. Lines of `heading_size` stay: "Chapter 1" at the top of its page is no running head.
    """
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
            is_worded = any(char.isalpha() for char in _key(line)[0])  # unlike a row of numbers
            is_head = (is_worded and seen[_key(line)] >= often) or _height(line) in numbered
            if (is_head and line.size < heading_size) or (is_number and is_alone):
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
