"""Scores against what is known of them: SQuAD's rules, rouge-score's own numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from services.trainer.data import Item
from services.trainer.scores import per_item, score
from shared.answering.port import Query, Task

FREE = Task()
MOOD = Task(("negative", "neutral", "positive"))


def item(*answers: str) -> Item:
    return Item("0" * 16, Query("What?"), answers, "g")


def one(right: str | tuple[str, ...], answer: str) -> dict[str, float]:
    answers = (right,) if isinstance(right, str) else right
    return score(FREE, [item(*answers)], [answer])


@pytest.mark.parametrize(
    ("right", "answer", "exact", "f1"),
    [
        ("The Eiffel Tower", "eiffel  tower!", 1, 1),
        ("the cat sat", "a dog sat", 0, 0.5),
        ("cat cat dog", "cat", 0, 0.5),
        ("Poland", "", 0, 0),
        ("Poland", "...", 0, 0),
        ("the", "a", 1, 1),  # nothing is left of either
        (("1898", "in the year 1898"), "in year 1898", 1, 1),
        (("cold", "very cold indeed"), "very cold", 0, 0.8),
        ("\u041c\u043e\u0441\u043a\u0432\u0430", "\u043c\u043e\u0441\u043a\u0432\u0430.", 1, 1),
        ("\u6771\u4eac\u90fd", "\u6771\u4eac", 0, 0.8),
    ],
)
def test_exact_match_and_f1_follow_squad(right, answer, exact, f1):
    scores = one(right, answer)
    assert scores["exact_match"] == exact
    assert scores["f1"] == pytest.approx(f1)
    assert set(scores) == {"exact_match", "f1", "rouge_l"}


@settings(max_examples=150, deadline=None)
@given(*(st.text(st.characters(max_codepoint=127), max_size=60) for _ in range(2)))
def test_rouge_l_of_english_is_rouge_scores_own(right, answer):
    own = RougeScorer(["rougeL"], use_stemmer=True).score(right, answer)["rougeL"].fmeasure
    assert one(right, answer)["rouge_l"] == pytest.approx(own)


def test_rouge_l_stems_english_and_sees_other_alphabets():
    assert one("running quickly", "runs quickly")["rouge_l"] == 1
    moscow = "\u0433\u043e\u0440\u043e\u0434 \u041c\u043e\u0441\u043a\u0432\u0430"
    assert one(moscow, moscow.upper())["rouge_l"] == 1
    assert one(moscow, moscow.split()[1])["rouge_l"] == pytest.approx(2 / 3)
    assert one("\u6771\u4eac\u90fd", "\u4eac\u90fd")["rouge_l"] == pytest.approx(0.8)
    assert one("caf\u00e9 noir", "cafe noir")["rouge_l"] == 0.5
    assert one(("no", "yes indeed"), "yes")["rouge_l"] == pytest.approx(2 / 3)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=3).map(tuple),
    st.text(max_size=30),
)
def test_scores_of_any_text_are_between_0_and_1(right, answer):
    assert all(0 <= value <= 1 for value in one(right, answer).values())
    exact = one(right, right[0])
    assert exact["exact_match"] == exact["f1"] == 1


def test_similarity_is_the_best_cosine_and_embeds_each_text_once():
    vectors = {"a": (1.0, 0.0), "b": (0.6, 0.8), "c": (0.0, 1.0), "d": (-1.0, 0.0), "": (1.0, 0.0)}
    calls = []

    def embed(texts):
        calls.append(texts)
        return np.array([vectors[text] for text in texts])

    def similarity(items, answers):
        return score(FREE, items, answers, embed=embed)["similarity"]

    assert similarity([item("a"), item("a", "c")], ["b", "b"]) == pytest.approx((0.6 + 0.8) / 2)
    assert sorted(calls[0]) == ["a", "b", "c"]
    assert similarity([item("a")], ["d"]) == 0
    assert similarity([item("a")], [""]) == 0


def test_likelihood_is_the_mean_where_it_is_given():
    items = [item("a"), item("b")]
    assert score(FREE, items, ["a", "c"], nll=[1.0, 2.0])["nll"] == 1.5
    assert "nll" not in score(FREE, items, ["a", "c"], nll=None)
    assert score(MOOD, [item("positive")], ["positive"], nll=[0.25])["nll"] == 0.25


def test_labels_are_scored_by_accuracy_and_macro_f1():
    items = [item(label) for label in ("positive", "positive", "positive", "negative")]
    answers = ["positive", " Positive", "neutral", "no idea"]
    scores = score(MOOD, items, answers)
    assert scores["accuracy"] == 0.5
    assert scores["macro_f1"] == pytest.approx((0.8 + 0) / 2)  # neutral does not occur
    assert set(scores) == {"accuracy", "macro_f1"}
    assert score(MOOD, items, ["positive"] * 4)["macro_f1"] == pytest.approx(6 / 7 / 2)


def test_a_label_that_differs_in_case_only_is_itself():
    task = Task(("A", "a"))
    assert per_item(task, [item("A"), item("a")], ["A", "a"]) == [1, 1]
    assert per_item(task, [item("A"), item("a")], ["a", "A"]) == [0, 0]


def test_the_main_score_of_each_item_makes_the_mean():
    items, answers = [item("the cat sat"), item("dog")], ["a dog sat", "dog"]
    assert per_item(FREE, items, answers) == [0.5, 1]
    assert score(FREE, items, answers)["f1"] == 0.75
    assert per_item(MOOD, [item("neutral")], ["positive"]) == [0]


def test_each_item_needs_one_answer():
    with pytest.raises(ValueError, match="shorter"):
        score(FREE, [item("a"), item("b")], ["a"])
