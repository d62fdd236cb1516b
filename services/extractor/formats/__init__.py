"""One module for each format: bytes in, title and blocks out."""

from __future__ import annotations

from services.extractor.blocks import ReadDocument
from services.extractor.formats.detect import Format
from services.extractor.limits import Limits
from shared.errors import DocumentTooLarge, DocumentUnreadable, GristmillError


def read(kind: Format, body: bytes, *, uri: str, charset: str, limits: Limits) -> ReadDocument:
    """Read `body` as `kind`.

    Raises:
        DocumentError: it cannot be read; whatever a parser raises comes out as one of these.
    """
    try:
        return _read(kind, body, uri=uri, charset=charset, limits=limits)
    except GristmillError:
        raise
    except Exception as error:
        raise DocumentUnreadable(
            f"{uri} could not be read as {kind} ({type(error).__name__}: {str(error)[:200]}).",
            "It is probably damaged; open it in its own program and save it again.",
        ) from error


def _read(kind: Format, body: bytes, *, uri: str, charset: str, limits: Limits) -> ReadDocument:
    # Imported here: each parser is heavy, and most documents need one of them.
    match kind:
        case Format.PDF:
            from services.extractor.formats import pdf

            return pdf.read(body, uri=uri, max_pages=limits.max_pages)
        case Format.DOCX:
            from services.extractor.formats import docx

            return docx.read(body, uri=uri, limits=limits)
        case Format.PLAIN:
            from services.extractor.formats import plain

            return plain.read(body, uri=uri, charset=charset)
        case Format.HTML | Format.MARKDOWN:
            _refuse_large_markup(kind, body, uri, limits.max_markup_bytes)
            if kind is Format.MARKDOWN:
                from services.extractor.formats import markdown

                return markdown.read(body, uri=uri, charset=charset)
            from services.extractor.formats import html

            return html.read(body, uri=uri, charset=charset)


def _refuse_large_markup(kind: Format, body: bytes, uri: str, limit: int) -> None:
    if len(body) > limit:
        raise DocumentTooLarge(
            f"{uri} has {len(body):,} bytes; the limit for {kind} is {limit:,}.",
            "Split it into smaller files, or raise the limit max_markup_bytes.",
        )
