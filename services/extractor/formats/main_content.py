"""The main content of an HTML page: the element that holds its prose, less the furniture in it.

Prose is what sets an article, a manual's page or a post apart from what stands around it: text of
the length of a sentence that is not made of links. What is furniture by its tag, role or name
goes, unless much of the page's prose is in it. From the root we then step down for as long as one
child holds most of the prose. Inside, boxes of links and what stands under pictures go. The idea
is Readability's (Arc90, 2009), with characters in the place of its scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from lxml.html import HtmlElement

from services.extractor.formats import furniture
from services.extractor.formats.furniture import HEADINGS
from services.extractor.formats.structure import INLINE, is_layout

_LISTS = frozenset(("ul", "ol", "dl", "table"))
_WHOLE = _LISTS | {"pre", "p", "blockquote"}  # never stepped into
_PARTS = HEADINGS | {"li", "dt", "dd", "tr", "td", "th", "tbody", "thead", "pre", "blockquote"}
_SENTENCE = 60  # characters; a shorter run of text may be a label or a link of a menu
_HEADLINE = 40  # of another page, as a link's text; a shorter link may be what is spoken of
_CAPTION = 150
_LITTLE = 0.4  # of a page's prose: what may go with a piece of furniture, but for a picture
_ENOUGH = 500  # characters of prose: an article, if a short one
_MOST = 0.7  # of an element's prose: the child to step into
_SOME = 0.15  # of it: what the child with the headline has at least, if it has the article too


@dataclass(slots=True)
class _Weights:
    """Characters of each element.

    Attributes:
        text: of all text in it.
        links: of the links in it.
        prose: of the paragraphs of prose in it; `paragraphs` is how many they are.
        run: of its own text with its inline elements', and of the links in that.
    """

    text: dict[HtmlElement, int] = field(default_factory=dict)
    links: dict[HtmlElement, int] = field(default_factory=dict)
    prose: dict[HtmlElement, int] = field(default_factory=dict)
    paragraphs: dict[HtmlElement, int] = field(default_factory=dict)
    run: dict[HtmlElement, tuple[int, int]] = field(default_factory=dict)


def main_content(tree: HtmlElement, headline: HtmlElement | None) -> HtmlElement:
    """Return the element of `tree` with the main content; the furniture in it has been emptied.

    Args:
        tree: the page without its marks; it is changed.
        headline: its headline, which tells its own article from others on the page.
    """
    above = {headline, *headline.iterancestors()} if headline is not None else set()
    _empty(_furniture(tree, above))
    weights = _weigh(tree)
    top = _densest(tree, weights, above)
    _empty(_links_and_captions(top, weights))
    return top


def drop_marks(tree: HtmlElement) -> None:
    """Empty what is never read as text: scripts, signs beside headings, numbers of lines."""
    _empty(list(tree.iter(*furniture.NO_TEXT)))
    _empty(_outermost(tree, furniture.is_mark, code=True))


def _outermost(
    top: HtmlElement, is_wanted: Callable[[HtmlElement], bool], *, code: bool = False
) -> list[HtmlElement]:
    """Return the elements inside `top` that are wanted, without those inside another of them.

    What is inside code is left out unless asked for: its parts have names like "comment" or "tag".
    """
    found, todo = [], list(top)
    while todo:
        element = todo.pop()
        if is_wanted(element):
            found.append(element)
        elif code or element.tag != "pre":
            todo.extend(element)
    return found


def _empty(elements: Iterable[HtmlElement]) -> None:
    """Leave of each element only its place, so that the text around it does not run together."""
    for element in elements:
        element.clear(keep_tail=True)
        element.tag = "wbr" if element.tag in INLINE else "hr"


def _weigh(tree: HtmlElement) -> _Weights:
    """Weigh every element, children before parents."""
    weights = _Weights()
    for element in reversed(list(tree.iter())):
        length, linked = _length(element.text), 0
        text, links, prose, paragraphs = length, 0, 0, 0
        for child in element:
            tail = _length(child.tail)
            length += tail
            text += tail + weights.text[child]
            links += weights.links[child]
            prose += weights.prose[child]
            paragraphs += weights.paragraphs[child]
            if child.tag in INLINE:
                length += weights.run[child][0]
                linked += weights.run[child][1]
        if element.tag == "a":
            linked, links = length, text
        if element.tag not in INLINE and element.tag not in HEADINGS:
            if _is_prose(length, linked):
                prose += length - linked
                paragraphs += 1
            elif element.tag in _WHOLE and not prose and _is_prose(text, links):
                prose, paragraphs = text - links, 1
        weights.text[element], weights.links[element] = text, links
        weights.prose[element], weights.paragraphs[element] = prose, paragraphs
        weights.run[element] = length, linked
    if not weights.prose[tree]:  # a page of short lines
        weights.prose = {each: weights.text[each] - weights.links[each] for each in weights.text}
    return weights


def _length(text: str | None) -> int:
    return len(" ".join(text.split())) if text else 0


def _is_prose(length: int, linked: int) -> bool:
    return length - linked >= _SENTENCE and linked <= length * 2 // 3


def _furniture(tree: HtmlElement, above: set[HtmlElement]) -> list[HtmlElement]:
    """Return what is furniture by tag, role or name and holds little of the prose."""
    prose = _weigh(tree).prose
    whole = prose[tree]

    def is_wanted(element: HtmlElement) -> bool:
        if element in above or not furniture.is_furniture(element):
            return False
        most = _MOST if element.tag == "figure" else _LITTLE
        is_little = prose[element] <= most * whole
        return is_little or (furniture.is_comments(element) and whole - prose[element] >= _ENOUGH)

    return _outermost(tree, is_wanted)


def _densest(tree: HtmlElement, weights: _Weights, above: set[HtmlElement]) -> HtmlElement:
    """Step down to the element with the content.

    The child with the page's headline is stepped into, if it holds some of the prose: beside it
    stand other articles, or teasers of them. Else the child that holds most of it is. Where
    paragraphs stand beside that child, what it holds is only a part of the content.
    """
    prose = weights.prose
    top = _declared(tree, weights)
    while len(top):
        named = next((child for child in top if child in above), None)
        best = max(top, key=prose.__getitem__)
        if named is not None and _has_article(named, top, weights):
            best = named
        elif prose[best] < _MOST * prose[top]:
            break
        if not prose[best] or not _may_step_into(best) or _has_paragraphs(top, best, weights):
            break
        top = best
    return top


def _has_article(part: HtmlElement, whole: HtmlElement, weights: _Weights) -> bool:
    """Tell whether beside the headline there stands more than a paragraph of introduction."""
    prose = weights.prose[part]
    is_some = prose >= _SOME * weights.prose[whole]
    return is_some and (prose >= _ENOUGH or weights.paragraphs[part] > 1)


def _declared(tree: HtmlElement, weights: _Weights) -> HtmlElement:
    """Return what the page itself says is its content, if that is one element with enough prose."""
    for said in ("//*[@itemprop='articleBody']", "//main|//*[@role='main']"):
        found = tree.xpath(said)
        if len(found) == 1 and weights.prose[found[0]] >= _ENOUGH:
            return found[0]
    return tree


def _may_step_into(element: HtmlElement) -> bool:
    if element.tag == "table":
        return is_layout(element)
    return element.tag not in _WHOLE and element.tag not in INLINE


def _has_paragraphs(top: HtmlElement, best: HtmlElement, weights: _Weights) -> bool:
    """Tell whether prose stands beside `best` without a box around it."""
    return any(
        weights.prose[child] and (not _may_step_into(child) or _is_prose(*weights.run[child]))
        for child in top
        if child is not best
    )


def _links_and_captions(top: HtmlElement, weights: _Weights) -> list[HtmlElement]:
    """Return lists and boxes of links with their headings, and what stands under pictures."""

    def is_wanted(element: HtmlElement) -> bool:
        if element.tag in INLINE or element.tag in _PARTS:
            return False
        return _is_links(element, weights) or _is_caption(element, weights)

    found = _outermost(top, is_wanted)
    before = (element.getprevious() for element in found if element.tag in _LISTS)
    return [*found, *(each for each in before if each is not None and each.tag in HEADINGS)]


def _is_links(element: HtmlElement, weights: _Weights) -> bool:
    text, links = weights.text[element], weights.links[element]
    if weights.prose[element] or not links:
        return False
    if element.tag == "p":
        return links >= 0.8 * text and text >= _HEADLINE and text - links < _HEADLINE
    if element.tag in _LISTS:
        return links >= 0.7 * text and len(element) > 1 and next(element.iter("th"), None) is None
    return links >= 0.5 * text


def _is_caption(element: HtmlElement, weights: _Weights) -> bool:
    """Tell whether it is a short text without a full stop, with a picture in it or before it."""
    length, _ = weights.run[element]
    if not 0 < length == weights.text[element] < _CAPTION or element.tag in _LISTS:
        return False
    before = element.getprevious()
    is_below = before is not None and not weights.text[before] and _has_picture(before)
    has_picture = is_below or _has_picture(element)
    return has_picture and not furniture.is_sentence(element.text_content())


def _has_picture(element: HtmlElement) -> bool:
    return next(element.iter("img"), None) is not None
