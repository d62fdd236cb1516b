"""What each kind of dataset becomes, and that its splits keep apart."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from services.curator.export import export
from services.trainer.data import DataSettings, TaskData, load_data
from services.trainer.formats import DatasetInvalid
from shared.answering.port import Query
from shared.errors import ConfigurationInvalid, DatasetNotFound
from shared.storage.dataset import Dataset
from tests.unit.curator.examples import example

SHARED = Path(os.environ.get("GRISTMILL_DATA", "../shared/data"))
many = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def load(path: Path | str, **more) -> TaskData:
    return load_data(str(path), DataSettings(**more), "nowhere")


def written(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def jsonl(path: Path, *pairs: tuple[str, str]) -> Path:
    return written(path, *(json.dumps({"input": i, "output": o}) for i, o in pairs))


def asked(context: str, question: str) -> str:
    return f"Context: {context}\n\nQuestion: {question}"


def squad(path: Path, sizes: dict[str, int], *, paragraphs: int = 1) -> Path:
    """Write an article of each size in questions, in so many paragraphs."""
    data = [
        {
            "title": title,
            "paragraphs": [
                {
                    "context": f"{title} has paragraph {p}.",
                    "qas": [
                        {"question": f"{title} {p}.{q}?", "answers": [{"text": f"{title} {q}"}]}
                        for q in range(p, size, paragraphs)
                    ],
                }
                for p in range(paragraphs)
            ],
        }
        for title, size in sizes.items()
    ]
    path.write_text(json.dumps({"version": "1.1", "data": data}))
    return path


def sides(data: TaskData):
    return data.train, data.validation, data.test


def texts(items) -> list[str]:
    return [item.query.question for item in items]


def check_apart(data: TaskData) -> None:
    """No two splits share a group or a query."""
    for what in (lambda i: i.group, lambda i: i.query):
        train, validation, test = ({what(item) for item in items} for items in sides(data))
        assert not train & validation
        assert not train & test
        assert not validation & test


# Versions of our own


def version_of(tmp_path: Path, splits: str, *, documents: int = 0) -> str:
    """Build a version with a row for each letter of `splits`: train, validation, test or reject."""
    names = {"t": "train", "v": "validation", "s": "test", "r": "train"}
    rows = [
        replace(
            example(f"What happened in the year {n}?", n),
            split=names[letter],
            status="rejected" if letter == "r" else "accepted",
            document_id=f"document {n % documents if documents else n}",
        )
        for n, letter in enumerate(splits)
    ]
    asyncio.run(Dataset(str(tmp_path / "versions")).build(rows))
    return str(tmp_path / "versions")


def test_a_version_keeps_its_own_splits_and_only_accepted_rows(tmp_path):
    where = version_of(tmp_path, "ttttvvsr")
    data = load_data("latest", DataSettings(), where)
    assert [len(items) for items in sides(data)] == [4, 2, 1]
    assert data.name == "dataset v1"
    assert data.task.name == "question-answering"
    assert data.notes == ()
    assert data.test[0].query.context
    assert data.test[0].group == "document 6"
    assert data.test[0].example.answer == data.test[0].answers[0]
    for reference in ("1", "v1"):
        assert load_data(reference, DataSettings(), where) == data
    version_of(tmp_path, "ttttttvs")
    assert load_data("latest", DataSettings(), where).name == "dataset v2"
    assert load_data("v1", DataSettings(), where) == data


@pytest.mark.parametrize("splits", ["tttttttttt", "tttttvvvvv", "ssssssssss"])
def test_a_version_with_an_empty_split_is_split_anew_by_document(tmp_path, splits):
    where = version_of(tmp_path, splits, documents=5)
    data = load_data("1", DataSettings(), where)
    check_apart(data)
    assert all(sides(data))
    assert "split anew" in data.notes[0]
    assert len(data.notes) == 1


def test_a_version_of_two_documents_is_split_by_passage_and_says_so(tmp_path):
    where = version_of(tmp_path, "tttttttttt", documents=2)
    data = load_data("1", DataSettings(), where)
    check_apart(data)
    assert [len(items) for items in sides(data)] == [8, 1, 1]
    assert data.notes[1] == (
        "Split by passage: 2 documents are too few, so the splits share documents."
    )


def test_a_version_without_validation_keeps_its_test_and_takes_from_train(tmp_path):
    where = version_of(tmp_path, "tttttttttts")
    data = load_data("1", DataSettings(), where)
    assert [len(items) for items in sides(data)] == [9, 1, 1]
    assert "a tenth of the train rows" in data.notes[0]


def test_a_version_that_cannot_be_used_says_why(tmp_path):
    with pytest.raises(DatasetNotFound, match="No dataset has been built"):
        load_data("latest", DataSettings(), str(tmp_path / "none"))
    where = version_of(tmp_path, "rr")
    with pytest.raises(DatasetInvalid, match="no accepted example"):
        load_data("1", DataSettings(), where)
    with pytest.raises(DatasetNotFound, match="no dataset version 7"):
        load_data("v7", DataSettings(), where)
    with pytest.raises(ConfigurationInvalid, match="test split of its own"):
        load_data("1", DataSettings(test="test.jsonl"), where)


# JSONL


def test_our_own_export_is_read_back_with_question_and_context(tmp_path):
    rows = [replace(example(f"What was found in year {n}?", n), split="") for n in range(12)]
    rows[0] = replace(rows[0], context="One.\n\nQuestion: none\u2028\n\nTwo.", answer="Zwei \u4e8c")
    path = export(rows, "bam", tmp_path / "rows.jsonl").path
    data = load(path)
    read = {(i.query.question, i.query.context, i.answers) for s in sides(data) for i in s}
    assert read == {(row.question, row.context.strip(), (row.answer,)) for row in rows}


def test_any_other_input_is_the_question(tmp_path):
    pairs = [(f"Say {n}\n\nQuestion: no", f"{n}") for n in range(9)] + [("Context: a", "b")]
    data = load(jsonl(tmp_path / "a.jsonl", *pairs))
    check_apart(data)
    assert {i.query for s in sides(data) for i in s} == {Query(text) for text, _ in pairs}


def test_questions_of_one_passage_stay_together(tmp_path):
    pairs = [(asked(f"Passage {n % 7}", f"What is {n}?"), "yes") for n in range(60)]
    data = load(jsonl(tmp_path / "a.jsonl", *pairs), validation_rows=0)
    check_apart(data)
    assert sum(map(len, sides(data))) == 60
    contexts = [{item.query.context for item in items} for items in sides(data)]
    assert sum(map(len, contexts)) == 7


def test_byte_order_mark_crlf_and_blank_lines_are_accepted(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = [json.dumps({"input": f"What is {n}?", "output": "it"}) for n in range(5)]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*lines, "", " "]).encode())
    assert sum(map(len, sides(load(path)))) == 5


def test_rows_without_output_are_named_by_line(tmp_path):
    pairs = [("What?", "this" if n % 2 else " ") for n in range(20)]
    with pytest.raises(DatasetInvalid, match=r"without output: 10 \(line 1, 3, 5, 7, 9, ..."):
        load(jsonl(tmp_path / "a.jsonl", *pairs))
    with pytest.raises(DatasetInvalid, match=r"without output: 1 \(line 2\)"):
        load(written(tmp_path / "b.jsonl", '{"input": "a", "output": "b"}', '{"input": "c"}'))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2: not JSON"),
        ("[" * 100_000, "line 2: not JSON"),
        ("[1]", "line 2 has no text as 'input'"),
        ("null", "line 2 has no text as 'input'"),
        ('{"output": "a"}', "line 2 has no text as 'input'"),
        ('{"input": "", "output": "a"}', "line 2 has no text as 'input'"),
        ('{"input": "a", "output": 3}', "line 2 has no text as 'output'"),
        ('{"input": "\\ud800", "output": "a"}', "half of a surrogate pair"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path, line, said):
    path = written(tmp_path / "a.jsonl", '{"input": "a", "output": "b"}', line)
    with pytest.raises(DatasetInvalid, match=said):
        load(path)


@pytest.mark.parametrize("ending", ["jsonl", "json", "tsv", "csv"])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \r\n\n", "is empty"),
        (b"abc\nd\xe9f\n", "line 2: not UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not UTF-8"),
        (b"abc\0def", "no text file"),
        ("text".encode("utf-16"), "not UTF-8"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path, ending, body, said):
    path = tmp_path / f"a.{ending}"
    path.write_bytes(body)
    with pytest.raises(DatasetInvalid, match=said):
        load(path)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(DatasetNotFound, match="There is no dataset"):
        load(tmp_path / "none.jsonl")
    with pytest.raises(DatasetNotFound, match="latest or v3"):
        load("lates")
    with pytest.raises(DatasetInvalid, match="is a folder"):
        load(tmp_path)
    with pytest.raises(DatasetInvalid, match="no ending that names a format"):
        load(written(tmp_path / "a.docx", "a"))


def test_too_few_rows_are_an_error_that_says_how_many(tmp_path):
    for count, said in ((1, "train: 1"), (2, "train: 1"), (3, "train: 1")):
        pairs = [(f"What is {n}?", "it") for n in range(count)]
        with pytest.raises(DatasetInvalid, match=said):
            load(jsonl(tmp_path / "a.jsonl", *pairs))
    four = jsonl(tmp_path / "a.jsonl", *((f"What is {n}?", "it") for n in range(4)))
    assert [len(items) for items in sides(load(four))] == [2, 1, 1]
    with pytest.raises(DatasetInvalid, match="for train: 1, where at least 2"):
        load(four, train_rows=1)


def test_labels_are_for_labelled_files_only(tmp_path):
    path = jsonl(tmp_path / "a.jsonl", *((f"What is {n}?", "it") for n in range(9)))
    with pytest.raises(ConfigurationInvalid, match="no labels to rename"):
        load(path, labels={"a": "b"})
    with pytest.raises(DatasetInvalid, match="not for the same task"):
        load(path, test=str(written(tmp_path / "t.tsv", "good\t1", "bad\t0")))


# SQuAD


def test_squad_is_split_by_article_in_shares_of_its_questions(tmp_path):
    path = squad(tmp_path / "a.json", {f"Article {n}": 5 + n % 4 for n in range(40)})
    data = load(path, validation_rows=0)
    check_apart(data)
    total = sum(map(len, sides(data)))
    assert len(data.train) / total == pytest.approx(0.7, abs=0.04)
    assert len(data.test) / total == pytest.approx(0.15, abs=0.04)
    assert load(path, validation_rows=0) == data
    assert load(path, validation_rows=0, data_seed=1).fingerprint != data.fingerprint


def test_three_articles_go_one_each_way_and_the_largest_is_for_training(tmp_path):
    for seed in range(5):
        path = squad(tmp_path / "a.json", {"Large": 50, "Small": 2, "Other": 3})
        data = load(path, data_seed=seed)
        assert {item.query.context.split()[0] for item in data.train} == {"Large"}
        assert data.validation
        assert data.test
        assert data.notes == ()


def test_fewer_articles_are_split_by_paragraph_with_a_note(tmp_path):
    data = load(squad(tmp_path / "a.json", {"One": 20, "Two": 20}, paragraphs=5))
    check_apart(data)
    assert data.notes == (
        "Split by passage: 2 articles are too few, so the splits share articles.",
    )


def test_only_what_can_be_answered_is_kept_with_each_distinct_answer(tmp_path):
    path = squad(tmp_path / "a.json", {f"A{n}": 4 for n in range(5)})
    document = json.loads(path.read_text())
    for article in document["data"]:
        del article["title"]
        first, second, third, _ = article["paragraphs"][0]["qas"]
        first["answers"] = [{"text": t, "answer_start": 0} for t in ("in 1898", "1898", "in 1898")]
        second["is_impossible"] = True
        third["answers"] = []
    path.write_text(json.dumps(document))
    data = load(path)
    items = [item for side in sides(data) for item in side]
    assert len(items) == 10
    assert Counter(len(item.answers) for item in items) == {2: 5, 1: 5}
    assert data.notes == ("Questions without an answer, left out of a.json: 10.",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ('[{"input": "a"}]', "no list 'data'"),
        ('{"data": {}}', "no list 'data'"),
        ('{"data": []}', "no rows to use"),
        ('{"data": [3]}', r"data\[0\] has no list 'paragraphs'"),
        ('{"data": [{"paragraphs": [{"qas": []}]}]}', r"paragraphs\[0\] has no text as 'context'"),
        ('{"data": [{"paragraphs": [{"context": "a"}]}]}', "no list 'qas'"),
        (
            '{"data": [{"paragraphs": [{"context": "a", "qas": [{"question": "b"}]}]}]}',
            r"qas\[0\] has no list 'answers'",
        ),
        (
            '{"data": [{"paragraphs": [{"context": "a", "qas": [{"answers": []}]}]}]}',
            "no text as 'question'",
        ),
        (
            '{"data":[{"paragraphs":[{"context":"a","qas":[{"question":"b","answers":[{}]}]}]}]}',
            r"answers\[0\] has no text as 'text'",
        ),
    ],
)
def test_malformed_squad_says_where(tmp_path, text, said):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DatasetInvalid, match=said):
        load(path)


# Labelled tables


def table(path: Path, labels: str, between: str = "\t") -> Path:
    return written(path, *(f"text number {n}{between}{label}" for n, label in enumerate(labels)))


def test_labelled_rows_keep_their_shares_in_every_split_and_subset(tmp_path):
    path = table(tmp_path / "a.tsv", "aaab" * 100)
    data = load(path, validation_rows=0)
    assert data.task.labels == ("a", "b")
    assert [len(items) for items in sides(data)] == [320, 40, 40]
    for items in (*sides(data), load(path, train_rows=20).train, load(path, test_rows=20).test):
        shares = Counter(item.answers[0] for item in items)
        assert shares["a"] / len(items) == pytest.approx(0.75, abs=0.03)
    check_apart(data)


def test_a_rare_label_is_for_training_first_and_in_every_subset(tmp_path):
    path = table(tmp_path / "a.tsv", "a" * 99 + "b")
    for seed in range(5):
        data = load(path, train_rows=4, data_seed=seed)
        assert Counter(item.answers[0] for item in data.train) == {"a": 3, "b": 1}


def test_a_subset_is_part_of_a_larger_one_and_leaves_the_other_splits(tmp_path):
    path = table(tmp_path / "a.tsv", "aab" * 50)
    few, more = load(path, train_rows=10), load(path, train_rows=30)
    assert set(few.train) < set(more.train)
    assert (few.test, few.validation) == (more.test, more.validation)
    assert few.fingerprint != more.fingerprint
    assert load(path, validation_rows=5).validation != few.validation
    assert texts(more.train) != sorted(texts(more.train), key=lambda t: int(t.split()[-1]))


def test_labels_are_renamed(tmp_path):
    path = table(tmp_path / "a.tsv", "0001" * 10)
    data = load(path, labels={"0": " negative", "1": "positive"})
    assert data.task.labels == ("negative", "positive")
    with pytest.raises(ConfigurationInvalid, match="no label 2 to rename"):
        load(path, labels={"2": "neutral"})
    with pytest.raises(DatasetInvalid, match="has the label same"):
        load(path, labels={"0": "same", "1": "same"})
    with pytest.raises(ValidationError):
        DataSettings(labels={"0": " "})


def test_a_header_finds_its_columns_and_quotes_hold_commas_and_lines(tmp_path):
    rows = [f'{n},{"pos" if n % 2 else "neg"},"One, ""two""\nand {n}"' for n in range(12)]
    data = load(written(tmp_path / "a.CSV", "id,Label,Sentence", *rows))
    assert data.task.labels == ("neg", "pos")
    assert all(t.startswith('One, "two"\nand') for side in sides(data) for t in texts(side))


def test_quotes_in_a_tsv_are_text(tmp_path):
    rows = [f'"quoted {n}\t{n % 2}' for n in range(12)]
    data = load(written(tmp_path / "a.tsv", *rows))
    assert sum(map(len, sides(data))) == 12
    assert all(t.startswith('"quoted') for t in texts(data.train))


@pytest.mark.parametrize(
    ("name", "lines", "said"),
    [
        ("a.tsv", ["good\t1", "bad 0"], "line 2: no text and label with a tab"),
        ("a.csv", ["good;1", "bad;0"], "line 1: no text and label with a comma"),
        ("a.tsv", ["good\t1", "", " \t0"], "line 3: the text is empty"),
        ("a.tsv", ["good\t1", "bad\t"], "line 2: the label is empty"),
        ("a.csv", ["good,1", "well, bad,0"], "line 2: 3 columns instead of 2"),
        ("a.csv", ["text,label", "well, bad,0"], "line 2: 3 columns instead of 2"),
        ("a.csv", ["good,1", '"bad,0', "good,1"], "line 2: unexpected end of data"),
        ("a.csv", ["good,1", "x" * 200_000 + ",0"], "line 2: field larger than field limit"),
        ("a.tsv", ["text\tscore", "good\t1"], "looks like a header"),
        ("a.tsv", ["text\tlabel"], "no rows to use"),
        ("a.tsv", ["good\t1", "fine\t1"], "Every row of a.tsv has the label 1"),
        ("a.tsv", [f"text {n}\tlabel {n}" for n in range(101)], "101 labels, .* free text"),
    ],
)
def test_a_table_that_cannot_be_used_says_where(tmp_path, name, lines, said):
    with pytest.raises(DatasetInvalid, match=said):
        load(written(tmp_path / name, *lines))


def test_rows_of_one_text_are_never_torn_apart(tmp_path):
    rows = [f"{'Text' if n % 2 else 'text '} {n % 20}\t{n % 2}" for n in range(100)]
    data = load(written(tmp_path / "a.tsv", *rows))
    check_apart(data)
    assert sum(map(len, sides(data))) == 100
    assert data.notes == ()


# A test file


def test_a_test_file_is_the_test_split_and_its_texts_leave_train(tmp_path):
    main = table(tmp_path / "train.tsv", "ab" * 50)
    test = written(tmp_path / "test.tsv", "New text\ta", "Text  NUMBER 3\tb", "text number 4\ta")
    data = load(main, test=str(test), validation_rows=0)
    assert texts(data.test) == ["New text", "Text  NUMBER 3", "text number 4"]
    assert len(data.train) + len(data.validation) == 98
    assert not {"text number 3", "text number 4"} & set(texts(data.train) + texts(data.validation))
    assert sum(int(note.rstrip(".").split()[-1]) for note in data.notes) == 2
    assert all("has the same text" in note for note in data.notes)


def test_a_test_file_that_is_the_train_file_leaves_nothing_to_train_on(tmp_path):
    main = table(tmp_path / "train.tsv", "ab" * 50)
    with pytest.raises(DatasetInvalid, match="too few rows for train: 0, where"):
        load(main, test=str(main))


def test_one_label_left_to_train_on_is_an_error(tmp_path):
    rows = [("fine", "good"), ("nice", "good"), ("great", "good"), ("awful", "bad")]
    main = written(tmp_path / "a.tsv", *(f"{text}\t{label}" for text, label in rows))
    test = written(tmp_path / "t.tsv", "awful\tbad", "lovely\tgood")
    with pytest.raises(DatasetInvalid, match="has the label good"):
        load(main, test=str(test))


def test_a_label_that_only_the_test_file_has_is_an_error(tmp_path):
    main = table(tmp_path / "train.tsv", "ab" * 50)
    test = written(tmp_path / "test.tsv", "New text\tpositive")
    with pytest.raises(DatasetInvalid, match=r"labels that train.tsv does not have: positive"):
        load(main, test=str(test))
    assert load(main, test=str(test), labels={"positive": "a"}).test[0].answers == ("a",)


def test_squad_and_jsonl_take_a_test_file(tmp_path):
    main = squad(tmp_path / "train.json", {"A": 9, "B": 9, "C": 9})
    test = squad(tmp_path / "test.json", {"C": 12, "D": 3})
    data = load(main, test=str(test))
    assert len(data.test) == 15
    assert data.validation
    assert not set(texts(data.test)) & set(texts(data.train))
    one = load(squad(tmp_path / "one.json", {"C": 30}, paragraphs=3), test=str(test))
    assert one.notes[-1] == "Test rows that share their article with train rows: 12."
    other = jsonl(tmp_path / "test.jsonl", ("New?", "yes"), (asked("D", "Old?"), "no"))
    assert texts(load(main, test=str(other)).test) == ["New?", "Old?"]


def test_a_test_file_of_the_same_passages_is_told(tmp_path):
    main = [(asked(f"Passage {n % 6}", f"What is {n}?"), "it") for n in range(30)]
    test = [(asked(f"Passage {n}", "Who?"), "she") for n in range(7)]
    main_file = jsonl(tmp_path / "train.jsonl", *main)
    data = load(main_file, test=str(jsonl(tmp_path / "test.jsonl", *test)))
    assert len(data.notes) == 1
    assert data.notes[0].startswith("Test rows that share their passage with train rows: ")


# All of it


@many
@given(
    sizes=st.lists(st.integers(1, 12), min_size=3, max_size=12),
    seed=st.integers(0, 99),
    rows=st.integers(0, 6).filter(lambda n: n != 1),
)
def test_articles_never_cross_splits(tmp_path, sizes, seed, rows):
    sizes[0] += 2  # two rows to train on
    path = squad(tmp_path / "a.json", {f"A{n}": size for n, size in enumerate(sizes)})
    wanted = {"data_seed": seed, "train_rows": rows, "test_rows": rows, "validation_rows": rows}
    data = load(path, **wanted)
    check_apart(data)
    assert load(path, **wanted) == data
    if rows:
        assert max(map(len, sides(data))) <= rows
    else:
        assert sum(map(len, sides(data))) == sum(sizes)


@many
@given(
    labels=st.lists(st.sampled_from("abc"), min_size=6, max_size=60).filter(
        lambda found: len(set(found)) > 1
    ),
    repeats=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_labelled_texts_never_cross_splits(tmp_path, labels, repeats, seed):
    path = table(tmp_path / "a.tsv", "".join(labels))
    path.write_text(path.read_text() * repeats)
    data = load(path, data_seed=seed, validation_rows=0)
    check_apart(data)
    assert sum(map(len, sides(data))) == len(labels) * repeats
    assert load(path, data_seed=seed, validation_rows=0) == data
    assert data.task.labels == tuple(sorted(set(labels)))


@many
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 40)), min_size=8, max_size=40, unique=True
    ),
    seed=st.integers(0, 99),
)
def test_passages_of_a_jsonl_never_cross_splits(tmp_path, rows, seed):
    pairs = [(asked(f"Passage {c}", f"What is {q}?") if c else f"{q}?", "it") for c, q in rows]
    data = load(jsonl(tmp_path / "a.jsonl", *pairs), data_seed=seed, validation_rows=0)
    check_apart(data)
    assert sum(map(len, sides(data))) == len(rows)


def test_equal_content_has_equal_identity_and_other_content_another(tmp_path):
    first = load(table(tmp_path / "a.tsv", "ab" * 20))
    again = load(table(tmp_path / "b.tsv", "ab" * 20))
    other = load(table(tmp_path / "c.tsv", "ab" * 19 + "ba"))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert len(first.fingerprint) == len(first.train[0].item_id) == 16
    assert {item.item_id for item in first.train} == {item.item_id for item in again.train}


def test_unknown_settings_are_refused():
    with pytest.raises(ValidationError):
        DataSettings(rows=3)
    with pytest.raises(ValidationError):
        DataSettings(train_rows=-1)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the data for measuring is not here")
def test_real_files_are_read():
    folder = SHARED / "classification/sst2"
    names = {"0": "negative", "1": "positive"}
    data = load(folder / "train.tsv", test=str(folder / "test.tsv"), labels=names)
    assert data.task.labels == ("negative", "positive")
    assert (len(data.validation), len(data.test)) == (64, 1821)
    assert len(data.train) > 6000
    asks = load(SHARED / "squad/squad2-half-dev.json", validation_rows=0)
    assert sum(map(len, sides(asks))) == 2910
    check_apart(asks)
