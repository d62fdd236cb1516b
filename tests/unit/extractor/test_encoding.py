# ruff: noqa: RUF001 - other alphabets have letters like ours
import contextlib

import pytest

from services.extractor.extract import extract
from shared.errors import DocumentUnreadable
from tests.unit.extractor.documents import FRENCH

TEXTS = {
    "cp1252": FRENCH * 3,
    "cp1251": "Мельница мелет зерно, а потом из муки пекут хлеб для всего города. " * 3,
    "shift_jis": "これは日本語の文章です。製粉所で小麦を挽いて、粉にします。" * 3,
    "gb18030": "这是一个简体中文的测试文本,用于检测编码是否正确识别。" * 3,
    "cp1253": "Ο μύλος αλέθει το σιτάρι και μετά ψήνουμε ψωμί για όλη την πόλη. " * 3,
    "utf-8": FRENCH * 3,
    "utf-16": FRENCH * 3,
}


def markup(text, declared):
    meta = f"<meta charset='{declared}'>" if declared else ""
    return f"<html><head>{meta}</head><body><article><p>{text}</p></article></body></html>"


@pytest.mark.parametrize("charset", TEXTS)
def test_a_page_is_read_in_the_charset_it_declares(charset):
    text = TEXTS[charset]
    body = markup(text, charset).encode(charset)
    assert text.strip() in extract(body, uri="file:///a.html").text


@pytest.mark.parametrize("charset", TEXTS)
@pytest.mark.parametrize("declared", ["utf-8", "iso-8859-1", "ascii", "no-such-charset", ""])
def test_a_wrongly_declared_charset_never_gives_mojibake(charset, declared):
    text = TEXTS[charset]
    for body in (markup(text, "").encode(charset), markup(text, declared).encode(charset)):
        try:
            media_type = f"text/html; charset={declared}" if declared else "text/html"
            found = extract(body, uri="file:///a.html", media_type=media_type).text
        except DocumentUnreadable:
            continue
        assert text.strip() in found


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_read(charset):
    text = "Plain words in a file that an old editor on Windows has saved."
    assert extract(text.encode(charset), uri="file:///a.txt").text == text


def test_one_damaged_byte_does_not_change_the_charset_of_a_long_text():
    body = (FRENCH * 40).encode()
    at = body.index(b"cher")
    found = extract(body[:at] + b"\xe9" + body[at:], uri="file:///a.txt").text
    assert found == (FRENCH * 40).strip()


def test_bytes_in_no_charset_are_refused_or_read_but_never_silently_replaced():
    body = bytes(range(128, 256)) * 40
    with contextlib.suppress(DocumentUnreadable):
        assert "\ufffd" not in extract(body, uri="file:///a.txt").text
