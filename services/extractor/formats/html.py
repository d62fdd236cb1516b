"""HTML: the main content, without navigation, side bars, footers and comments."""

from __future__ import annotations

import logging
import re

import trafilatura
from lxml import etree
from lxml import html as lxml_html
from trafilatura.settings import use_config

from services.extractor.blocks import Block, ReadDocument, one_line
from services.extractor.formats.encoding import decode
from services.extractor.formats.structure import blocks_of
from shared.errors import DocumentHasNoText, DocumentUnreadable

_FURNITURE = (
    "//script|//style|//noscript|//template|//nav|//aside|//footer|//form|//iframe|//svg|//button"
    "|//*[@role='navigation' or @role='banner' or @role='contentinfo' or @role='search']"
    "|//*[@hidden or @aria-hidden='true']"
)
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*>")
_HTML_NAMES = {"item": "li", "lb": "br", "row": "tr", "cell": "td", "quote": "blockquote"}
logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # what it logs is raised here
_CONFIG = use_config()
_CONFIG.set("DEFAULT", "MAX_FILE_SIZE", str(2**31))  # our own limit has been checked before


def read(body: bytes, *, uri: str, charset: str = "") -> ReadDocument:
    """Read an HTML page.

    Raises:
        DocumentUnreadable: it is no HTML, or nested deeper than any page written by people.
        DocumentHasNoText: there is no text on it.
    """
    markup = _XML_DECLARATION.sub("", decode(body, uri=uri, declared=charset)).replace("\0", "")
    tree = _parse(markup, uri)
    title = _title(tree)
    blocks = _main_content(tree) or _everything(_parse(markup, uri))
    if not blocks:
        raise DocumentHasNoText(
            f"{uri} is a page without text.",
            "It may be filled in by scripts; save the page from a browser and give that file.",
        )
    return ReadDocument(title, blocks)


def _parse(markup: str, uri: str) -> lxml_html.HtmlElement:
    parser = lxml_html.HTMLParser(
        encoding="utf-8", collect_ids=False, remove_comments=True, remove_pis=True
    )
    try:
        tree = lxml_html.document_fromstring(markup.encode("utf-8", "replace"), parser=parser)
    except etree.ParserError as error:
        raise DocumentHasNoText(
            f"{uri} is a page without text.", "Save the page again from a browser."
        ) from error
    # libxml2 drops what lies deeper than 256 elements and says so only in its log.
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise DocumentUnreadable(
            f"{uri} nests its elements more than 256 deep.",
            "Save the page again from a browser, or give its text.",
        )
    return tree


def _main_content(tree: lxml_html.HtmlElement) -> list[Block]:
    found = trafilatura.bare_extraction(
        tree, output_format="xml", include_comments=False, include_tables=True, config=_CONFIG
    )
    if found is None or found.body is None:
        return []
    _rename(found.body)
    return blocks_of(etree.tostring(found.body, encoding="unicode", method="html"))


def _rename(body: etree._Element) -> None:
    """Turn trafilatura's element names (a dialect of TEI) back into HTML's."""
    for element in body.iter("head", "list", "item", "code", *_HTML_NAMES):
        rend = element.get("rend") or ""
        if element.tag == "head":
            element.tag = rend if re.fullmatch("h[1-6]", rend) else "h2"
        elif element.tag == "list":
            element.tag = rend if rend in {"ul", "ol", "dl"} else "ul"
        elif element.tag == "item" and rend[:3] in {"dt-", "dd-"}:
            element.tag = rend[:2]
        elif element.tag == "code":
            if "\n" in "".join(element.itertext()) or element.find("code") is not None:
                element.tag = "pre"
        else:
            element.tag = _HTML_NAMES[element.tag]


def _everything(tree: lxml_html.HtmlElement) -> list[Block]:
    """Read a page that has no main content to tell from the rest, less its obvious furniture."""
    for element in tree.xpath(_FURNITURE):
        if element.getparent() is not None:
            element.drop_tree()
    return blocks_of(etree.tostring(tree, encoding="unicode", method="html"))


def _title(tree: lxml_html.HtmlElement) -> str:
    """Return the page's own title: a site's name behind it is left out where that is certain."""
    titles = [one_line(str(found)) for found in tree.xpath("//title[1]//text()")]
    title = " ".join(titles)
    headings = [one_line(str(h.text_content())) for h in tree.xpath("//h1")]
    for heading in headings:
        if heading and title.startswith(heading):
            return heading
    shared = [one_line(str(found)) for found in tree.xpath("//meta[@property='og:title']/@content")]
    return next((found for found in [*shared, title, *headings] if found), "")
