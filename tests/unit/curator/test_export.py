"""Each export, read as its readers do.

pyarrow is what reads Parquet everywhere. The libraries that read the others (datasets, trl) are
not installed here, so their rules are written out below.
"""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from services.curator.build import build
from services.curator.export import FORMATS, NothingToExport, export
from services.curator.squad import find_answer
from shared.errors import ConfigurationInvalid
from shared.storage.rows import COLUMNS
from tests.unit.curator.examples import example

ROWS = build(
    [
        example("Why did she choose that name?", 0),
        example("In what year was it found?", 1, answer="1898", page=3),
        example("What made her known?", 2, answer='It\u2028made "her" known. \U0001f600'),
        example("And?", 3, status="rejected", reasons=("question_fragment",)),
    ]
)


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", FORMATS)
def test_only_accepted_rows_are_written_unless_all_are_asked_for(tmp_path, name):
    rows = [example("Why did she choose that name?", n) for n in range(2)]
    rows = build(rows)  # the second repeats the first
    assert export(rows, name, tmp_path / "some").rows == 1
    assert export(rows, name, tmp_path / "all", status="all").rows == 2
    assert export(rows, name, tmp_path / "rejected", status="rejected").rows == 1


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_to_export_is_an_error_and_leaves_no_file(tmp_path, name):
    path = tmp_path / "out"
    with pytest.raises(NothingToExport, match="no accepted example"):
        export(ROWS[3:], name, path)
    with pytest.raises(NothingToExport):
        export([], name, path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FORMATS)
def test_thousands_of_rows_are_written(tmp_path, name):
    rows = [example(f"What is in box {n}?", n) for n in range(2500)]
    path = tmp_path / "new" / "folder" / "out"
    assert export(rows, name, path).rows == 2500
    if name == "parquet":
        assert pq.read_table(path).num_rows == 2500
    elif name in ("bam", "openai"):
        assert len(lines(path)) == 2500
    elif name == "squad":
        articles = json.loads(path.read_text())["data"]
        assert sum(len(p["qas"]) for a in articles for p in a["paragraphs"]) == 2500
    else:
        assert len(json.loads(path.read_text())) == 2500


def test_bam_has_context_and_question_in_and_the_answer_out(tmp_path):
    export(ROWS, "bam", tmp_path / "d.jsonl")
    read = lines(tmp_path / "d.jsonl")
    assert [set(row) for row in read] == [{"input", "output"}] * 3
    for row, wanted in zip(read, ROWS, strict=False):
        assert wanted.context in row["input"]
        assert row["input"].endswith(wanted.question)
        assert row["output"] == wanted.answer


def test_openai_has_a_user_s_turn_and_an_assistant_s(tmp_path):
    export(ROWS, "openai", tmp_path / "d.jsonl")
    for row in lines(tmp_path / "d.jsonl"):
        assert set(row) == {"messages"}
        assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"]
        assert all(set(turn) == {"role", "content"} and turn["content"] for turn in row["messages"])


@pytest.mark.parametrize("file", ["d.json", "d.jsonl"])
def test_alpaca_and_sharegpt_are_an_array_or_lines_by_the_file_s_name(tmp_path, file):
    def read(name):
        export(ROWS, name, tmp_path / file)
        path = tmp_path / file
        return lines(path) if file.endswith("l") else json.loads(path.read_text())

    alpaca, sharegpt = read("alpaca"), read("sharegpt")
    assert len(alpaca) == len(sharegpt) == 3
    for row, wanted in zip(alpaca, ROWS, strict=False):
        assert set(row) == {"instruction", "input", "output", "metadata"}
        assert (row["instruction"], row["input"], row["output"]) == (
            wanted.question,
            wanted.context,
            wanted.answer,
        )
    for row, wanted in zip(sharegpt, ROWS, strict=False):
        human, gpt = row["conversations"]
        assert (human["from"], gpt["from"]) == ("human", "gpt")
        assert gpt["value"] == wanted.answer
    for row in alpaca + sharegpt:
        kept = set(COLUMNS) - {"question", "context", "answer"}
        assert set(row["metadata"]) == kept
        assert row["metadata"]["source_uri"] == "curie.html"


def test_squad_answers_are_stretches_of_their_contexts(tmp_path):
    rows = [*ROWS[:3], example("Who was Ada?", 4, answer="Lovelace programmed engines.")]
    written = export(rows, "squad", tmp_path / "d.json")
    assert (written.rows, written.left_out) == (3, 1)
    file = json.loads((tmp_path / "d.json").read_text())
    assert set(file) == {"version", "data"}
    asked = {}
    for article in file["data"]:
        assert article["title"] == "Marie Curie"
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                for answer in question["answers"]:
                    start = answer["answer_start"]
                    end = start + len(answer["text"])
                    assert paragraph["context"][start:end] == answer["text"] != ""
                asked[question["question"]] = question
    assert len({question["id"] for question in asked.values()}) == 3
    span = asked["In what year was it found?"]
    assert span["answer_is_span"]
    assert span["answers"][0]["text"] == "1898"
    other = asked["Why did she choose that name?"]
    assert not other["answer_is_span"]
    assert "country of her birth." in other["answers"][0]["text"]
    assert other["written_answer"] == ROWS[0].answer
    assert other["metadata"]["revision"] == ROWS[0].revision


def test_the_best_supporting_sentences_are_found():
    context = "Cats sleep. Dogs bark at the moon. Fish swim in the sea and eat algae."
    span = find_answer(example("?", 0, context=context, answer="In the sea fish eat algae."))
    assert span is not None
    assert span.text == "Fish swim in the sea and eat algae."
    assert find_answer(example("?", 0, context=context, answer="")) is None
    assert find_answer(example("?", 0, context="", answer="Fish.")) is None


def test_parquet_has_exactly_the_columns(tmp_path):
    rows = [*ROWS[:2], example("What is missing?", 5, scores={})]
    export(rows, "parquet", tmp_path / "d.parquet")
    table = pq.read_table(tmp_path / "d.parquet")
    assert tuple(table.column_names) == COLUMNS
    first, second, third = table.to_pylist()
    assert first["heading_path"] == ["Life", "Work"]
    assert first["reasons"] == []
    assert first["scores"] == {"question_words": 5.0}
    assert third["scores"] == {"question_words": None}
    assert (first["page"], second["page"]) == (None, 3)
    assert second["question"] == ROWS[1].question
    assert isinstance(first["char_start"], int)


def test_the_columns_are_those_that_are_promised():
    assert " ".join(COLUMNS) == (
        "example_id question context answer status reasons scores split source_uri title "
        "heading_path page char_start char_end revision passage_id document_id generator prompt"
    )


def test_an_unknown_format_names_the_known_ones(tmp_path):
    with pytest.raises(ConfigurationInvalid, match="bam, openai"):
        export(ROWS, "csv", tmp_path / "d.csv")


def test_a_folder_cannot_be_written(tmp_path):
    with pytest.raises(ConfigurationInvalid, match="folder"):
        export(ROWS, "bam", tmp_path)


def test_a_failed_export_leaves_the_old_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "d.jsonl"
    export(ROWS, "bam", path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setitem(FORMATS, "bam", fail)
    with pytest.raises(OSError, match="disk full"):
        export(ROWS, "bam", path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
