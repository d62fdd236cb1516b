from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from services.curator.build import build
from services.curator.contamination import Known, texts_in
from services.curator.settings import BuildSettings
from services.curator.splits import place, splits
from shared import ids
from shared.embedding.packing import packed
from tests.unit.curator.examples import example


def reasons(rows) -> Counter[str]:
    return Counter(reason for row in rows for reason in row.reasons)


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
    assert reasons(expected) == {"question_near_duplicate": 1, "question_repeated": 2}
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


def test_the_rows_depend_on_nothing_but_the_examples():
    row = example("Who named the new element?")
    assert build([row]) == [replace(row, split="train")]
    assert build([]) == []


# Meaning


def pair(left: str, right: str, cosine: float = 0.97, answers: tuple[str, str] | None = None):
    """Two questions of one document, as near to each other as is said."""
    vectors = np.array([[1, 0], [cosine, (1 - cosine**2) ** 0.5]], dtype=np.float32)
    both = answers or ("It fell in 1453.", "It fell in 1453.")
    return [
        example(question, number, answer=answer, vector=packed(vector))
        for number, (question, answer, vector) in enumerate(
            zip((left, right), both, vectors, strict=True)
        )
    ]


FELL = "When did Constantinople fall?", "In what year was Constantinople taken?"


def test_another_wording_of_the_same_question_with_the_same_answer_is_rejected():
    kept, again = build(pair(*FELL))
    assert kept.status == "accepted"
    assert again.reasons == ("question_same_meaning",)
    assert 0.95 < again.scores["duplicate"] < 0.98


@pytest.mark.parametrize(
    "rows",
    [
        pair(*FELL, cosine=0.8),
        pair(*FELL, answers=("It fell in 1453.", "The siege began in April.")),
        pair("What came before the fall of Constantinople?", "What came after that of Galata?"),
        pair("What came before Constantinople fell?", "What came after Constantinople fell?"),
        pair("When did Constantinople fall?", "When did Trebizond fall?"),
        pair("When did Constantinople fall?", "Why did Constantinople get taken?"),
        [replace(row, vector="") for row in pair(*FELL)],
    ],
)
def test_what_is_near_but_asks_for_something_else_stays(rows):
    assert [row.status for row in build(rows)] == ["accepted", "accepted"]


# People's rows


def human(row):
    return replace(row, scores={**row.scores, "human": 1.0})


def test_of_two_that_ask_the_same_the_one_a_person_accepted_stays():
    rows = [example("Who named it so?", 0), human(example("Who named it so?", 1, "b.html"))]
    assert [row.status for row in build(rows)] == ["accepted", "rejected"]  # b.html is first
    assert build(rows)[0].human


def test_what_a_person_accepted_is_no_near_duplicate_but_no_repetition_either():
    first, near = pair(*FELL)
    same = example("When did Constantinople fall?", 5)
    rows = build([human(first), human(near), human(same)])
    assert [row.status for row in rows] == ["accepted", "accepted", "rejected"]


# Decontamination


TEST_SET = (
    b'{"input": "Context: Rain.\\n\\nQuestion: Who named the new element?", "output": "Curie"}\n'
    b'{"question": "How?", "context": "The quick brown fox jumps over the lazy dog at noon."}\n'
)


@pytest.mark.parametrize(
    ("question", "context", "bad"),
    [
        ("Who named the new element?", "Another text.", True),
        ("Who named the new elements?", "Another text.", True),
        ("Who named the old element?", "Another text.", False),
        ("What does it do?", "So the quick brown fox jumps over the lazy cat.", True),
        ("What does it do?", "So the quick brown fox jumps over a lazy dog.", False),
        ("Does a quick brown fox jumps over the lazy dog at noon?", "Another text.", True),
    ],
)
def test_rows_that_share_a_question_or_eight_words_with_a_test_set_are_rejected(
    question, context, bad
):
    known = Known(texts_in(TEST_SET))
    (row,) = build([human(example(question, context=context))], known=known)
    assert row.reasons == (("contaminated",) if bad else ())


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": [{"paragraphs": [{"context": "", "qas": [{"question": "Why so?"}]}]}]}',
        b'{"question": "Why so?"}\n{"question": "And how?"}\n',
        b'{"question": "Why so?"}\nnot JSON\n',
        b"Some words.\n\nWhy so?\nAnd how?\n",
        b'\xef\xbb\xbf["Why so?"]',
    ],
)
def test_a_test_set_may_be_json_lines_of_json_or_text(body):
    known = Known(texts_in(body))
    assert known.has("why so", "")
    assert not known.has("Who knows?", "")


# Balance and ranks


def test_a_document_gives_no_more_than_its_best_rows():
    rows = [
        example(f"What is in box {n}?", n, scores={"round_trip": score})
        for n, score in enumerate((0.9, 0.99, 0.95))
    ]
    built = build(rows, BuildSettings(max_per_document=2))
    assert [row.reasons for row in built] == [("document_full",), (), ()]
    rows[0] = human(rows[0])
    built = build(rows, BuildSettings(max_per_document=1))
    assert [row.status for row in built] == ["accepted", "rejected", "rejected"]
    assert not reasons(build(rows))


def test_the_rank_of_the_own_passage_is_kept_on_the_row():
    row, other = (example(f"What is in box {n}?", n) for n in range(2))
    built = build([row, other], ranks={row.example_id: 3})
    assert [found.scores.get("own_passage_rank") for found in built] == [3, None]


# Splits


def documents(count: int) -> list[str]:
    return [str(ids.document_id(f"{n}.html")) for n in range(count)]


def test_every_document_is_in_one_split_and_the_splits_have_their_shares():
    found = Counter(splits(documents(2000), BuildSettings()).values())
    assert 1550 < found["train"] < 1650
    assert 150 < found["validation"] < 250
    assert 150 < found["test"] < 250
    rows = build(example(f"What is in number {n}?", n, f"{n % 5}.html") for n in range(20))
    assert len({(row.document_id, row.split) for row in rows}) == 5


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("count", [3, 4, 7])
def test_of_three_documents_on_every_split_gets_something(count, seed):
    some = random.Random(seed).sample(documents(500), count)
    found = splits(some, BuildSettings())
    assert set(found) == set(some)
    assert set(found.values()) == {"train", "validation", "test"}
    assert splits(some[::-1], BuildSettings()) == found


def test_fewer_are_all_for_training():
    assert set(splits(documents(2), BuildSettings()).values()) == {"train"}
    assert splits([], BuildSettings()) == {}


def test_documents_that_come_in_leave_the_others_where_they_are():
    """Only stand-ins move, and only as long as documents are few."""
    everything = documents(300)
    before = splits(everything[:40], BuildSettings())
    after = splits(everything, BuildSettings())
    assert all(after[document] == side for document, side in before.items())
    for document, side in after.items():
        assert (place(document) < 0.1) == (side == "test")
    few = splits(everything[:5], BuildSettings())
    more = splits(everything[:6], BuildSettings())
    assert sum(few[document] != more[document] for document in few) <= 1


def test_the_shares_are_settings():
    some = documents(100)
    none = BuildSettings(test_share=0, validation_share=0)
    assert set(splits(some, none).values()) == {"train"}
    no_test = BuildSettings(test_share=0)
    assert set(splits(some[:3], no_test).values()) == {"train", "validation"}
