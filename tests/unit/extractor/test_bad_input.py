"""Every bad document gives an error of its own kind that names it, and soon."""

import contextlib
import random
import time

import pytest

from services.extractor.extract import Limits, extract
from shared.errors import (
    DocumentEmpty,
    DocumentEncrypted,
    DocumentError,
    DocumentHasNoText,
    DocumentTooLarge,
    DocumentUnreadable,
    UnsupportedFormat,
)
from tests.unit.extractor import documents

NOISE = random.Random(7).randbytes(20_000)
PDF = documents.pdf([documents.prose("mills")])


def refused(body, name, error, **options):
    uri = f"file:///inbox/{name}"
    began = time.perf_counter()
    with pytest.raises(error) as caught:
        extract(body, uri=uri, **options)
    assert time.perf_counter() - began < 5
    assert uri in caught.value.message
    assert caught.value.hint
    assert not caught.value.retryable
    return str(caught.value)


@pytest.mark.parametrize("name", ["a.html", "a.md", "a.txt", "a.pdf", "a.docx", "a"])
@pytest.mark.parametrize("body", [b"", b" \r\n\t "])
def test_an_empty_file_is_refused_as_empty(name, body):
    refused(body, name, DocumentEmpty)


@pytest.mark.parametrize(
    "body", [NOISE, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + NOISE, b"\x7fELF" + NOISE]
)
def test_a_binary_named_html_is_refused_as_unreadable(body):
    refused(body, "page.html", DocumentUnreadable)


def test_a_pdf_named_html_is_refused_and_the_error_says_what_it_is():
    assert "is a PDF file" in refused(PDF, "page.html", DocumentUnreadable)


@pytest.mark.parametrize(
    ("body", "name"), [(NOISE, "a"), (NOISE, "a.bin"), (b'{"a": 1}', "a.json")]
)
def test_an_unknown_format_is_refused_as_unsupported(body, name):
    refused(body, name, UnsupportedFormat)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.98])
def test_a_truncated_pdf_is_refused_as_unreadable(share):
    refused(PDF[: int(len(PDF) * share)], "report.pdf", DocumentUnreadable)


def test_a_scanned_pdf_is_refused_with_the_advice_to_run_ocr():
    message = refused(documents.scanned_pdf(), "scan.pdf", DocumentHasNoText)
    assert "scan" in message
    assert "OCR" in message


def test_a_pdf_behind_a_password_is_refused_as_encrypted():
    refused(documents.pdf(["secret"], password="sesame"), "secret.pdf", DocumentEncrypted)


def test_an_office_file_behind_a_password_is_refused_as_encrypted():
    body = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le")
    refused(body, "secret.docx", DocumentEncrypted)


def test_a_pdf_with_too_many_pages_is_refused():
    body = documents.pdf(["one"], ["two"], ["three"])
    refused(body, "long.pdf", DocumentTooLarge, limits=Limits(max_pages=2))


def test_a_zip_bomb_named_docx_is_refused_before_it_is_unpacked():
    refused(documents.zip_bomb(), "bomb.docx", DocumentTooLarge)


def test_a_smaller_bomb_is_refused_by_its_ratio():
    refused(documents.zip_bomb(mebibytes=20), "bomb.docx", DocumentTooLarge)


def test_a_truncated_docx_is_refused_as_unreadable():
    refused(documents.docx()[:9_000], "manual.docx", DocumentUnreadable)


def test_a_page_of_fifty_megabytes_is_refused_at_once():
    body = b"<html><body>" + b"<p>All work and no play.</p>" * 1_900_000
    assert len(body) > 50_000_000
    refused(body, "huge.html", DocumentTooLarge)
    refused(body[:49_000_000], "huge.html", DocumentTooLarge)


@pytest.mark.parametrize(
    "opened", ["<div>", "<ul><li>", "<span>", "<table><tr><td>", "<blockquote>"]
)
def test_deeply_nested_html_is_refused_quickly(opened):
    refused(f"<html><body>{opened * 100_000}the bottom".encode(), "deep.html", DocumentUnreadable)


@pytest.mark.parametrize("mark", ["> ", "- ", "*", "[", "`", "(", "!["])
def test_deeply_nested_markdown_is_read_or_refused_quickly(mark):
    began = time.perf_counter()
    with contextlib.suppress(DocumentError):
        assert extract(f"{mark * 5_000} the bottom".encode(), uri="file:///deep.md").passages
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize(
    "body",
    [
        b"word " * 100_000,
        b"a\n" * 100_000,
        b"a\n\n" * 100_000,
        b"QUJD" * 50_000,
        b". " * 100_000 + b"a",
    ],
)
def test_text_without_structure_is_cut_in_linear_time(body):
    began = time.perf_counter()
    assert extract(body, uri="file:///odd.txt").passages
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize(
    ("opened", "repeated"),
    [
        ("", "<nav>x</nav>word "),
        ("", "<script></script>word "),
        ("", "<a href='#x'>1</a>word "),
        ("", "<h1>word</h1>"),
        ("", "<p class='share'>word</p><p>word</p>"),
        ("<figure>" * 200, "<b></b>"),
        ("<div><img>" * 200, "<b></b>"),
        ("<blockquote>" * 200, "<p>word</p>"),
        ("<table><tr><td>" * 60, "<p>word</p>"),
        ("<ul><li>" * 100, "<li><a href='x'>word</a>"),
        ("<dl>", "<dt>word<dd>word"),
        ("<pre>", "<span class='lineno'>1</span>word\n"),
    ],
)
def test_a_page_that_repeats_itself_is_read_in_linear_time(opened, repeated):
    seconds = []
    for times in (2_000, 16_000):
        body = f"<html><title>{'word ' * 99}</title><body>{opened}{repeated * times}".encode()
        began = time.process_time()
        with contextlib.suppress(DocumentError):
            extract(body, uri="file:///odd.html")
        seconds.append(time.process_time() - began)
    assert seconds[1] < 8 * 3 * max(seconds[0], 0.05)


@pytest.mark.parametrize(
    "body", [b"<html><body></body></html>", b"<html><script>x()</script></html>"]
)
def test_a_page_without_text_is_refused(body):
    refused(body, "blank.html", DocumentHasNoText)


def test_numbers_alone_are_no_success_without_passages():
    refused(b"1 2 3\n\n4 5 6", "numbers.txt", DocumentHasNoText)
