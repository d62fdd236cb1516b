"""Markdown (CommonMark with tables), rendered and read like any other page."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

from services.extractor.blocks import BlockKind, ReadDocument, one_line
from services.extractor.formats.encoding import decode
from services.extractor.formats.structure import blocks_of
from shared.errors import DocumentHasNoText

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TITLE = re.compile(r"^title:\s*(.+?)\s*$", re.MULTILINE)
_MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def read(body: bytes, *, uri: str, charset: str = "") -> ReadDocument:
    """Read a Markdown file; front matter gives its title and is no part of the text.

    Raises:
        DocumentHasNoText: there is nothing but markup in it.
    """
    source = decode(body, uri=uri, declared=charset).replace("\r\n", "\n").lstrip("\ufeff")
    front = _FRONT_MATTER.match(source)
    named = _TITLE.search(front[1]) if front else None
    blocks = blocks_of(_MARKDOWN.render(source[front.end() :] if front else source))
    if not blocks:
        raise DocumentHasNoText(f"{uri} holds no text, only markup.", "Give a file with text.")
    headings = (b.text for b in blocks if b.kind is BlockKind.HEADING and b.level == 1)
    title = one_line(named[1].strip("\"'")) if named else next(headings, "")
    return ReadDocument(title, blocks)
