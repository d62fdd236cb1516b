from collections.abc import Sequence
from uuid import uuid4

import numpy as np
import pytest

from services.question_generator.ask import ask, maker
from services.question_generator.fitness import clean
from services.question_generator.handlers import QuestionGenerator
from services.question_generator.settings import QuestionSettings
from shared.errors import GenerationFailed
from shared.generation.fake import FakeGenerator
from shared.messages import Maker, Passage, PassageSummarized, Source

PASSAGE = (
    "The curator keeps rejected rows with their reasons, because people review them. "
    "A verdict outlives a second run of the Gristmill pipeline in 2025."
)
SUMMARY = "The curator keeps rejected rows with their reasons, because people review them."


class WordEmbedder:
    """Texts that share words are near."""

    model = "words"
    dimensions = 64

    async def embed(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().replace("?", "").replace(".", "").split():
                vectors[row, sum(word.encode()) % self.dimensions] += 1
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    async def close(self) -> None:
        pass


async def _best(*candidates: str, embedder=None) -> str:
    fake = FakeGenerator(lambda request: list(candidates))
    return await ask(PASSAGE, SUMMARY, fake, embedder, title="Curator")


GOOD = "Why does the curator keep the rejected rows?"


@pytest.mark.parametrize(
    "bad",
    [
        "What is the main topic?",
        "What does the passage say about rejected rows?",
        "Which of the following is a curator of rejected rows?",
        "What is it?",
        "The curator keeps rejected rows with their reasons, because people review them?",
        "Who was the first to build a lighthouse on the reef?",
        "Why did Napoleon keep the rejected rows?",
        "How many rejected rows with reasons does the curator keep?",
        "Is it the curator of rejected rows?",
        "The curator keeps its rejected rows for the people who review them?",
        "The curator keeps the rejected rows why?",
        "rejected rows",
        "Curator?",
    ],
)
@pytest.mark.parametrize("embedder", [None, WordEmbedder()])
async def test_bad_questions_lose(bad, embedder):
    assert await _best(bad, GOOD, embedder=embedder) == GOOD


async def test_the_candidate_nearest_to_passage_and_answer_wins():
    far = "How do people work with a pipeline?"
    assert await _best(far, GOOD, embedder=WordEmbedder()) == GOOD


async def test_what_a_local_model_finds_likelier_wins_among_equals():
    pair = ("How does the curator keep rows?", "Why does the curator keep rows?")
    assert await _best(*pair) == pair[0]
    assert await _best(*pair[::-1]) == pair[1]
    assert await _best("What is it?", *pair) == pair[0]


async def test_an_endpoint_s_candidates_have_no_order():
    fake = FakeGenerator(lambda request: ["Is the curator keeping rows?", "Who reviews?", GOOD])
    fake.kind = "endpoint"
    assert await ask(PASSAGE, SUMMARY, fake, None, title="Curator") == GOOD


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("Question: why  is it so?", "Why is it so?"),
        ("1. How?", "How?"),
        ('"Who asks?"', "Who asks?"),
        ("Sure!\nWhat is a stream?\nAnswer: a log", "What is a stream?"),
        ("It was late. When was it late? I wonder.", "When was it late?"),
        ("Here is one: What is a stream?", "What is a stream?"),
        ("In Dune: Part Two, who rides the St. Lawrence?",) * 2,
        ("No question here.", ""),
        ("", ""),
    ],
)
def test_a_question_is_one_line_that_ends_with_its_mark(raw, cleaned):
    assert clean(raw) == cleaned


async def test_a_question_is_asked_for_each_part_that_was_summarised():
    fake = FakeGenerator(
        lambda request: [f"Why does {request.fields['summary'].split()[1]} do so?"]
    )
    generator = QuestionGenerator(fake, WordEmbedder(), QuestionSettings())
    other = "A verdict outlives a second run."
    asked = await generator.on_summarized(
        PassageSummarized(
            source=Source(
                document_id=uuid4(),
                uri="file:///curator.md",
                title="Curator",
                revision="a" * 64,
                text_blob="b" * 64,
                sequence="001718000000000-000003",
            ),
            passage=Passage(passage_id=uuid4(), text=PASSAGE, char_start=0, char_end=len(PASSAGE)),
            summary=SUMMARY,
            summary_maker=Maker(model="fake", prompt="", decoding=""),
            others=[other],
        )
    )
    assert [(each.ordinal, each.total, each.summary) for each in asked] == [
        (0, 2, SUMMARY),
        (1, 2, other),
    ]
    assert [each.question for each in asked] == [
        "Why does curator do so?",
        "Why does verdict do so?",
    ]
    assert len({each.example_id for each in asked}) == 2


async def test_nothing_that_is_a_question_is_an_error():
    with pytest.raises(GenerationFailed, match="no question"):
        await _best("A statement.", "Another.")


async def test_a_tuned_model_is_asked_without_worked_examples():
    fake = FakeGenerator()
    fake.tuned = True
    await ask(PASSAGE, SUMMARY, fake)
    (asked,) = fake.requests
    assert asked.prompt.completion.startswith("Passage: {passage}")


async def test_a_small_causal_model_is_asked_in_two_ways_and_others_in_one():
    fake = FakeGenerator()
    await ask(PASSAGE, SUMMARY, fake)
    assert [each.prompt.name for each in fake.requests] == ["question", "question-of-answer"]
    fake = FakeGenerator()
    fake.kind = "seq2seq"
    await ask(PASSAGE, SUMMARY, fake)
    assert len(fake.requests) == 1
    assert "{summary}" in fake.requests[0].prompt.seq2seq


def test_the_maker_changes_with_what_changes_the_text():
    fake, embedder = FakeGenerator(), WordEmbedder()
    makers = [
        maker(fake),
        maker(fake, embedder),
        maker(fake, embedder, QuestionSettings(answer_weight=2)),
    ]
    assert len({each.fingerprint for each in makers}) == 3
    assert maker(fake, embedder) == maker(fake, embedder)
