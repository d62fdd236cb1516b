"""DOCX, by way of mammoth's HTML, after a look at what would be unpacked."""

from __future__ import annotations

import io
import zipfile

import mammoth
from lxml import etree

from services.extractor.blocks import BlockKind, ReadDocument, one_line
from services.extractor.formats.structure import blocks_of
from services.extractor.limits import MIB, Limits
from shared.errors import DocumentHasNoText, DocumentTooLarge, DocumentUnreadable

_XML_SHARE = 10  # of the unpacked limit, what XML may take: its tree needs many times its size
_SMALL = 10 * MIB
_STYLES = """
p[style-name='Title'] => h0:fresh
p[style-name='Subtitle'] => p:fresh
p[style-name='Quote'] => blockquote > p:fresh
p[style-name='Intense Quote'] => blockquote > p:fresh
p[style-name='Code'] => pre:separator('\\n')
p[style-name='Source Code'] => pre:separator('\\n')
p[style-name='HTML Preformatted'] => pre:separator('\\n')
"""
_DC_TITLE = "{http://purl.org/dc/elements/1.1/}title"


def read(body: bytes, *, uri: str, limits: Limits) -> ReadDocument:
    """Read a Word file.

    Raises:
        DocumentTooLarge: it would unpack to more than the limits allow (a "zip bomb").
        DocumentUnreadable: the archive is damaged.
        DocumentHasNoText: there is no text in it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            _refuse_bombs(archive.infolist(), len(body), uri, limits)
            title = _title(archive)
    except zipfile.BadZipFile as error:
        raise DocumentUnreadable(
            f"{uri} is damaged: its archive cannot be opened.", "Get or save the file again."
        ) from error
    images = mammoth.images.img_element(lambda _image: {})
    html = mammoth.convert_to_html(io.BytesIO(body), style_map=_STYLES, convert_image=images)
    blocks = blocks_of(html.value)
    if not blocks:
        raise DocumentHasNoText(
            f"{uri} holds no text, perhaps only pictures.", "Run OCR on it and give the result."
        )
    top = (b.text for b in blocks if b.kind is BlockKind.HEADING and b.level <= 1)
    return ReadDocument(title or next(top, ""), blocks)


def _refuse_bombs(entries: list[zipfile.ZipInfo], packed: int, uri: str, limits: Limits) -> None:
    """Add up the sizes that the archive's directory states; unpacking never goes beyond them."""
    total = sum(entry.file_size for entry in entries)
    xml = sum(e.file_size for e in entries if e.filename.endswith((".xml", ".rels")))
    if (
        total > limits.max_unpacked_bytes
        or xml > limits.max_unpacked_bytes // _XML_SHARE
        or (total > _SMALL and total > limits.max_ratio * packed)
    ):
        raise DocumentTooLarge(
            f"{uri} has {packed:,} bytes and would unpack to {total:,}.",
            "If it is no zip bomb, save it without pictures, split it, or raise the limit"
            " max_unpacked_bytes.",
        )


def _title(archive: zipfile.ZipFile) -> str:
    if "docProps/core.xml" not in archive.namelist():
        return ""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(archive.read("docProps/core.xml"), parser)
    except etree.XMLSyntaxError:
        return ""
    return one_line(root.findtext(_DC_TITLE) or "")
