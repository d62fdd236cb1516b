from __future__ import annotations

from dataclasses import replace

from services.curator.reviewed import reviewed
from shared.storage.verdicts import Verdict
from tests.unit.curator.examples import example

ROW = example("Who named the new element?", scores={"round_trip": 0.9})
BAD = replace(ROW, status="rejected", reasons=("answer_leaked",))


def given(*verdicts: Verdict):
    return {verdict.key: replace(verdict, at=at) for at, verdict in enumerate(verdicts)}


def test_without_verdicts_nothing_changes():
    assert reviewed([ROW, BAD], {}) == [ROW, BAD]


def test_a_person_s_yes_counts_more_than_the_checks():
    (row,) = reviewed([BAD], given(Verdict.on(BAD, "accept")))
    assert (row.status, row.reasons) == ("accepted", ())
    assert row.scores == {"round_trip": 0.9, "human": 1.0}
    assert row.human


def test_a_person_s_no_is_one_more_reason():
    (row,) = reviewed([BAD], given(Verdict.on(BAD, "reject")))
    assert (row.status, row.reasons) == ("rejected", ("answer_leaked", "reviewer"))
    (again,) = reviewed([row], given(Verdict.on(BAD, "reject")))
    assert again == row


def test_an_edited_row_has_the_new_texts_and_no_scores_of_the_old_ones():
    (row,) = reviewed([BAD], given(Verdict.on(BAD, "edit", "Who found polonium?", "Curie did.")))
    assert (row.question, row.answer, row.status) == (
        "Who found polonium?",
        "Curie did.",
        "accepted",
    )
    assert row.scores == {"human": 1.0}
    assert row.example_id == BAD.example_id


def test_a_verdict_is_on_the_question_whatever_model_asked_it_and_however_it_is_spelled():
    verdicts = given(Verdict.on(ROW, "reject"))
    other = replace(
        ROW, example_id="other", generator="another", question="who named the NEW element"
    )
    assert reviewed([other], verdicts)[0].reasons == ("reviewer",)
    elsewhere = example(ROW.question, 1)
    assert reviewed([elsewhere], verdicts) == [elsewhere]


def test_a_later_verdict_on_what_was_edited_counts():
    edited = Verdict.on(ROW, "edit", "Who found polonium?", "Curie did.")
    (shown,) = reviewed([ROW], given(edited))
    (row,) = reviewed([ROW], given(edited, Verdict.on(shown, "reject")))
    assert (row.question, row.reasons) == ("Who found polonium?", ("reviewer",))
    back = Verdict.on(shown, "edit", ROW.question, ROW.answer)
    (row,) = reviewed([ROW], given(edited, back))
    assert (row.question, row.status) == (ROW.question, "accepted")


def test_what_a_person_wrote_outlives_another_model_as_long_as_the_passage_stands():
    edited = Verdict.on(ROW, "edit", "Who found polonium?", "Curie did.")
    (shown,) = reviewed([ROW], given(edited))
    verdicts = given(edited, Verdict.on(shown, "accept"))
    other = replace(ROW, question="What else?", example_id="other", char_start=500, revision="new")
    first, second = reviewed([other], verdicts)
    assert first == other
    assert (second.question, second.answer, second.status) == (
        "Who found polonium?",
        "Curie did.",
        "accepted",
    )
    assert (second.char_start, second.revision) == (500, "new")
    assert second.example_id == ROW.example_id
    assert reviewed([example("What else?", 1)], verdicts) == [example("What else?", 1)]


def test_what_a_person_rejected_does_not_come_back():
    other = replace(ROW, question="What else?", example_id="other")
    assert reviewed([other], given(Verdict.on(ROW, "reject"))) == [other]
