"""Plain text: paragraphs parted by empty lines, lines wrapped by hand put together again."""

from __future__ import annotations

import re
from statistics import median

from services.extractor.blocks import Block, BlockKind, ReadDocument, clean, tidy_lines
from services.extractor.formats.encoding import decode
from shared.errors import DocumentHasNoText

_EMPTY_LINES = re.compile(r"\n[^\S\n]*\n\s*|\f")
_ITEM = re.compile(r"^\s*(?:[-*+\u2022\u2013]|\(?\d{1,3}[.)])\s+\S")
_WRAPPED_AT_LEAST = 45
_PARAGRAPH_A_LINE = 160


def read(body: bytes, *, uri: str, charset: str = "") -> ReadDocument:
    """Read a plain text file; it has no title and no headings.

    Raises:
        DocumentHasNoText: there is only white space in it.
    """
    text = decode(body, uri=uri, declared=charset)
    text = "\f".join(clean(part) for part in text.split("\f"))
    blocks = [block for part in _EMPTY_LINES.split(text) for block in _blocks(part)]
    if not blocks:
        raise DocumentHasNoText(f"{uri} holds no text.", "Give a file with text in it.")
    return ReadDocument("", blocks)


def _blocks(part: str) -> list[Block]:
    lines = tidy_lines(part).split("\n")
    if not lines[0]:
        return []
    if sum(1 for line in lines if _ITEM.match(line)) * 2 > len(lines):
        return [Block(BlockKind.LIST, "\n".join(lines))]
    if len(lines) > 1 and median(len(line) for line in lines) >= _PARAGRAPH_A_LINE:
        return [Block(BlockKind.PARAGRAPH, line) for line in lines]
    wrapped = all(len(line) >= _WRAPPED_AT_LEAST for line in lines[:-1])
    return [Block(BlockKind.PARAGRAPH, (" " if wrapped else "\n").join(lines))]
