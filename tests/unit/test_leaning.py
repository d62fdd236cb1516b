from __future__ import annotations

import pytest

from shared.leaning import points_outside, text_spoken_of


@pytest.mark.parametrize(
    ("text", "spoken_of"),
    [
        ("According to the passage, why is it so?", "According to the passage"),
        ("What does the given text say?", "given text"),
        ("The author argues that it is so.", "The author argues"),
        ("Which of the following is a bird?", "of the following"),
        ("What is shown in this study?", "this study"),
    ],
)
def test_what_speaks_of_its_text_is_noticed(text, spoken_of):
    assert spoken_of in text_spoken_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "Who is the author of Dracula?",
        "What does the Treaty of Rome say?",
        "When was the document signed in Paris?",
        "Which article of the constitution protects the press?",
        "What is the text of the anthem based on?",
    ],
)
def test_texts_that_have_a_name_may_be_spoken_of(text):
    assert text_spoken_of(text) == ""


@pytest.mark.parametrize(
    "question",
    [
        "Where did he begin teaching?",
        "What did it found in 1900?",
        "What industry was centered in it?",
        "When was this edict declared?",
        "How many of those cities fell?",
        "What award was given to her?",
        "Why did they raise the price of oil?",
    ],
)
def test_a_pronoun_for_nothing_named_points_outside(question):
    assert points_outside(question)


@pytest.mark.parametrize(
    "question",
    [
        "Where did Nikola Tesla say he began teaching?",
        "Why do dogs wag their tails?",
        "How long does it take to build a ship?",
        "Why is it important to sleep?",
        "Is it true that water boils at 100 degrees?",
        "What makes it easy to find a needle?",
        "Who are those responsible for the valley?",
        "If P equals NP, what effect would this have?",
        "What did the queen say when she came back?",
        "What does a cell do before it divides?",
    ],
)
def test_a_pronoun_for_something_named_does_not(question):
    assert not points_outside(question)
