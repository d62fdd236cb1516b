"""The units a document is read into, whatever its format was."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

BLOCK_SEPARATOR = "\n\n"

# Controls, lone surrogates and characters without width: no reader sees them, and JSON or UTF-8
# cannot carry some of them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u2060\ufeff\ud800-\udfff]"
)
_LINE_ENDS = re.compile("\r\n?|\x85|\u2028|\u2029")
_BLANKS = re.compile(r"[^\S\n]+")


class BlockKind(StrEnum):
    """What a block is on the page."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"
    TABLE = "table"
    CODE = "code"
    QUOTE = "quote"


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of text that belongs together.

    Attributes:
        kind: what it is on the page.
        text: its text, clean and not empty; list items, table rows and code have a line each.
        level: of a heading: 1 is the outermost of a page, 0 a title above it.
        page: the page it begins on, from 1, where the format has pages.
    """

    kind: BlockKind
    text: str
    level: int = 0
    page: int | None = None


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """What a format's reader makes of a file: its title (or "") and its blocks in reading order."""

    title: str
    blocks: list[Block] = field(default_factory=list)


def clean(text: str) -> str:
    r"""Return `text` with `\n` as its only line end and without invisible characters."""
    return _INVISIBLE.sub("", _LINE_ENDS.sub("\n", text))


def one_line(text: str) -> str:
    """Return `text` with every run of white space as one blank."""
    return " ".join(clean(text).split())


def tidy_lines(text: str) -> str:
    """Return `text` line by line without surrounding or doubled blanks and without empty lines."""
    lines = (_BLANKS.sub(" ", line).strip() for line in clean(text).split("\n"))
    return "\n".join(line for line in lines if line)


def tidy_code(text: str) -> str:
    """Return `text` with its indentation, without blank lines around it or blanks at line ends."""
    lines = [line.rstrip() for line in clean(text).expandtabs(4).split("\n")]
    return "\n".join(lines).strip("\n")


def join_blocks(blocks: Iterable[Block]) -> str:
    """Return the document's text, which every passage is a slice of."""
    return BLOCK_SEPARATOR.join(block.text for block in blocks)
