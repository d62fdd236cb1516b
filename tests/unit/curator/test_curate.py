from __future__ import annotations

from services.curator.curate import curate
from tests.unit.curator.examples import ANSWER, SHA, TEXT, message


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


def test_what_a_model_found_comes_with_the_question_and_stays_on_the_row():
    found = {"round_trip": 0.2, "grounding_similarity": 0.7}
    row = curate(message("Why did Marie Curie choose that name?", scores=found, vector="f4E="))
    assert row.reasons == ("round_trip_failed",)
    assert row.scores.items() >= found.items()
    assert row.vector == "f4E="
