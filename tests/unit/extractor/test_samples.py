"""The sample documents: what a newcomer's first run is made of."""

from pathlib import Path

import pytest

from services.cli.discover import discover
from services.extractor.extract import extract
from services.extractor.passages import count_words
from services.local import broker

SAMPLES = Path(broker.__file__).parent / "samples"
PASSAGES = {
    "datasets.pdf": 3,
    "fine-tuning.md": 4,
    "prompting.html": 4,
    "retrieval.html": 3,
    "services.docx": 3,
}
FURNITURE = [
    "Subscribe",
    "coffee machine",
    "hiring",
    "Copyright",
    "Cookie",
    "Page 1",
    "working papers",
]


def extracted(name):
    path = SAMPLES / name
    return extract(path.read_bytes(), uri=path.as_uri())


def test_a_run_over_the_folder_finds_every_sample():
    assert [found.path.name for found in discover([str(SAMPLES)])] == list(PASSAGES)


@pytest.mark.parametrize(("name", "count"), PASSAGES.items())
def test_each_sample_gives_its_passages_under_their_headings(name, count):
    extraction = extracted(name)
    assert len(extraction.passages) == count
    assert extraction.title
    for passage in extraction.passages:
        assert 80 <= count_words(passage.text) <= 180
        assert passage.heading_path[0] == extraction.title
        assert len(passage.heading_path) == 2


@pytest.mark.parametrize("name", PASSAGES)
def test_no_furniture_comes_out_of_a_sample(name):
    text = extracted(name).text
    assert [words for words in FURNITURE if words in text] == []


def test_passages_of_the_pdf_know_their_page():
    assert {passage.page for passage in extracted("datasets.pdf").passages} == {1}
