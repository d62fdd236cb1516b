"""PDF: the text layer, put together again from the lines on its pages."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Iterator
from threading import Lock

import pypdfium2 as pdfium  # type: ignore[import-untyped, unused-ignore]
import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped, unused-ignore]

from services.extractor.blocks import BlockKind, ReadDocument, one_line
from services.extractor.formats.pdf_heads import Line
from services.extractor.formats.pdf_layout import blocks_of
from shared.errors import (
    DocumentEncrypted,
    DocumentHasNoText,
    DocumentTooLarge,
    DocumentUnreadable,
)

_LINE = re.compile("[^\r\n\ufffe]+\ufffe?")  # pdfium puts U+FFFE for a hyphen and its line end
_PDFIUM = Lock()  # pdfium must not be called from two threads at once


def read(body: bytes, *, uri: str, max_pages: int) -> ReadDocument:
    """Read a PDF.

    Raises:
        DocumentEncrypted: it needs a password.
        DocumentUnreadable: it is damaged or cut off.
        DocumentTooLarge: it has more than `max_pages` pages.
        DocumentHasNoText: its pages are pictures.
    """
    end = body[-65_536:].rstrip(b"\0 \r\n\t")[-4096:]
    if b"%%EOF" not in end and b"startxref" not in end:
        # pdfium repairs what it can of such a file and leaves out the rest without a word.
        raise DocumentUnreadable(f"{uri} is cut off: its end is missing.", "Get the file again.")
    with _PDFIUM:
        document = _open(body, uri)
        try:
            if len(document) > max_pages:
                raise DocumentTooLarge(
                    f"{uri} has {len(document):,} pages; the limit is {max_pages:,}.",
                    "Split it, or raise the limit max_pages.",
                )
            pages = [list(_lines(document, number)) for number in range(len(document))]
            named = one_line(document.get_metadata_value("Title"))
        finally:
            document.close()
    blocks = blocks_of(pages)
    if not blocks:
        raise DocumentHasNoText(
            f"{uri} looks like a scan: its {len(pages)} pages hold no text.",
            "Run OCR on it first (ocrmypdf, for one) and give the result.",
        )
    headings = (b.text for b in blocks if b.kind is BlockKind.HEADING and b.level == 1)
    return ReadDocument(named or next(headings, ""), blocks)


def _open(body: bytes, uri: str) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(body)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) == pdfium_c.FPDF_ERR_PASSWORD:
            raise DocumentEncrypted(
                f"{uri} is protected by a password.", "Save it without the password and try again."
            ) from error
        raise DocumentUnreadable(
            f"{uri} is damaged or cut off and cannot be opened as PDF.", "Get the file again."
        ) from error


def _lines(document: pdfium.PdfDocument, number: int) -> Iterator[Line]:
    """Yield the lines of a page in the order of its text layer."""
    page = document[number]
    try:
        text_page = page.get_textpage()
        height = page.get_height()
        for match in _LINE.finditer(_chars(text_page)):
            if match[0].strip():
                yield _line(text_page, match[0], match.start(), height)
        text_page.close()
    finally:
        page.close()


def _chars(text_page: pdfium.PdfTextPage) -> str:
    """Return the page's text, a character of Python's for each of pdfium's."""
    count = text_page.count_chars()
    text = text_page.get_text_range() if count else ""
    if len(text) == count:
        return str(text)
    codes = (pdfium_c.FPDFText_GetUnicode(text_page.raw, index) for index in range(count))
    return "".join(chr(min(code, sys.maxunicode)) for code in codes)


def _line(text_page: pdfium.PdfTextPage, text: str, start: int, page_height: float) -> Line:
    first = start + len(text) - len(text.lstrip())
    last = start + len(text.rstrip()) - 1
    left, bottom, _, top = text_page.get_charbox(first, loose=True)
    _, last_bottom, right, _ = text_page.get_charbox(last, loose=True)
    name = ctypes.create_string_buffer(128)
    pdfium_c.FPDFText_GetFontInfo(text_page.raw, first, name, len(name), ctypes.c_int())
    return Line(
        text=text.strip(),
        left=left,
        right=right,
        top=page_height - top,
        bottom=page_height - max(bottom, last_bottom),
        size=round(pdfium_c.FPDFText_GetFontSize(text_page.raw, first), 1),
        bold=b"bold" in name.value.lower(),
    )
