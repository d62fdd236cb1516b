import dataclasses

import pytest

from services.question_generator.prompts import QUESTION
from services.summarizer.prompts import SUMMARY
from shared.errors import GenerationFailed
from shared.generation.fake import FakeGenerator
from shared.generation.port import GenerationRequest


async def test_the_fake_gives_the_same_again_and_different_for_different_passages():
    fake = FakeGenerator()
    prompt = dataclasses.replace(QUESTION, candidates=3)
    one = await fake.generate(GenerationRequest(prompt, "Engines run models. They batch."))
    assert one == await fake.generate(GenerationRequest(prompt, "Engines run models. They batch."))
    assert one != await fake.generate(GenerationRequest(prompt, "Streams hold messages."))
    assert len(one) == 3
    assert len(fake.requests) == 3


async def test_the_fake_fails_where_told():
    fake = FakeGenerator(fail_on="poison")
    assert await fake.generate(GenerationRequest(SUMMARY, "Good. Text.")) == ["Good."]
    with pytest.raises(GenerationFailed, match="poison"):
        await fake.generate(GenerationRequest(SUMMARY, "poison"))
