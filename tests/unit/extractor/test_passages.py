import contextlib
import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.extractor.blocks import Block, BlockKind, join_blocks
from services.extractor.extract import extract
from services.extractor.passages import count_words, pack
from shared import ids
from shared.errors import DocumentError
from tests.unit.extractor.documents import page, prose

DOCUMENT = ids.document_id("file:///a")
DATA = Path(os.environ.get("GRISTMILL_DATA", "../shared/data")) / "extraction"


def packed(*blocks, min_words=60, max_words=220):
    text = join_blocks(blocks)
    passages = pack(blocks, text, document_id=DOCUMENT, min_words=min_words, max_words=max_words)
    check_spans(text, passages)
    return passages


def check_spans(text, passages):
    end = 0
    for passage in passages:
        assert text[passage.char_start : passage.char_end] == passage.text
        assert passage.text == passage.text.strip()
        assert passage.char_start >= end
        end = passage.char_end
    assert len({passage.passage_id for passage in passages}) == len(passages)


def paragraph(text):
    return Block(BlockKind.PARAGRAPH, text)


def heading(text, level=1):
    return Block(BlockKind.HEADING, text, level=level)


def test_a_whole_page_becomes_several_passages_of_the_promised_size():
    sections = [(f"Part {n}", prose(f"part {n}", 30)) for n in range(5)]
    extraction = extract(page(*sections), uri="https://mill.example/all")
    assert len(extraction.passages) >= 10
    assert all(60 <= count_words(p.text) <= 220 for p in extraction.passages)


def test_no_passage_straddles_a_heading():
    passages = packed(
        heading("A"), paragraph(prose("a", 2)), heading("B"), paragraph(prose("b", 2))
    )
    assert [p.heading_path for p in passages] == [("A",), ("B",)]


def test_the_heading_path_goes_from_the_outermost_in_and_ends_where_a_sibling_begins():
    passages = packed(
        paragraph(prose("zero", 1)),
        heading("Book", 0),
        heading("A", 1),
        heading("A.1", 3),
        paragraph(prose("one", 1)),
        heading("A.2", 2),
        paragraph(prose("two", 1)),
        heading("B", 1),
        paragraph(prose("three", 1)),
    )
    assert [p.heading_path for p in passages] == [
        (),
        ("Book", "A", "A.1"),
        ("Book", "A", "A.2"),
        ("Book", "B"),
    ]


def test_the_first_passage_of_a_section_begins_with_the_headings_that_lead_to_it():
    passages = packed(
        heading("Mills", 1),
        paragraph(prose("mills", 6)),
        heading("Running", 2),
        heading("How is the mill stopped?", 3),
        paragraph(prose("stopping", 30)),
        heading("Care", 2),
        paragraph(prose("care", 6)),
    )
    texts = [p.text for p in passages]
    assert texts[0] == prose("mills", 6)  # the title stands in every row
    assert texts[1].startswith("Running\n\nHow is the mill stopped?\n\nSentence 1 about stopping")
    assert texts[2].startswith("Sentence ")
    assert texts[-1].startswith("Care\n\nSentence 1 about care")
    assert {p.heading_path for p in passages[1:-1]} == {
        ("Mills", "Running", "How is the mill stopped?")
    }


def test_a_heading_with_nothing_under_it_leads_to_no_passage():
    passages = packed(
        heading("A", 1),
        heading("Empty", 2),
        heading("B", 2),
        paragraph(prose("b", 6)),
        heading("C", 2),
        paragraph(prose("c", 6)),
    )
    assert [p.text.split("\n\n")[0] for p in passages] == ["B", "C"]


def test_a_heading_that_does_not_fit_is_left_to_the_path():
    items = Block(BlockKind.LIST, "\n".join(f"- grain {n}" for n in range(55)))
    passages = packed(
        heading("A"), heading("B of seven words in this heading", 2), items, max_words=165
    )
    assert [p.text for p in passages] == [items.text]
    assert passages[0].heading_path == ("A", "B of seven words in this heading")


def test_a_tiny_rest_joins_its_neighbour_instead_of_standing_alone():
    passages = packed(paragraph(prose("a", 16)), paragraph("And that is all there is to say now."))
    assert len(passages) == 1


def test_a_rest_that_does_not_fit_takes_from_its_neighbour():
    passages = packed(paragraph(prose("a", 18)), paragraph(prose("b", 3)))
    sizes = [count_words(p.text) for p in passages]
    assert len(sizes) == 2
    assert min(sizes) >= 60


def test_long_paragraphs_are_cut_between_sentences_and_not_behind_abbreviations():
    text = " ".join(f"Dr. Miller ground {n} sacks of wheat, i.e. a lot of it." for n in range(60))
    passages = packed(paragraph(text))
    assert len(passages) > 2
    assert all(p.text.startswith("Dr. Miller") and p.text.endswith("it.") for p in passages)


def test_a_sentence_over_the_limit_is_cut_between_words():
    passages = packed(paragraph("flour " * 1000))
    assert all(set(p.text.split()) == {"flour"} for p in passages)
    assert all(count_words(p.text) <= 220 for p in passages)


@pytest.mark.parametrize("kind", [BlockKind.LIST, BlockKind.TABLE, BlockKind.CODE])
def test_lists_tables_and_code_stay_whole_where_they_fit(kind):
    lines = "\n".join(f"line {n} of it has seven words" for n in range(20))
    passages = packed(paragraph(prose("a", 14)), Block(kind, lines), paragraph(prose("b", 14)))
    assert sum(lines in p.text for p in passages) == 1


def test_code_that_begins_indented_makes_no_passage_that_begins_with_blanks():
    passages = packed(Block(BlockKind.CODE, "    return flour and the husks too\nprint the sum"))
    assert passages[0].text.startswith("return flour")


def test_a_list_stays_with_the_line_that_introduces_it():
    items = Block(BlockKind.LIST, "\n".join(f"- grain of the kind number {n}" for n in range(12)))
    passages = packed(paragraph(prose("a", 9)), paragraph("Mill these next:"), items)
    assert any("next:\n\n- grain" in p.text for p in passages)


def test_long_tables_are_cut_between_rows():
    rows = [f"row {n} | has | four | cells" for n in range(100)]
    passages = packed(Block(BlockKind.TABLE, "\n".join(rows)))
    assert [row for p in passages for row in p.text.split("\n")] == rows


def test_the_same_text_twice_is_one_passage_where_it_first_stands():
    passages = packed(
        heading("A"), paragraph(prose("x", 6)), heading("B"), paragraph(prose("x", 6))
    )
    assert [p.heading_path for p in passages] == [("A",)]


def test_passages_without_substance_are_left_out():
    passages = packed(
        heading("A"),
        paragraph(prose("a")),
        heading("B"),
        paragraph("Read more"),
        heading("C"),
        paragraph("1 2 3 4 5 6 7 8 9 10 11"),
    )
    assert [p.heading_path for p in passages] == [("A",)]


def test_a_document_of_few_words_is_one_passage():
    assert [p.text for p in packed(paragraph("Closed today."))] == ["Closed today."]
    assert [p.text for p in packed(heading("Closed today."))] == ["Closed today."]


def test_text_without_blanks_is_counted_and_cut():
    passages = packed(
        paragraph("".join(f"粉を挽く水車{n}は川のそばに立っています。" for n in range(60)))
    )
    assert len(passages) > 3
    assert all(p.text.endswith("。") for p in passages)


def test_a_changed_paragraph_leaves_the_passages_of_other_sections_as_they_were():
    sections = [(f"Part {n}", prose(f"part {n}", 20)) for n in range(4)]
    before = extract(page(*sections), uri="https://mill.example/all").passages
    sections[1] = ("Part 1", "A new beginning was written. " + sections[1][1])
    after = extract(page(*sections), uri="https://mill.example/all").passages
    changed = {p.passage_id for p in before} ^ {p.passage_id for p in after}
    assert changed
    assert all(p.heading_path[-1] == "Part 1" for p in (*before, *after) if p.passage_id in changed)


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=300)
WORDS = st.lists(
    st.sampled_from(["mill", "stone.", "grain,", "Dr.", "粉。", "x" * 70, "9"]), min_size=1
)
LINES = st.lists(WORDS.map(" ".join), min_size=1, max_size=8).map("\n".join)
BLOCKS = st.lists(
    st.builds(
        Block,
        kind=st.sampled_from(BlockKind),
        text=(TEXT | LINES).map(str.strip).filter(bool),
        level=st.integers(0, 6),
        page=st.none() | st.integers(1, 9),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(blocks=BLOCKS, sizes=st.tuples(st.integers(1, 40), st.integers(0, 60)))
def test_every_passage_is_the_slice_that_its_span_says(blocks, sizes):
    min_words, more = sizes
    passages = packed(*blocks, min_words=min_words, max_words=min_words + more)
    assert all(count_words(p.text) <= min_words + more for p in passages)
    bodies = [b for b in blocks if b.kind is not BlockKind.HEADING] or blocks
    if any(char.isalpha() for block in bodies for char in block.text):
        assert passages


@settings(max_examples=60, deadline=None)
@given(
    body=st.binary(max_size=400) | TEXT.map(str.encode),
    name=st.sampled_from(["a.html", "a.md", "a.txt"]),
)
def test_whatever_the_bytes_the_spans_hold_or_the_error_is_clear(body, name):
    with contextlib.suppress(DocumentError):
        extraction = extract(body, uri=f"file:///{name}")
        check_spans(extraction.text, extraction.passages)
        json.dumps(extraction.to_json_dict()).encode()


@pytest.mark.skipif(not DATA.exists(), reason=f"no pages in {DATA}; set GRISTMILL_DATA")
def test_spans_hold_and_nothing_is_too_long_on_real_pages():
    pages = sorted((DATA / "html").glob("*.html.gz"))
    assert pages
    for file in pages:
        extraction = extract(gzip.decompress(file.read_bytes()), uri=file.resolve().as_uri()[:-3])
        check_spans(extraction.text, extraction.passages)
        assert all(count_words(p.text) <= 220 for p in extraction.passages)
