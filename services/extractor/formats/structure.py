"""An HTML tree to blocks: headings, paragraphs, lists, tables, code and quotes as units.

HTML pages, Markdown and DOCX all come through here, so that a list is the same block whichever
format it was written in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PageElement, PreformattedString, Tag

from services.extractor.blocks import Block, BlockKind, one_line, tidy_code, tidy_lines

_HEADINGS = {f"h{level}": level for level in range(7)}
_LISTS = {"ul", "ol", "dl", "menu"}
_SKIPPED = {
    *("script", "style", "noscript", "template", "head", "iframe", "svg", "math", "object"),
    *("button", "select", "input", "textarea", "nav", "audio", "video", "canvas"),
}
_INLINE = {
    *("a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font"),
    *("hi", "i", "img", "ins", "kbd", "label", "mark", "q", "ref", "s", "samp", "small", "span"),
    *("strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"),
}
_BLANKS = re.compile(r"\s+")
_STRUCTURE = [*_HEADINGS, "pre", "table"]


def blocks_of(markup: str) -> list[Block]:
    """Return the blocks of an HTML document or fragment, in reading order."""
    return list(_Walk([BeautifulSoup(markup, "lxml")]).blocks())


class _Walk:
    """Goes through a tree in document order without recursion, however deep it is."""

    def __init__(self, nodes: Sequence[PageElement]) -> None:
        self._todo: list[PageElement | None] = list(reversed(nodes))  # None ends a block element
        self._inline: list[str] = []

    def blocks(self) -> Iterator[Block]:
        while self._todo:
            node = self._todo.pop()
            if node is None:
                yield from self._paragraphs()
            elif isinstance(node, Tag):
                yield from self._tag(node)
            elif _is_text(node):
                self._inline.append(_BLANKS.sub(" ", str(node)))
        yield from self._paragraphs()

    def _tag(self, tag: Tag) -> Iterator[Block]:
        if tag.name in _SKIPPED:
            return
        if tag.name in {"br", "lb"}:
            self._inline.append("\n")
        elif tag.name in _INLINE:
            self._todo.extend(reversed(tag.contents))
        elif _is_unit(tag):
            yield from self._paragraphs()
            block = _unit(tag)
            if block.text:
                yield block
        else:
            yield from self._paragraphs()
            self._todo.append(None)
            self._todo.extend(reversed(tag.contents))

    def _paragraphs(self) -> Iterator[Block]:
        """Yield what has gathered between two block elements; an empty line parts paragraphs."""
        lines = [line.strip() for line in "".join(self._inline).split("\n")]
        self._inline.clear()
        for part in "\n".join(lines).split("\n\n"):
            text = tidy_lines(part)
            if text:
                yield Block(BlockKind.PARAGRAPH, text)


def _is_text(node: PageElement) -> bool:
    return isinstance(node, NavigableString) and not isinstance(node, PreformattedString)


def _is_unit(tag: Tag) -> bool:
    if tag.name in _HEADINGS or tag.name == "pre" or tag.name in _LISTS:
        return True
    if tag.name == "blockquote":
        return tag.find([*_STRUCTURE, *_LISTS]) is None
    if tag.name == "table":  # one with a single column, or with sections in it, is a layout
        rows = tag.find_all("tr")
        return tag.find([*_STRUCTURE]) is None and any(len(_cells(row)) > 1 for row in rows)
    return False


def _unit(tag: Tag) -> Block:
    if tag.name in _HEADINGS:
        return Block(BlockKind.HEADING, one_line(tag.get_text()), level=_HEADINGS[tag.name])
    if tag.name == "pre":
        for line_end in tag.find_all(["br", "lb"]):
            line_end.replace_with("\n")
        return Block(BlockKind.CODE, tidy_code(tag.get_text()))
    if tag.name == "table":
        rows = (
            " | ".join(one_line(cell.get_text(" ")) for cell in _cells(row))
            for row in tag.find_all("tr")
        )
        return Block(BlockKind.TABLE, "\n".join(row for row in rows if row.strip(" |")))
    if tag.name == "blockquote":
        quoted = "".join(f"{block.text}\n" for block in _Walk(tag.contents).blocks())
        return Block(BlockKind.QUOTE, tidy_lines(quoted))
    return Block(BlockKind.LIST, "\n".join(_list_lines(tag, "")))


def _cells(row: Tag) -> list[Tag]:
    return row.find_all(["td", "th"], recursive=False)


def _list_lines(items: Tag, indent: str) -> Iterator[str]:
    """Yield a line for each item, and the lines of the lists inside it, further in."""
    number = _first_number(items)
    for item in (child for child in items.children if isinstance(child, Tag)):
        if item.name in _LISTS:  # a list directly in a list: not valid, and common
            yield from _list_lines(item, indent + "  ")
            continue
        inner = [found for found in item.find_all([*_LISTS]) if _owner(found, item)]
        for nested in inner:
            nested.extract()
        mark = f"{number}. " if items.name == "ol" else "- "
        text = one_line(item.get_text(" " if item.find(["p", "br", "div", "pre"]) else ""))
        if text:
            yield indent + _mark(item, mark) + text
            number += 1
        for nested in inner:
            yield from _list_lines(nested, indent + "  ")


def _owner(found: Tag, item: Tag) -> bool:
    """Tell whether no other list stands between `found` and `item`."""
    return next(p for p in found.parents if p is item or p.name in _LISTS) is item


def _mark(item: Tag, mark: str) -> str:
    return {"dt": "", "dd": "  "}.get(item.name, mark)


def _first_number(items: Tag) -> int:
    start = str(items.get("start", "1"))
    return int(start) if start.isascii() and start.isdigit() else 1
