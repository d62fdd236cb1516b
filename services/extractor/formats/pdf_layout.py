"""Lines of a PDF to blocks: running heads out, paragraphs joined, headings told by their type.

A footnote comes after the paragraph that runs on over the page, not in the middle of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from services.extractor.blocks import Block, BlockKind, one_line
from services.extractor.formats.pdf_heads import Line, without_running_heads

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
_NOTE = re.compile(r"^(\d{1,3}|[*\u2020\u2021\u00a7])\s?[^\W\d]")


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
    size = _style(pages).size if any(pages) else 0.0
    kept = without_running_heads(pages, heading_size=size * _HEADING_SIZE)
    lines = [line for page in kept for line in page]
    if not lines:
        return []
    style = _style(kept)
    groups = list(_groups(kept, style))
    sizes = sorted({g.last.size for g in groups if g.is_heading(style)}, reverse=True)
    words = Counter(re.findall(r"\w+(?:-\w+)*", " ".join(line.text for line in lines).lower()))
    return list(_as_blocks(groups, style, sizes, words))


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
            is_next = not notes or _begins_a_group(notes[-1], line, number, style)
            if is_next or notes[-1].page != number or _NOTE.match(line.text):
                notes.append(_Group(number))
            notes[-1].lines.append(line)
    if group is not None:
        yield group
    yield from notes


def _body_lines(page: Sequence[Line], style: _Style) -> int:
    """Return how many lines come before the footnotes that part a sentence from the next page."""
    count = len(page)
    while count and page[count - 1].size <= style.size * _NOTE_SIZE:
        count -= 1
    marks = [mark[1] for line in page[count:] if (mark := _NOTE.match(line.text))]
    if not count or not marks or len(set(marks)) < len(marks):
        return len(page)
    first, last = page[count], page[count - 1]
    is_foot = first.text.startswith(marks[0]) and first.top > last.top
    return count if is_foot and not _SENTENCE_END.search(last.text) else len(page)


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
        following = re.match(r"[^\W_]\w*", line.text)
        if parted and following:
            rest = following[0]
            whole, compound = f"{parted[1]}{rest}".lower(), f"{parted[1]}-{rest}".lower()
            # A small letter goes on with its word; a capital or a digit, if there is such a word.
            bias = 1 if rest[0].islower() else 0
            is_whole = words[whole] + bias > words[compound]
            text = f"{text[: parted.end(1)]}{'' if is_whole else '-'}{line.text}"
        else:
            text = f"{text} {line.text}" if text else line.text
    return one_line(text.translate(_LIGATURES))
