"""Which format a document is in: by content type, by its name's ending, by its first bytes."""

from __future__ import annotations

import io
import re
import zipfile
from email.message import Message
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from services.extractor.formats.encoding import looks_binary
from shared.errors import DocumentEncrypted, DocumentUnreadable, UnsupportedFormat


class Format(StrEnum):
    """The formats that can be read."""

    HTML = "HTML"
    MARKDOWN = "Markdown"
    PLAIN = "plain text"
    PDF = "PDF"
    DOCX = "DOCX"


ENDINGS = {
    ".html": Format.HTML,
    ".htm": Format.HTML,
    ".xhtml": Format.HTML,
    ".md": Format.MARKDOWN,
    ".markdown": Format.MARKDOWN,
    ".txt": Format.PLAIN,
    ".text": Format.PLAIN,
    ".pdf": Format.PDF,
    ".docx": Format.DOCX,
}
_MEDIA_TYPES = {
    "text/html": Format.HTML,
    "application/xhtml+xml": Format.HTML,
    "text/markdown": Format.MARKDOWN,
    "text/x-markdown": Format.MARKDOWN,
    "application/pdf": Format.PDF,
    "application/x-pdf": Format.PDF,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": Format.DOCX,
}
_SAYS_LITTLE = {"", "text/plain", "application/octet-stream", "binary/octet-stream"}
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,9}$")
_HTML = re.compile(
    rb"^\s*(<\?xml.{0,200}?>\s*)?(<!--.{0,2000}?-->\s*)*<(!doctype html|html|head|body)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_READABLE = "Gristmill reads HTML, Markdown, plain text, PDF and DOCX."


def detect(body: bytes, *, uri: str, media_type: str = "") -> Format:
    """Return the format of `body`.

    Raises:
        UnsupportedFormat: it is none of ours.
        DocumentUnreadable: its bytes are not what its name or content type says.
        DocumentEncrypted: it is an Office file behind a password.
    """
    said = _said(uri, media_type)
    found = _binary_format(body, uri)
    if said is None:
        return found or _text_format(body, uri, media_type)
    if found is not None and found != said:
        raise DocumentUnreadable(
            f"{uri} is a {found} file, though its name or content type says {said}.",
            "Rename it to match what it holds, and give it again.",
        )
    if found is None and (said in {Format.PDF, Format.DOCX} or _is_binary_text(body)):
        raise DocumentUnreadable(
            f"{uri} is not {said}, though its name or content type says so.",
            "It may be damaged or cut off; get the file again, or rename it to what it holds.",
        )
    return said


def charset_of(media_type: str) -> str:
    """Return the charset parameter of a content type, or ""."""
    message = Message()
    message["content-type"] = media_type.replace("\n", " ").replace("\r", " ")
    return message.get_content_charset() or ""


def ending_of(uri: str) -> str:
    """Return the ending of a path or of a file or web address, lower case with its dot, or ""."""
    parts = urlsplit(uri)
    if len(parts.scheme) > 1 and parts.scheme not in {"file", "http", "https"}:
        return ""
    path = parts.path if parts.scheme in {"file", "http", "https"} else uri
    match = _ENDING.search(unquote(path).rsplit("/", 1)[-1])
    return match[0].lower() if match else ""


def _said(uri: str, media_type: str) -> Format | None:
    plain_type = media_type.partition(";")[0].strip().lower()
    by_type = _MEDIA_TYPES.get(plain_type)
    if by_type is not None:
        return by_type
    by_ending = ENDINGS.get(ending_of(uri))
    if by_ending is not None and not plain_type.startswith(("image/", "audio/", "video/")):
        return by_ending
    if plain_type not in _SAYS_LITTLE:
        raise UnsupportedFormat(f"{uri} is of the type {plain_type}.", _READABLE)
    return None


def _binary_format(body: bytes, uri: str) -> Format | None:
    """Return the format that the first bytes prove, if they prove one."""
    if b"%PDF-" in body[:1024]:
        return Format.PDF
    if body.startswith(b"PK\x03\x04"):
        return _zip_format(body)
    if body.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in body:
            raise DocumentEncrypted(
                f"{uri} is protected by a password.", "Save it without the password and try again."
            )
        raise UnsupportedFormat(
            f"{uri} is an Office file of before 2007.", "Save it as .docx and give it again."
        )
    return None


def _zip_format(body: bytes) -> Format | None:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return None
    return Format.DOCX if "[Content_Types].xml" in names and "word/document.xml" in names else None


def _text_format(body: bytes, uri: str, media_type: str) -> Format:
    ending = ending_of(uri)
    if _is_binary_text(body) or (ending and not media_type.startswith("text/plain")):
        what = f"ends in {ending}" if ending else "holds binary data of an unknown format"
        raise UnsupportedFormat(f"{uri} {what}, which is no format that can be read.", _READABLE)
    return Format.HTML if _HTML.match(body[:4096]) else Format.PLAIN


def _is_binary_text(body: bytes) -> bool:
    has_bom = body.startswith((b"\xff\xfe", b"\xfe\xff"))
    has_zeros = body[:2048].count(0) > len(body[:2048]) // 3  # UTF-16; decoding tells for certain
    return looks_binary(body) and not has_bom and not has_zeros
