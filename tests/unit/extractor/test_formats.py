import pytest

from services.extractor.extract import extract
from services.extractor.formats.detect import Format, detect
from shared import ids
from tests.unit.extractor import documents
from tests.unit.extractor.documents import prose

MARKDOWN = """---
title: "From the front matter"
---
# The mill

The mill has *two* stones, of which only the upper one turns when the water runs.

1. Open the sluice.
2. Pour in the grain:
   - wheat
   - rye

```python
def grind(grain):

    return flour
```

## Settings

| grain | level |
|-------|-------|
| wheat | 4     |

> Never run the stones empty, said the miller, for they strike fire.
"""


def test_markdown_keeps_headings_lists_code_tables_and_quotes_as_units():
    extraction = extract(MARKDOWN.encode(), uri="file:///mill.md")
    assert extraction.title == "From the front matter"
    assert extraction.text.split("\n\n## ")[0].startswith("The mill\n\nThe mill has two stones")
    assert "1. Open the sluice.\n2. Pour in the grain:\n  - wheat\n  - rye" in extraction.text
    assert "def grind(grain):\n\n    return flour" in extraction.text
    assert "grain | level\nwheat | 4" in extraction.text
    assert [p.heading_path for p in extraction.passages] == [
        ("The mill",),
        ("The mill", "Settings"),
    ]


def test_html_keeps_structure_and_drops_furniture():
    table = "<table><tr><th>grain</th><th>level</th></tr><tr><td>wheat</td><td>4</td></tr></table>"
    items = "<ul><li>wheat for bread<ul><li>winter wheat</li></ul></li><li>rye</li></ul>"
    code = "<pre><code>def grind():\n    return 1\n</code></pre>"
    body = documents.page(("Stones", prose("stones") + "</p>" + items + code + "<p>" + table))
    extraction = extract(body, uri="https://mill.example/stones")
    assert extraction.title == "A page"
    assert "- wheat for bread\n  - winter wheat\n- rye" in extraction.text
    assert "def grind():\n    return 1" in extraction.text
    assert "grain | level\nwheat | 4" in extraction.text
    assert "Home" not in extraction.text
    assert "Copyright" not in extraction.text
    assert extraction.passages[0].heading_path == ("A page", "Stones")


def test_paragraphs_parted_by_line_breaks_only_do_not_become_one_chunk():
    lines = "<br><br>".join(prose(f"part {number}", 6) for number in range(8))
    body = f"<html><body><article>{lines}</article></body></html>".encode()
    extraction = extract(body, uri="file:///old.html")
    assert len(extraction.passages) >= 3
    assert all(len(p.text.split()) <= 220 for p in extraction.passages)


def test_a_short_page_without_main_content_is_still_read():
    extraction = extract(b"<html><body><p>Closed today.</p></body></html>", uri="file:///a.html")
    assert extraction.passages[0].text == "Closed today."


def test_pdf_keeps_pages_joins_lines_and_drops_running_feet():
    body = documents.pdf(
        ["# Chapter 1", prose("wheels")], ["# Chapter 2", prose("gears")], foot="The mill, page"
    )
    extraction = extract(body, uri="file:///mill.pdf")
    assert [(p.page, p.heading_path) for p in extraction.passages] == [
        (1, ("Chapter 1",)),
        (2, ("Chapter 2",)),
    ]
    assert extraction.passages[0].text == f"Chapter 1\n\n{prose('wheels')}"
    assert "The mill, page" not in extraction.text


def test_pdf_paragraphs_run_on_over_the_page_and_hyphens_at_line_ends_go():
    body = documents.pdf(
        ["The stones of the mill are dressed with a ham-\nmer of well-\nknown make, and a new set"],
        ["of stones lasts for years. A well-known miller said so, and his hammer agrees."],
    )
    extraction = extract(body, uri="file:///mill.pdf")
    assert "a hammer of well-known make, and a new set of stones lasts" in extraction.text


def test_docx_keeps_headings_lists_and_tables():
    extraction = extract(documents.docx(), uri="file:///manual.docx")
    assert extraction.title == "The manual"
    first, second = extraction.passages
    assert first.heading_path == ("The manual", "Setting up")
    assert first.text.endswith("- Unpack the box.\n- Plug in the mill.\n- Pour in the grain.")
    assert second.text == "Sizes\n\nGrain | Setting\nWheat for bread | Level four of nine"


def test_plain_text_wrapped_by_hand_is_joined_and_paragraphs_a_line_are_parted():
    wrapped = (
        "The miller opens the sluice at dawn, long before\nthe first cart comes down the road."
    )
    assert extract(wrapped.encode(), uri="file:///a.txt").text == wrapped.replace("\n", " ")
    lines = "\n".join(prose(f"day {number}", 10) for number in range(4))
    assert len(extract(lines.encode(), uri="file:///b.txt").passages) == 4


def test_the_line_ends_of_windows_part_paragraphs_too():
    text = extract(b"one two three\r\n\r\nfour five six", uri="file:///a.txt").text
    assert text == "one two three\n\nfour five six"


@pytest.mark.parametrize(
    ("uri", "media_type", "body", "expected"),
    [
        ("https://a.example/x", "text/html; charset=utf-8", b"<p>x", Format.HTML),
        ("https://a.example/x.md", "text/plain", b"# x", Format.MARKDOWN),
        ("https://a.example/x.php?y=.pdf", "text/html", b"<p>x", Format.HTML),
        ("https://a.example/x", "", b"<!DOCTYPE html><p>x", Format.HTML),
        ("https://a.example/x", "text/plain", b"just text", Format.PLAIN),
        ("notes/v1.2", "", b"just text", Format.PLAIN),
        ("urn:note:v1.draft", "", b"just text", Format.PLAIN),
        ("C.TXT", "", b"just text", Format.PLAIN),
        ("https://a.example/paper", "application/octet-stream", b"%PDF-1.7 ...", Format.PDF),
        ("/tmp/a%20b.PDF", "", b"%PDF-1.7 ...", Format.PDF),
    ],
)
def test_the_format_is_told_by_type_then_ending_then_bytes(uri, media_type, body, expected):
    assert detect(body, uri=uri, media_type=media_type) == expected


def test_two_pages_of_one_site_with_the_same_text_stay_apart():
    body = documents.page(("Stones", prose("stones")))
    one = extract(body, uri="https://mill.example/one")
    two = extract(body, uri="https://mill.example/two")
    assert [p.text for p in one.passages] == [p.text for p in two.passages]
    assert not {p.passage_id for p in one.passages} & {p.passage_id for p in two.passages}
    assert ids.document_id("https://mill.example/one") != ids.document_id(
        "https://mill.example/two"
    )


def test_the_document_key_decides_the_passages_identity():
    body = documents.page(("Stones", prose("stones")))
    key = ids.document_id("my key")
    one = extract(body, uri="https://mill.example/one", document_id=key)
    two = extract(body, uri="https://mill.example/two", document_id=key)
    assert one.passages == two.passages


def test_the_json_form_has_exactly_the_promised_fields():
    found = extract(MARKDOWN.encode(), uri="file:///mill.md").to_json_dict()
    assert set(found) == {"title", "text", "passages"}
    for passage in found["passages"]:
        assert set(passage) == {"text", "char_start", "char_end", "heading_path", "page"}
        assert found["text"][passage["char_start"] : passage["char_end"]] == passage["text"]
