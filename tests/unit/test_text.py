import pytest

from shared.text import content, in_order, sentence_at, sentences, stem


def test_sentences_survive_abbreviations_numbers_and_quotes():
    text = 'Dr. J. Smith paid 3.5 million. He said "No." Then he left, e.g. by train. (Later.) End'
    assert sentences(text) == [
        "Dr. J. Smith paid 3.5 million.",
        'He said "No."',
        "Then he left, e.g. by train.",
        "(Later.)",
        "End",
    ]


def test_a_sentence_does_not_end_before_the_number_it_speaks_of():
    text = "It grew by c. 6%, on terraces (max. 6.5 m), as Mill et al. 2019 say. It ended."
    assert sentences(text) == [text.removesuffix(" It ended."), "It ended."]


def test_the_sentence_at_a_place_is_found_also_where_its_words_come_twice():
    text = "He was king. Then he was king again. It ended."
    start = text.rindex("king")
    assert sentence_at(text, start, start + 4) == "Then he was king again."
    assert sentence_at(text, 0, 2) == "He was king."
    assert sentence_at(text, start, len(text)) == ""


def test_list_items_are_sentences_and_wrapped_lines_are_not():
    text = "A list of\nthings:\n- the first\n  goes on\n- the second\n\nThe end."
    assert sentences(text) == ["A list of things:", "the first goes on", "the second", "The end."]


def test_nothing_has_no_sentences():
    assert sentences(" \n ") == []


@pytest.mark.parametrize("form", ["batch", "batches", "batched", "batching"])
def test_forms_of_a_word_meet(form):
    assert stem(form) == "batch"


def test_words_without_meaning_are_left_out():
    assert content("What is the name of the engine?") == ["name", "engine"]


def test_order_counts():
    assert in_order(["a", "b", "c"], ["a", "x", "b", "y", "c"]) == 1
    assert in_order(["c", "b", "a"], ["a", "b", "c"]) == pytest.approx(1 / 3)
