"""What the extractor is for: a document's bytes in, its text and passages out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.extractor import formats
from services.extractor.blocks import ReadDocument, join_blocks
from services.extractor.formats.detect import charset_of, detect
from services.extractor.limits import Limits
from services.extractor.passages import pack
from shared import ids
from shared.errors import DocumentEmpty, DocumentHasNoText, DocumentTooLarge
from shared.messages import Passage

__all__ = ["Extraction", "Limits", "extract"]

_IN_JSON = {"text", "char_start", "char_end", "heading_path", "page"}


@dataclass(frozen=True, slots=True)
class Extraction:
    """A document's title (or ""), its text, and the passages, which are slices of the text."""

    title: str
    text: str
    passages: tuple[Passage, ...]

    def to_json_dict(self) -> dict[str, Any]:
        """Return what `gristmill extract FILE --json` prints."""
        passages = [p.model_dump(mode="json", include=_IN_JSON) for p in self.passages]
        return {"title": self.title, "text": self.text, "passages": passages}


def extract(
    body: bytes,
    *,
    uri: str,
    media_type: str = "",
    limits: Limits | None = None,
    document_id: UUID | None = None,
) -> Extraction:
    """Extract the passages of a document.

    Args:
        body: the file's bytes.
        uri: its address; its ending helps to tell the format, and errors name it.
        media_type: its content type, with or without a charset; "" where unknown.
        limits: sizes of documents and passages; the defaults where None.
        document_id: the document's identity; that of `uri` where None.

    Raises:
        DocumentError: it is empty, too large, damaged, encrypted, without text or in a format
            that cannot be read; the message names `uri`, the hint says what to do.
    """
    limits = limits or Limits()
    if len(body) > limits.max_bytes:
        raise DocumentTooLarge(
            f"{uri} has {len(body):,} bytes; the limit is {limits.max_bytes:,}.",
            "Split it into smaller files, or raise the limit max_bytes.",
        )
    if not body.strip():
        raise DocumentEmpty(f"{uri} is empty.", "Give a file with text in it.")
    kind = detect(body, uri=uri, media_type=media_type)
    document = formats.read(kind, body, uri=uri, charset=charset_of(media_type), limits=limits)
    return _packed(document, uri, limits, document_id or ids.document_id(uri))


def _packed(document: ReadDocument, uri: str, limits: Limits, document_id: UUID) -> Extraction:
    text = join_blocks(document.blocks)
    passages = pack(
        document.blocks,
        text,
        document_id=document_id,
        min_words=limits.min_words,
        max_words=limits.max_words,
    )
    if not passages:
        raise DocumentHasNoText(
            f"{uri} holds no words, only numbers or signs.", "Give a document with prose in it."
        )
    return Extraction(document.title, text, passages)
