"""An HTML tree to blocks: headings, paragraphs, lists, tables, code and quotes as units.

HTML pages, Markdown and DOCX all come through here, so that a list is the same block whichever
format it was written in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree
from lxml import html as lxml_html
from lxml.html import HtmlElement

from services.extractor.blocks import Block, BlockKind, one_line, tidy_code, tidy_lines

INLINE = frozenset(
    """a abbr b bdi bdo big br cite code data del dfn em font i img ins kbd label mark q s samp
    small span strike strong sub sup time tt u var wbr""".split()  # noqa: SIM905
)
_HEADINGS = {f"h{level}": level for level in range(7)}
_LISTS = ("ul", "ol", "dl", "menu")
_STRUCTURE = ("pre", "table", *_HEADINGS)
_SKIPPED = frozenset(
    """script style noscript template head iframe svg math object button select input textarea nav
    audio video canvas rt rp""".split()  # noqa: SIM905
)
_BLANKS = re.compile(r"\s+")
_NUMBER = re.compile("[0-9]{1,9}")


class TooDeep(ValueError):
    """Elements are nested deeper than the parser goes; it would leave out the rest."""


def parse(markup: str) -> HtmlElement | None:
    """Return the tree of an HTML document or fragment without its comments; None of nothing.

    Raises:
        TooDeep: its elements are nested more than 256 deep.
    """
    parser = lxml_html.HTMLParser(
        encoding="utf-8", collect_ids=False, remove_comments=True, remove_pis=True
    )
    try:
        tree = lxml_html.document_fromstring(markup.encode("utf-8", "replace"), parser=parser)
    except etree.ParserError:
        return None
    # libxml2 drops what lies deeper than 256 elements and says so only in its log.
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise TooDeep("its elements are nested more than 256 deep")
    return tree


def blocks_of(markup: str) -> list[Block]:
    """Return the blocks of an HTML document or fragment, in reading order."""
    tree = parse(markup)
    return [] if tree is None else blocks_in(tree)


def blocks_in(top: HtmlElement) -> list[Block]:
    """Return the blocks of an element, in reading order."""
    return list(_Walk(top).blocks())


def is_layout(table: HtmlElement) -> bool:
    """Tell whether a table only arranges a page: one column, or sections or prose in its cells."""
    rows = list(table.iter("tr"))
    if table.get("role") in {"presentation", "none"} or _has(table, "table", *_HEADINGS):
        return True
    if all(len(_cells(row)) < 2 for row in rows):  # noqa: PLR2004 - columns
        return True
    return not _has(table, "th") and (
        _has(table, "pre") or any(len(cell.findall("p")) > 1 for row in rows for cell in row)
    )


class _Walk:
    """Goes through an element in document order without recursion, however deep it is."""

    def __init__(self, top: HtmlElement, *, leave_lists: bool = False) -> None:
        self._todo: list[HtmlElement | str | None] = []  # None ends a block element
        self._inline: list[str] = []
        self._marks: dict[HtmlElement, str] = {}  # of the items of lists that are no unit
        self._mark = ""
        self._leave_lists = leave_lists
        self.left: list[HtmlElement] = []
        self._go_into(top)

    def blocks(self) -> Iterator[Block]:
        while self._todo:
            node = self._todo.pop()
            if node is None:
                yield from self._paragraphs()
            elif isinstance(node, str):
                self._inline.append(_BLANKS.sub(" ", node))
            else:
                yield from self._element(node)
        yield from self._paragraphs()

    def _go_into(self, element: HtmlElement) -> None:
        for child in reversed(element):
            self._todo.extend([child.tail, child] if child.tail else [child])
        if element.text:
            self._todo.append(element.text)

    def _element(self, element: HtmlElement) -> Iterator[Block]:
        if element.tag in _SKIPPED:
            return
        if element.tag == "br":
            self._inline.append("\n")
        elif element.tag in INLINE:
            self._go_into(element)
        else:
            yield from self._paragraphs()
            self._mark = self._marks.pop(element, "").lstrip() or self._mark
            if element.tag in _LISTS and self._leave_lists:
                self.left.append(element)
            elif _is_unit(element):
                yield from _unit(element)
            else:
                if element.tag in _LISTS:
                    self._marks.update(
                        {each: m for each, m in _marks(element).items() if m.strip()}
                    )
                self._todo.append(None)
                self._go_into(element)

    def _paragraphs(self) -> Iterator[Block]:
        """Yield what has gathered between two block elements; an empty line parts paragraphs."""
        lines = [line.strip() for line in "".join(self._inline).split("\n")]
        self._inline.clear()
        for part in "\n".join(lines).split("\n\n"):
            text = tidy_lines(part)
            if text:
                yield Block(BlockKind.PARAGRAPH, self._mark + text)
                self._mark = ""


def _has(element: HtmlElement, *tags: str) -> bool:
    return next(element.iterdescendants(*tags), None) is not None


def _is_unit(element: HtmlElement) -> bool:
    if element.tag in _LISTS:  # code in a step of a list is code all the same
        return not _has(element, *_STRUCTURE)
    if element.tag == "blockquote":
        return not _has(element, *_STRUCTURE, *_LISTS)
    if element.tag == "table":
        return not is_layout(element)
    return element.tag in _HEADINGS or element.tag == "pre"


def _unit(element: HtmlElement) -> Iterator[Block]:
    if element.tag in _HEADINGS:
        block = Block(BlockKind.HEADING, _line(element), level=_HEADINGS[element.tag])
    elif element.tag == "pre":
        block = Block(BlockKind.CODE, _code(element))
    elif element.tag == "table":
        block = Block(BlockKind.TABLE, "\n".join(_rows(element)))
    elif element.tag == "blockquote":
        quoted = "".join(f"{block.text}\n" for block in _Walk(element).blocks())
        block = Block(BlockKind.QUOTE, tidy_lines(quoted))
    else:
        block = Block(BlockKind.LIST, "\n".join(_list_lines(element, "")))
    if block.text:
        yield block


def _line(element: HtmlElement) -> str:
    return one_line(" ".join(block.text for block in _Walk(element).blocks()))


def _code(element: HtmlElement) -> str:
    for line_end in element.iter("br"):
        line_end.text = "\n"
    return tidy_code("".join(element.itertext()))


def _rows(table: HtmlElement) -> Iterator[str]:
    """Yield the caption and a line for each row."""
    yield from (text for caption in table.iter("caption") if (text := _line(caption)))
    for row in table.iter("tr"):
        line = " | ".join(_line(cell) for cell in _cells(row)).strip()
        if line.strip(" |"):
            yield line


def _cells(row: HtmlElement) -> list[HtmlElement]:
    return [child for child in row if child.tag in {"td", "th"}]


def _list_lines(items: HtmlElement, indent: str) -> Iterator[str]:
    """Yield a line for each item, and the lines of the lists inside it, further in."""
    marks = _marks(items)
    for item in items:
        if item.tag in _LISTS:  # a list directly in a list: not valid, and common
            yield from _list_lines(item, indent + "  ")
        elif item.tag == "div" and items.tag == "dl":  # around a term and what it means
            yield from _list_lines(item, indent)
        else:
            walk = _Walk(item, leave_lists=True)
            text = one_line(" ".join(block.text for block in walk.blocks()))
            if text:
                yield indent + marks[item] + text
            for nested in walk.left:
                yield from _list_lines(nested, indent + "  ")


def _marks(items: HtmlElement) -> dict[HtmlElement, str]:
    """Return what stands before each item: its number, a dash, or nothing before a term."""
    start = items.get("start") or ""
    number = int(start) if _NUMBER.fullmatch(start) else 1
    marks = {}
    for item in items:
        marks[item] = {"dt": "", "dd": "  "}.get(item.tag, "- ")
        if items.tag == "ol" and item.tag == "li":
            marks[item] = f"{number}. "
            number += 1
    return marks
