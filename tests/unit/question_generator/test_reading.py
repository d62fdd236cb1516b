from __future__ import annotations

import numpy as np
import pytest

from services.question_generator.reading import read
from shared.embedding.fake import FakeEmbedder
from shared.embedding.packing import packed, unpacked
from shared.generation.fake import FakeGenerator

PASSAGE = (
    "The lighthouse stands on a rock in the north. It was built in 1811 by Robert Stevenson. "
    "Supplies come once a month by boat."
)
EMBEDDER = FakeEmbedder(256)


async def scores(question: str, answer: str, generator=None, passage: str = PASSAGE):
    (reading,) = await read([question], answer, passage, EMBEDDER, generator)
    return reading.scores


async def test_the_sentence_that_the_question_asks_for_is_found_again():
    found = await scores("Who built it in 1811?", "It was built in 1811 by Robert Stevenson.")
    assert found["round_trip"] == found["round_trip_f1"] == 1
    assert found["round_trip_similarity"] == pytest.approx(1, abs=1e-3)
    assert found["grounding_similarity"] == pytest.approx(1, abs=1e-3)


async def test_a_true_answer_to_another_question_is_not():
    found = await scores("Who built it in 1811?", "Supplies come once a month by boat.")
    assert found["round_trip"] < 0.6
    assert found["round_trip_f1"] == 0
    assert found["grounding_similarity"] == pytest.approx(1, abs=1e-3)


async def test_an_answer_of_a_few_words_is_found_in_its_sentence():
    assert (await scores("Who built it in 1811?", "Robert Stevenson"))["round_trip"] == 1


async def test_what_a_sentence_before_tells_helps_to_find_the_one_meant():
    named, meant, other = "The tower is old.", "It was built in 1811.", "Boats come in May."
    near, far = [
        await scores("When was the tower built?", meant, passage=" ".join(order))
        for order in ((named, meant, other), (meant, other, named))
    ]
    assert near["round_trip"] > far["round_trip"]


async def test_of_several_sentences_the_one_farthest_from_the_passage_counts():
    one = "It was built in 1811 by Robert Stevenson."
    both = await scores("Who built it?", f"{one} Penguins nest below its kitchen window.")
    assert both["grounding_similarity"] < 0.5


async def test_a_model_may_be_the_reader():
    reader = FakeGenerator(lambda request: ["Robert Stevenson built it."])
    found = await scores("Who built it?", "It was built in 1811 by Robert Stevenson.", reader)
    assert found["round_trip"] == 1
    assert reader.requests[0].fields == {"question": "Who built it?"}
    wrong = FakeGenerator(lambda request: ["A monthly boat."])
    found = await scores("Who built it?", "It was built in 1811 by Robert Stevenson.", wrong)
    assert found["round_trip"] < 0.5


@pytest.mark.parametrize("passage", ["...", "\n", "x"])
async def test_a_passage_without_words_bears_nothing_out(passage):
    found = await scores("Who built the lighthouse?", "Robert Stevenson.", passage=passage)
    assert found["round_trip"] < 0.1


async def test_each_question_is_read_and_keeps_its_embedding():
    questions = ["Who built it in 1811?", "How often do supplies come by boat?"]
    first, second = await read(questions, "Supplies come once a month.", PASSAGE, EMBEDDER)
    assert second.scores["round_trip"] > first.scores["round_trip"]
    assert float(unpacked(second.vector) @ (await EMBEDDER.embed(questions))[1]) > 0.99


def test_a_packed_vector_keeps_its_direction():
    vector = np.random.default_rng(1).standard_normal(384).astype(np.float32)
    back = unpacked(packed(vector))
    assert len(packed(vector)) == 512
    assert float(back @ vector / np.linalg.norm(vector)) > 0.999
    assert not unpacked(packed(np.zeros(4, np.float32))).any()
