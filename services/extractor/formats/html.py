"""HTML: the main content, without navigation, side bars, footers and comments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from lxml.html import HtmlElement

from services.extractor.blocks import Block, BlockKind, ReadDocument, one_line
from services.extractor.formats import furniture
from services.extractor.formats.encoding import decode
from services.extractor.formats.main_content import drop_marks, main_content
from services.extractor.formats.structure import TooDeep, blocks_in, parse
from shared.errors import DocumentHasNoText, DocumentUnreadable

_MOST_HEADINGS, _MOST_TITLE = 50, 500  # looked at for the headline: pages may have any number
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*>")


def read(body: bytes, *, uri: str, charset: str = "") -> ReadDocument:
    """Read an HTML page.

    Raises:
        DocumentUnreadable: it is no HTML, or nested deeper than any page written by people.
        DocumentHasNoText: there is no text on it.
    """
    markup = _XML_DECLARATION.sub("", decode(body, uri=uri, declared=charset)).replace("\0", "")
    tree = _parse(markup, uri)
    drop_marks(tree)
    headline = _headline(tree)
    heading = one_line(headline.text_content()) if headline is not None else ""
    title = _title(tree, heading)
    content = main_content(tree, headline)
    blocks = _under(heading, _blocks_of(content)) or blocks_in(_parse(markup, uri))
    if not blocks:
        raise DocumentHasNoText(
            f"{uri} is a page without text.",
            "It may be filled in by scripts; save the page from a browser and give that file.",
        )
    return ReadDocument(title, blocks)


def _parse(markup: str, uri: str) -> HtmlElement:
    try:
        tree = parse(markup)
    except TooDeep as error:
        raise DocumentUnreadable(
            f"{uri} cannot be read: {error}.",
            "Save the page again from a browser, or give its text.",
        ) from error
    if tree is None:
        raise DocumentHasNoText(
            f"{uri} is a page without text.", "Save the page again from a browser."
        )
    return tree


def _blocks_of(content: HtmlElement) -> list[Block]:
    """Return the blocks of the main content, less what only its wording tells from content."""
    kept: list[Block] = []
    label: Block | None = None  # waits for what comes below it
    for block in blocks_in(content):
        if block.kind not in {BlockKind.HEADING, BlockKind.PARAGRAPH}:
            if label is None or block.kind is not BlockKind.LIST:
                kept.append(block)
            label = None
        elif furniture.is_label(block.text):
            label = block
        elif not furniture.is_offer(block.text):
            if label is not None and label.kind is BlockKind.HEADING is not block.kind:
                kept.append(label)
            label = None
            kept.append(block)
    while len(kept) > 1 and kept[-1].kind is BlockKind.HEADING:  # what stood under it is gone
        kept.pop()
    return kept


def _under(heading: str, blocks: Sequence[Block]) -> list[Block]:
    """Put the page's headline before its content, unless it is in it."""
    is_there = any(b.kind is BlockKind.HEADING and b.text == heading for b in blocks)
    if not heading or not blocks or is_there:
        return list(blocks)
    return [Block(BlockKind.HEADING, heading, level=1), *blocks]


def _headline(tree: HtmlElement) -> HtmlElement | None:
    """Return the h1 that is most like the page's title, or an h2 that says it.

    An h1 that the title only ends with is the site's name.
    """
    title = _page_title(tree)[:_MOST_TITLE].casefold()
    for tag in ("h1", "h2"):
        headings = list(islice(tree.iter(tag), _MOST_HEADINGS))
        said = [(one_line(each.text_content()).casefold(), each) for each in headings]
        own = [(text, each) for text, each in said if text and not _is_site(text, title)]
        same = [(title.startswith(text), len(text), each) for text, each in own if text in title]
        if same:
            return max(same, key=lambda found: found[:2])[2]
        if own and tag == "h1":
            return own[0][1] if len(own) == 1 else None
    return None


def _is_site(text: str, title: str) -> bool:
    return title.endswith(text) and not title.startswith(text)


def _page_title(tree: HtmlElement) -> str:
    return one_line(" ".join(str(found) for found in tree.xpath("//title[1]//text()")))


def _title(tree: HtmlElement, heading: str) -> str:
    """Return the page's own title: a site's name behind it is left out where that is certain."""
    title = _page_title(tree)
    if heading and title.casefold().startswith(heading.casefold()):
        return heading
    shared = [one_line(str(found)) for found in tree.xpath("//meta[@property='og:title']/@content")]
    return next((found for found in [*shared, title, heading] if found), "")
