from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

from services.curator.curate import build, curate, split_of
from services.curator.settings import BuildSettings
from shared import ids
from tests.unit.curator.examples import ANSWER, SHA, TEXT, example, message


def test_a_row_says_where_it_comes_from():
    asked = message(" Why did Marie Curie choose that name? ", ordinal=1, total=2)
    row = curate(asked)
    assert row.as_dict() | {"scores": None} == {
        "example_id": str(asked.example_id),
        "question": "Why did Marie Curie choose that name?",
        "context": TEXT,
        "answer": ANSWER,
        "status": "accepted",
        "reasons": [],
        "scores": None,
        "split": "",
        "source_uri": "curie.html",
        "title": "Marie Curie",
        "heading_path": ["Life", "Work"],
        "page": 2,
        "char_start": 10,
        "char_end": 10 + len(TEXT),
        "revision": SHA,
        "passage_id": str(asked.passage.passage_id),
        "document_id": str(asked.source.document_id),
        "generator": "pkg:small",
        "prompt": "summary/1f3a + question/99aa",
    }
    assert (row.sequence, row.ordinal) == ("0000000000001-0", 1)


def test_a_rejected_row_keeps_its_reasons():
    row = curate(message("Paris"))
    assert row.status == "rejected"
    assert "question_not_a_question" in row.reasons


def test_the_first_of_two_questions_in_the_document_stays_whatever_came_first():
    rows = [
        example("What happened in Paris in 2019?", 0),
        example("What happened in Paris in 2020?", 1),
        example("What has happened in Paris in 2019?", 2),
        example("What happened in Paris in 2019?", 3),
        example("Who named the new element?", 4, "other.html"),
        example("Who named the new element?", 5, "another.html"),
    ]
    expected = build(rows)
    kept = [row.question for row in expected if row.status == "accepted"]
    assert sorted(kept) == [
        "What happened in Paris in 2019?",
        "What happened in Paris in 2020?",
        "Who named the new element?",
    ]
    assert Counter(reason for row in expected for reason in row.reasons) == {
        "question_near_duplicate": 1,
        "question_repeated": 2,
    }
    for seed in range(20):
        random.Random(seed).shuffle(rows)
        assert build(rows) == expected


def test_a_rejected_question_takes_no_other_with_it():
    bad = example("Who named the new element?", 0, status="rejected", reasons=("answer_leaked",))
    good = example("Who named the new element?", 1)
    first, second = build([good, bad])
    assert (first.status, first.reasons) == ("rejected", ("answer_leaked",))
    assert second.status == "accepted"


def test_building_a_built_version_again_changes_nothing():
    rows = build([example("Who named it so?", n) for n in range(3)])
    assert [row.status for row in rows] == ["accepted", "rejected", "rejected"]
    assert build(rows) == rows


def test_near_duplicates_of_another_document_stay():
    rows = [
        example("What is the capital of France?", 0, "one.html"),
        example("What was the capital of France?", 0, "two.html"),
    ]
    assert all(row.status == "accepted" for row in build(rows))


def test_every_document_is_in_one_split_and_the_splits_have_their_shares():
    documents = [str(ids.document_id(f"{n}.html")) for n in range(2000)]
    splits = Counter(split_of(document) for document in documents)
    assert 1550 < splits["train"] < 1650
    assert 150 < splits["validation"] < 250
    assert 150 < splits["test"] < 250
    rows = build(example(f"What is in number {n}?", n) for n in range(20))
    assert {row.split for row in rows} == {split_of(rows[0].document_id)}


def test_the_shares_are_settings():
    everything = BuildSettings(test_share=0, validation_share=0)
    documents = [str(ids.document_id(f"{n}.html")) for n in range(100)]
    assert {split_of(document, everything) for document in documents} == {"train"}


def test_the_rows_depend_on_nothing_but_the_examples():
    row = example("Who named the new element?")
    assert build([row]) == [replace(row, split=split_of(row.document_id))]
    assert build([]) == []
