"""Bytes to text, without trusting what they are declared to be.

A wrong declaration is common on the web and gives mojibake that no later stage can see, so a
declared charset counts only when the bytes decode in it and the result looks like language.
"""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from shared.errors import DocumentUnreadable

_SAMPLE = 32 * 1024
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What browsers take these names for (https://encoding.spec.whatwg.org).
_AS_BROWSERS_DO = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "tis-620": "cp874",
}
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_XML = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{2,40})", re.IGNORECASE)
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def decode(body: bytes, *, uri: str, declared: str = "") -> str:
    """Return the text of `body`.

    A byte order mark decides; then UTF-8, which other encodings do not imitate by chance; then
    the declared charset, the one in the page's own head, Windows-1252 and the likeliest guess,
    each only if it gives plausible text.

    Raises:
        DocumentUnreadable: the bytes are no text, or in no charset that can be told.
    """
    marked = next((charset for bom, charset in _BOMS if body.startswith(bom)), None)
    if marked is not None:
        text = _decode_nearly(body, marked)
    elif looks_binary(body):
        text = _utf16_without_bom(body)
    else:
        charsets = _declared_charsets(body, declared)
        text = None if _is_escaped(body, charsets) else _as_utf8(body)
        text = _by_plausibility(body, charsets) if text is None else text
    if text is None:
        raise DocumentUnreadable(
            f"{uri} holds binary data, or text in an encoding that could not be told.",
            "Give text saved as UTF-8, or the file in its real format.",
        )
    return text


def looks_binary(body: bytes) -> bool:
    """Tell whether the beginning of `body` has control characters that text does not have."""
    head = body[:8192]
    return len(_BINARY.findall(head)) > len(head) // 200


def _utf16_without_bom(body: bytes) -> str | None:
    for charset, zeros in (("utf-16-le", body[1:2048:2]), ("utf-16-be", body[0:2048:2])):
        if zeros and zeros.count(0) > 0.7 * len(zeros):
            try:
                text = body.decode(charset)
            except UnicodeDecodeError:
                continue
            return None if looks_binary(text[:4096].encode()) else text
    return None


def _declared_charsets(body: bytes, declared: str) -> list[str]:
    """Return the charsets that header and head name, as Python's codecs call them."""
    head = body[:4096]
    names = [
        declared,
        *(m[1].decode("ascii") for m in (_XML.search(head), _META.search(head)) if m),
    ]
    charsets = []
    for name in names:
        try:
            codec = codecs.lookup(name.strip().lower()).name
        except (LookupError, ValueError):
            continue
        charsets.append(_AS_BROWSERS_DO.get(codec, codec))
    return charsets


def _is_escaped(body: bytes, charsets: list[str]) -> bool:
    """Tell whether this is a 7-bit encoding with escapes, which passes for ASCII."""
    return b"\x1b" in body and any(c.startswith("iso2022") for c in charsets)


def _as_utf8(body: bytes) -> str | None:
    """Decode as UTF-8, forgiving one damaged byte in a hundred that are right."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        text = body.decode("utf-8", errors="replace")
    bad = text.count("\ufffd")
    good = sum(1 for char in text if char > "\x7f") - bad
    return text.replace("\ufffd", "") if good >= 100 * bad else None


def _by_plausibility(body: bytes, charsets: list[str]) -> str | None:
    sample = _telling_lines(body)
    for charset in [c for c in charsets if c != "utf-8"] + ["cp1252"]:
        if _is_plausible(sample, charset):
            text = _decode_nearly(body, charset)
            if text is not None:
                return text
    best = from_bytes(sample).best()
    return None if best is None else _decode_nearly(body, best.encoding)


def _telling_lines(body: bytes) -> bytes:
    """Return lines with bytes beyond ASCII: where the charsets differ."""
    lines = (line for line in body.split(b"\n") if not line.isascii())
    sample = b""
    for line in lines:
        sample += line[: _SAMPLE // 4] + b"\n"
        if len(sample) > _SAMPLE:
            break
    return sample


def _is_plausible(sample: bytes, charset: str) -> bool:
    try:
        return from_bytes(sample, cp_isolation=[charset]).best() is not None
    except (LookupError, ValueError):
        return False


def _decode_nearly(body: bytes, charset: str) -> str | None:
    """Decode, forgiving one undefined byte in a thousand characters."""
    text = body.decode(charset, errors="replace")
    return text.replace("\ufffd", "") if text.count("\ufffd") * 1000 <= len(text) else None
