from __future__ import annotations

import time

import pytest

from services.curator.duplicates import Asked


def duplicates(questions: list[str]) -> list[float]:
    asked, found = Asked(), []
    for question in questions:
        found.append(asked.likeness(question))
        if not found[-1]:
            asked.add(question)
    return found


def same(left: str, right: str) -> bool:
    return duplicates([left, right])[1] > 0


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Who founded the city of Rome?", "Who founded the city of Rome?"),
        ("Who founded the city of Rome?", "who  founded the city of Rome ?"),
        ("What colour is the sky?", "What color is the sky?"),
        ("What is the well-known rule?", "What is the well known rule?"),
        ("What is the capital of France?", "What was the capital of France?"),
        ("How do protons move in the field?", "How does a proton move in the field?"),
        ("What are the main causes of the war?", "What were main causes of the war?"),
    ],
)
def test_the_same_question_in_other_words_is_a_duplicate(left, right):
    assert same(left, right)
    assert same(right, left)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("What happened in Rome in 2019?", "What happened in Rome in 2020?"),
        ("How many people lived in 1,000 houses?", "How many people lived in 1,001 houses?"),
        ("Where was Nikola Tesla born?", "Where was Nikola Telsa Senior born?"),
        ("What did Anna give to Bert?", "What did Bert give to Carl?"),
        ("When was the tower built?", "Where was the tower built?"),
        ("What is the boiling point of water?", "What is the melting point of water?"),
        ("How does mitosis end in a cell?", "How does meiosis end in a cell?"),
        ("Why do prices increase in a crisis?", "Why do prices decrease in a crisis?"),
        ("Which animals can fly at night?", "Which animals can not fly at night?"),
        ("What does vitamin A do to the eye?", "What does vitamin B do to the eye?"),
        ("Is it version 3.5 that failed?", "Is it version 3.6 that failed?"),
        ("How fast is a program in C++?", "How fast is a program in C#?"),
        ("What happens to it at -5 degrees?", "What happens to it at 5 degrees?"),
        ("When does x > y hold for these?", "When does x < y hold for these?"),
        ("What was the first step of the plan?", "What was the second step of the plan?"),
    ],
)
def test_a_question_about_something_else_is_kept(left, right):
    assert not same(left, right)
    assert not same(right, left)


def test_only_what_stays_is_compared_with():
    found = duplicates(["Who founded Rome?", "Who founded Rome?", "Who founded Rome?"])
    assert found == [0, 1, 1]


def test_the_similarity_tells_words_from_near_words():
    exact, near = duplicates(
        ["What colour is the sky?", "What colour is the sky?", "What color is the sky?"]
    )[1:]
    assert exact == 1
    assert 0.85 <= near < 1


def test_ten_thousand_different_questions_stay_and_take_no_time():
    questions = [f"What happened in room {n} of the castle?" for n in range(10_000)]
    started = time.perf_counter()
    assert not any(duplicates(questions))
    assert time.perf_counter() - started < 10
