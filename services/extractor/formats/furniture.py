"""What on a page is no content: told by its tag, its role, its name or its wording.

The names are those that sites of all kinds give to the same things; none belongs to one site.
"""

from __future__ import annotations

import re
from functools import lru_cache

from lxml.html import HtmlElement

HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
NO_TEXT = (
    *("script", "style", "noscript", "template", "iframe", "svg", "object", "video", "audio"),
    *("canvas", "button", "select", "input", "textarea"),
)
_TAGS = frozenset(("nav", "aside", "footer", "form", "dialog"))
_ROLES = frozenset(("navigation", "banner", "contentinfo", "search", "complementary", "dialog"))
_NEVER = frozenset(("html", "body", "main", "article", "pre", "caption", *HEADINGS))
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")  # of share-bar, shareBar and share_bar
_DOES = """share sharing shares sharebar sharedaddy likes social subscribe subscription newsletter
    newsletters signup login comments comment disqus respond reply rating ratings feedback"""
_SELLS = "ad ads advert advertisement sponsor sponsored promo promos promotion cta outbrain taboola"
_LEADS = """nav navigation navbar navbox menu breadcrumb breadcrumbs pagination pager toc sidebar
    footer masthead banner toolbar catlinks related recommended recommendations recirc popular
    trending teaser teasers tag tags editsection printfooter"""
_SAYS = """author authors byline dateline timestamp meta metadata copyright reprint reprints
    disclaimer caption captions thumbcaption credit credits"""
_OVERLAYS = """modal popup tooltip cookie cookies consent btn button gallery slideshow carousel
    lightbox"""
_NAMES = frozenset(f"{_DOES} {_SELLS} {_LEADS} {_SAYS} {_OVERLAYS}".split())
_CONTENT = frozenset(
    ("admonition", "callout", "footnote", "footnotes", "note", "tip", "warning", "caution", "code")
)
_COMMENTS = frozenset(("comments", "disqus"))
_LINE_NUMBERS = frozenset(("linenos", "lineno", "linenumber", "linenumbers", "gutter", "lnt"))
_PRINTED = re.compile(r"\b(?:d-print-block|visible-print|print-only)\b")
_MARK = re.compile(r"\W*(?:\d{1,3}|[A-Za-z])?\W*")  # of a footnote, or beside a heading

_OFFER = re.compile(
    r"click here\b|click to (?:tweet|share|subscribe|enlarge|print|e-?mail)\b|tweet this\b"
    r"|(?:please )?(?:follow us|like us|join us)\b"
    r"|(?:.{0,200}\b)?follow (?:us|him|her|them|me|@?\w+)\b.{0,40}\bon (?:twitter|facebook|insta)"
    r"|(?:please )?(?:subscribe|sign up|get|join)\b.{0,80}\b(?:newsletters?|inbox|digest|podcast"
    r"|(?:our|youtube) channel|subscribers?)\b"
    r"|(?:write|reach|contact|e-?mail)\b.{0,80}\bat\b.{0,60}@"
    r"|(?:copyright )?(?:\u00a9|\(c\)|(?<=copyright )\d{4})|.{0,80}\ball rights reserved\b",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"(?:more (?:from|on|about|great|stories|news|coverage)|(?:also|further) read(?:ing)?"
    r"|you (?:may|might|will) (?:also )?like|recommended (?:for you|reading)"
    r"|read (?:more|next|also)|see also)\b"
    r"|related(?: (?:articles?|stor(?:y|ies)|posts?|contents?|topics?|news|links?|coverage|videos?"
    r"|reading))?(?::|$)|(?:explore further|don.t miss|(?:most )?popular|trending(?: now)?"
    r"|advertisement|sponsored(?: content)?|loading|like loading|like this)\W*$"
    r"|share this(?: (?:article|post|page|story|on|via)\b|:?$)"
    r"|(?:was this|did you find this)\b.*\bhelpful\b"
    r"|edit (?:this (?:page|article|section|wiki)|on git\w+)"
    r"|(?:last )?(?:updated|modified|edited|published|posted)(?: on\b| at\b|:| \d)"
    r"|(?:photo|image|picture|credit)s?(?: credits?\b| by\b| courtesy\b|:)",
    re.IGNORECASE,
)
_OFFER_WORDS, _LABEL_WORDS = 40, 12
_ENDS = re.compile("[.!?:;\u2026\u3002\uff01\uff1f\uff1a][\"')\\]\u201d\u2019\u00bb]*$")


def is_furniture(element: HtmlElement) -> bool:
    """Tell whether an element's tag, role, attributes or name say that it is no content."""
    if element.tag in _NEVER or element.get("class") == "caption-text":  # Sphinx, above code
        return False
    if element.tag == "figure":  # a picture, unless it only frames something to read
        return next(element.iter("pre", "table", "blockquote"), None) is None
    names = _names_of(element)
    if not _CONTENT.isdisjoint(names):
        return False
    is_named = not _NAMES.isdisjoint(names)
    has_role = element.tag in _TAGS or element.get("role") in _ROLES
    return is_named or has_role or _is_hidden(element)


def is_comments(element: HtmlElement) -> bool:
    """Tell whether these are the comments of readers."""
    return not _COMMENTS.isdisjoint(_names_of(element))


def is_mark(element: HtmlElement) -> bool:
    """Tell whether this is a sign beside a heading, a footnote's mark or the number of a line."""
    if element.tag == "a":
        is_here = (element.get("href") or "").startswith("#")
        return is_here and _MARK.fullmatch(element.text_content()) is not None
    is_number = not _LINE_NUMBERS.isdisjoint(_names(element.get("class") or ""))
    return is_number and not any(char.isalpha() for char in element.text_content())


def is_offer(text: str) -> bool:
    """Tell whether a short text asks the reader for something, or holds no letter or digit."""
    is_short = len(text.split()) <= _OFFER_WORDS
    return (is_short and _OFFER.match(text) is not None) or not any(c.isalnum() for c in text)


def is_label(text: str) -> bool:
    """Tell whether a very short text is what stands above links or beside an article."""
    return len(text.split()) <= _LABEL_WORDS and _LABEL.match(text) is not None


def is_sentence(text: str) -> bool:
    """Tell whether the text ends as sentences do."""
    return _ENDS.search(text.strip()) is not None


def _names_of(element: HtmlElement) -> frozenset[str]:
    """Return an element's names; where a manual makes ids of its headings, they are none."""
    said: str = element.get("class") or ""
    if element.tag == "section" or "section" in said:
        return _names(said)
    return _names(f"{said} {element.get('id') or ''}")


@lru_cache(4096)
def _names(said: str) -> frozenset[str]:
    return frozenset(part.lower() for part in _PARTS.findall(said))


def _is_hidden(element: HtmlElement) -> bool:
    if element.get("role") == "tabpanel":  # for another system, and as good as the one in view
        return False
    return (
        "hidden" in element.attrib
        or element.get("aria-hidden") == "true"
        or "display:none" in (element.get("style") or "").replace(" ", "")
        or _PRINTED.search(element.get("class") or "") is not None
    )
