"""Seq2seq and causal models through one port, in both engines.

The models are tiny, with random weights, and made here. Greedy decoding in float32 has one right
answer, so the engines must agree to the letter.
"""

import asyncio
import dataclasses

import pytest

from shared.generation.engines import open_generator
from shared.generation.port import ChatMessage, GenerationRequest, Prompt
from shared.generation.settings import GenerationSettings
from shared.settings import PRESETS
from tests.tiny import llama, t5

PROMPT = Prompt(
    name="summary",
    chat=(ChatMessage("user", "summarize : {passage}"),),
    completion="text : a engine runs models .\nanswer : models .\n\ntext : {passage}\nanswer :",
    seq2seq="summarize : {passage}",
    max_new_tokens=12,
)
PASSAGES = [
    "the stream holds messages .",
    "the engine runs models . the index finds passages .",
    "a index finds passages . what finds the index ? how does the engine runs the stream ?",
]


@pytest.fixture(scope="module", params=["seq2seq", "causal"])
def folder(request, tmp_path_factory):
    """A model as `save_pretrained` writes it; its name says its kind."""
    path = tmp_path_factory.mktemp("models") / request.param
    model, tokenizer = (t5 if request.param == "seq2seq" else llama)()
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


async def _write(folder, cache, prompt, *, at_once=True, passages=PASSAGES, **settings):
    settings = GenerationSettings(cache_dir=cache, threads=2, batch_wait_seconds=0.2, **settings)
    generator = open_generator(str(folder), settings=settings)
    assert generator.kind == folder.name
    requests = [GenerationRequest(prompt, passage) for passage in passages]
    if at_once:
        texts = await asyncio.gather(*(generator.generate(each) for each in requests))
    else:
        texts = [await generator.generate(each) for each in requests]
    await generator.aclose()
    return texts


VARIANTS = {
    "plain": PROMPT,
    "alternatives": dataclasses.replace(PROMPT, candidates=3),
    "completion": dataclasses.replace(PROMPT, causal_form="completion", stop=("?",)),
    "completion alternatives": dataclasses.replace(
        PROMPT, causal_form="completion", stop=("?",), candidates=4
    ),
}


@pytest.mark.parametrize("prompt", VARIANTS.values(), ids=VARIANTS)
async def test_the_engines_write_the_same(folder, prompt):
    cache = folder.parent / "cache"
    ours = await _write(folder, cache, prompt, engine="ctranslate2", compute_type="float32")
    theirs = await _write(folder, cache, prompt, engine="transformers")
    assert ours == theirs
    assert all(1 <= len(each) <= prompt.candidates for each in ours)
    assert len({tuple(each) for each in ours}) > 1
    if prompt.stop and folder.name == "causal":
        assert not any("?" in text for each in ours for text in each)


@pytest.mark.parametrize("prompt", VARIANTS.values(), ids=VARIANTS)
async def test_a_padded_batch_as_on_a_gpu_writes_the_same(folder, monkeypatch, prompt):
    alone = await _write(folder, folder.parent, prompt, engine="transformers")
    from shared.generation.transformers_engine import TransformersGenerator

    sizes = []

    def together(self, requests):
        sizes.append(len(requests))
        return [list(range(len(requests)))]

    monkeypatch.setattr(TransformersGenerator, "_groups", together)
    batched = await _write(folder, folder.parent, prompt, engine="transformers")
    assert batched == alone
    assert max(sizes) == len(PASSAGES)


@pytest.mark.parametrize("compute_type", ["int8", "float32"])
async def test_a_text_does_not_depend_on_what_else_is_asked(folder, compute_type):
    cache = folder.parent / "cache"
    prompt = VARIANTS["completion alternatives"]
    many = PASSAGES * 3
    together = await _write(folder, cache, prompt, passages=many, compute_type=compute_type)
    alone = await _write(
        folder, cache, prompt, passages=PASSAGES, at_once=False, compute_type=compute_type
    )
    assert together == alone * 3


async def test_a_model_is_converted_once_and_a_broken_conversion_leaves_nothing(
    folder, tmp_path, monkeypatch
):
    from shared.generation import conversion

    def broken(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(conversion, "_run_converter", broken)
        with pytest.raises(KeyboardInterrupt):
            await asyncio.to_thread(_convert, folder, tmp_path)
    assert [each.name for each in tmp_path.iterdir() if each.is_dir()] == []
    first = await asyncio.to_thread(_convert, folder, tmp_path)
    monkeypatch.setattr(conversion, "_convert", broken)
    assert await asyncio.to_thread(_convert, folder, tmp_path) == first
    assert first.kind == folder.name


def _convert(folder, cache):
    from shared.generation.conversion import converted
    from shared.generation.references import Weights

    return converted(Weights(folder), "int8", cache)


async def test_a_long_passage_is_shortened_to_the_context(folder):
    cache = folder.parent / "cache"
    texts = await _write(folder, cache, PROMPT, passages=["the stream holds messages . " * 500])
    assert texts[0][0]


@pytest.mark.models
async def test_the_default_model_writes_a_question(tmp_path_factory):
    from services.question_generator.ask import ask

    cache = tmp_path_factory.getbasetemp() / "default-model"
    generator = open_generator(
        PRESETS["tiny"][1],
        settings=GenerationSettings(cache_dir=cache, engine="ctranslate2"),
    )
    passage = "Redis streams hold messages until every group has acknowledged them."
    found = await ask(passage, passage, generator, title="Redis streams")
    assert found.endswith("?")
    assert "stream" in found.lower() or "redis" in found.lower()
    await generator.aclose()
