from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from services.curator.checks import check
from services.curator.settings import CheckSettings
from tests.unit.curator.examples import ANSWER, TEXT

DATA = Path(os.environ.get("GRISTMILL_DATA", Path(__file__).parents[4] / "shared" / "data"))


def reasons(question: str, answer: str = ANSWER, passage: str = TEXT) -> tuple[str, ...]:
    return check(question, answer, passage).reasons


@pytest.mark.parametrize(
    "question",
    [
        "Why did Marie Curie choose that name?",
        "In what year did Marie Curie discover polonium?",
        "How long does it take to name an element after a country?",
        "Why did Marie Curie think her discovery mattered?",
        "Which of the elements that Curie found is it easy to name?",
        "If a country gives its name, what does this mean for those who live there?",
        "Was the element named after a country?",
        'According to Curie, what is "polonium"?',
        "\u201cPolonium\u201d is named after what?",
        "\u6c34\u306e\u6cb8\u70b9\u306f\u4f55\u5ea6\u3067\u3059\u304b\uff1f",
        "Warum wählte Marie Curie diesen Namen?",
    ],
)
def test_a_good_question_is_accepted(question):
    assert reasons(question) == ()


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("", "question_empty"),
        (" \n", "question_empty"),
        ("Marie Curie chose that name herself.", "question_not_a_question"),
        ("What did Marie Curie discover then??", "question_not_a_question"),
        ("Who was she?", "question_too_short"),
        ("Why " + "very " * 40 + "much?", "question_too_long"),
        ("Who discovered it?\nAnd when was that?", "question_not_one_line"),
        ("1. What did Marie Curie discover?", "question_fragment"),
        ("- What did Marie Curie discover?", "question_fragment"),
        ("and where did she live then?", "question_fragment"),
        ("The name of the element is?", "question_fragment"),
        ("Every curator keeps its own rows?", "question_fragment"),
        ("Question: What did Marie Curie discover?", "question_has_template"),
        ("What did Marie Curie discover in {year}?", "question_has_template"),
        ("What does the passage say about Curie?", "question_about_text"),
        ("According to the text, who found it?", "question_about_text"),
        ("Based on the given article, who found polonium?", "question_about_text"),
        ("What did Curie do in this study?", "question_about_text"),
        ("What does the author say about polonium?", "question_about_text"),
        ("In what year did she discover it?", "question_points_outside"),
        ("What made her known all over the world?", "question_points_outside"),
        ("When was this element found in Paris?", "question_points_outside"),
        ("Which country does its name stand for?", "question_points_outside"),
        ("What did Marie Curie name after the?", "question_cut_off"),
        ("What country was?", "question_cut_off"),
    ],
)
def test_what_is_no_good_question_is_rejected_with_its_reason(question, reason):
    assert reason in reasons(question)


def test_a_passage_about_passages_may_be_asked_about_the_passage():
    text = "The passage between the islands is narrow. Ships take the passage at high tide."
    assert reasons("When do ships take the passage?", "At high tide.", text) == ()
    asked = "According to the passage, when is the tide high?"
    assert reasons(asked, "At high tide.", text) == ("question_about_text",)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("In which city, Paris or not, was it found?", "Paris"),
        ("What happened in 1898?", "1898."),
        ("Who discovered polonium in 1898 in Paris?", "Polonium was discovered in Paris in 1898."),
        (
            "Is it true that the discovery made her known all over the world?",
            "The discovery made her known all over the world for many years to come.",
        ),
    ],
)
def test_an_answer_in_the_question_is_leaked(question, answer):
    assert "answer_leaked" in reasons(question, answer)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What element did Marie Curie discover?", "Marie Curie discovered polonium in 1898."),
        ("Is there no other name for polonium?", "No."),
        ("Where was Marie Curie born exactly?", "Curie was born in Poland."),
    ],
)
def test_words_in_common_alone_leak_nothing(question, answer):
    assert reasons(question, answer) == ()


@pytest.mark.parametrize(
    "answer",
    [
        "I don't know.",
        "I'm sorry, but I cannot answer this question.",
        "As an AI language model, I have no opinion.",
        "The passage does not mention this.",
        "This is not stated in the text.",
        "There is no information about the country.",
        "Not specified",
        "N/A",
        "It cannot be determined from the context.",
    ],
)
def test_an_answer_that_says_nothing_is_rejected(answer):
    assert "answer_missing" in reasons("Why did Marie Curie choose that name?", answer)


def test_what_the_passage_itself_does_not_know_is_an_answer():
    text = "The age of the bridge is not known. It cannot be determined from the stones."
    asked = "What tells the age of the bridge?"
    assert reasons(asked, "It cannot be determined from the stones.", text) == ()


@pytest.mark.parametrize(
    "answer",
    [
        "Marie Curie discovered polonium in 1899 in Paris.",
        "Marie Curie discovered polonium in 1898 in London.",
    ],
)
def test_numbers_and_names_that_the_passage_does_not_have_are_not_borne_out(answer):
    assert "answer_ungrounded" in reasons("What is polonium?", answer)


def test_numbers_are_the_same_with_and_without_commas_and_names_may_be_in_the_headings():
    text = "It cost 1200 dollars to build."
    assert "answer_ungrounded" not in reasons("What is it?", "The bridge cost 1,200 dollars.", text)
    verdict = check(
        "Who paid?", "The bridge of Kirkwall cost 1200 dollars.", text, headings="Kirkwall"
    )
    assert "answer_ungrounded" not in verdict.reasons


@pytest.mark.parametrize(
    ("answer", "denied"),
    [
        ("Marie Curie did not discover polonium in 1898 in Paris.", True),
        ("It is not true that the discovery made her known all over the world.", True),
        ("Marie Curie discovered polonium in 1898 in Paris.", False),
        ("Nobody but Curie could have named the element.", False),
    ],
)
def test_a_claim_with_one_not_more_is_denied(answer, denied):
    assert ("answer_denied" in reasons("What did Curie do in Paris?", answer)) == denied


def test_what_a_model_found_counts_and_what_it_did_not_look_for_does_not():
    def judged(**given):
        return check("Why did Marie Curie choose that name?", ANSWER, TEXT, given=given).reasons

    assert judged(round_trip=0.9, grounding_similarity=0.7) == ()
    assert judged(round_trip=0.4) == ("round_trip_failed",)
    assert judged(grounding_similarity=0.3) == ("answer_ungrounded",)
    assert judged() == ()


@pytest.mark.parametrize("answer", ["", "  ", "..."])
def test_an_empty_answer_is_rejected(answer):
    assert "answer_empty" in reasons("Why did Marie Curie choose that name?", answer)


def test_a_copied_question_is_rejected():
    assert "question_copied" in reasons("Marie Curie discovered polonium in 1898 in Paris?")
    assert "question_copied" in reasons("She called the new element polonium?")
    assert "question_copied" not in reasons("Which country of her birth did she name it after?")


def test_scores_are_kept_for_good_questions_too():
    verdict = check("In what year did Curie discover polonium?", ANSWER, TEXT)
    assert verdict.reasons == ()
    assert set(verdict.scores) == {
        "question_words",
        "answer_words",
        "answer_leaked",
        "question_copied",
        "grounding_words",
    }
    assert verdict.scores["question_words"] == 7
    assert 0 < verdict.scores["answer_leaked"] < 0.5


def test_the_limits_are_settings():
    limits = CheckSettings(min_words=2, stands_alone=False)
    assert check("Who was she?", ANSWER, TEXT, limits).reasons == ()
    assert check("What does the passage say?", ANSWER, TEXT, limits).reasons == ()


def test_every_reason_can_be_given_at_once():
    assert set(reasons("of\nthe", "")) == {
        "question_not_a_question",
        "question_too_short",
        "question_not_one_line",
        "question_fragment",
        "question_cut_off",
        "answer_empty",
    }


def test_people_s_questions_pass():
    file = DATA / "squad" / "squad2-half-dev.json"
    if not file.is_file():
        pytest.skip(f"{file} is not here; set GRISTMILL_DATA to the folder that holds squad/")
    found: list[tuple[str, ...]] = [
        check(asked["question"], asked["answers"][0]["text"], paragraph["context"]).reasons
        for article in json.loads(file.read_text())["data"]
        for paragraph in article["paragraphs"]
        for asked in paragraph["qas"]
        if asked["answers"] and asked["question"].strip().endswith("?")
    ]
    assert len(found) > 2000
    leaked = sum("answer_leaked" in some for some in found) / len(found)
    assert 0.003 < leaked < 0.012  # FACTS: 0.4 to 1.2%
    leaning = sum("question_points_outside" in some for some in found) / len(found)
    assert leaning < 0.04  # read one by one, nearly all of them do
    others = sum(bool(set(some) - {"question_points_outside"}) for some in found) / len(found)
    assert others < 0.025
