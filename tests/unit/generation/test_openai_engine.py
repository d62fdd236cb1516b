"""Against a stub of an OpenAI-compatible server on a real socket."""

import json
import logging

import pytest
from pydantic import SecretStr

from shared.errors import EndpointRefused, EndpointUnreachable, GenerationFailed
from shared.generation.engines import open_generator
from shared.generation.port import ChatMessage, GenerationRequest, Prompt
from shared.generation.settings import GenerationSettings
from shared.telemetry import REGISTRY
from tests.unit.stub import Stub

PROMPT = Prompt("question", (ChatMessage("user", "Ask about: {passage}"),), "", "")
KEY = "sk-very-secret"


def _open(stub: Stub, **settings):
    settings = GenerationSettings(api_key=SecretStr(KEY), **settings)
    return open_generator(f"openai:{stub.url}#llama", settings=settings)


async def test_a_request_becomes_a_chat_completion(stub):
    generator = _open(stub)
    assert await generator.generate(GenerationRequest(PROMPT, "engines")) == ["Why?"]
    path, key, body = stub.asked[0]
    assert path == "/v1/chat/completions"
    assert key == f"Bearer {KEY}"
    assert body["messages"] == [{"role": "user", "content": "Ask about: engines"}]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("llama", 0, 64)
    assert "n" not in body
    await generator.aclose()


async def test_several_candidates_are_sampled_with_the_requests_own_seed(stub):
    several = Prompt("question", PROMPT.chat, "", "", candidates=3)
    stub.body = stub.chat("Why?", "  ", "How?", "Why?")
    generator = _open(stub)
    assert await generator.generate(GenerationRequest(several, "engines")) == ["Why?", "How?"]
    await generator.generate(GenerationRequest(several, "engines"))
    await generator.generate(GenerationRequest(several, "streams"))
    seeds = [body["seed"] for _, _, body in stub.asked]
    assert seeds[0] == seeds[1] != seeds[2]
    assert stub.asked[0][2]["n"] == 3
    await generator.aclose()


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_a_busy_endpoint_is_worth_another_try(stub, status):
    stub.status = status
    with pytest.raises(EndpointUnreachable) as raised:
        await _open(stub).generate(GenerationRequest(PROMPT, "engines"))
    assert raised.value.retryable


async def test_an_endpoint_that_is_down_is_worth_another_try():
    generator = open_generator("openai:http://127.0.0.1:9/v1#llama")
    with pytest.raises(EndpointUnreachable, match="llama"):
        await generator.generate(GenerationRequest(PROMPT, "engines"))


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_a_refusal_is_final_and_does_not_tell_the_key(stub, status, caplog):
    caplog.set_level(logging.DEBUG)
    stub.status, stub.body = status, f"bad key {KEY}".encode()
    with pytest.raises(EndpointRefused) as raised:
        await _open(stub).generate(GenerationRequest(PROMPT, "engines"))
    assert not raised.value.retryable
    assert str(status) in str(raised.value)
    assert KEY not in str(raised.value) + caplog.text + repr(GenerationSettings(api_key=KEY))


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"choices": 3}', b"[]"])
async def test_an_answer_that_is_none_is_refused(stub, body):
    stub.body = body
    with pytest.raises(EndpointRefused):
        await _open(stub).generate(GenerationRequest(PROMPT, "engines"))


async def test_an_empty_answer_names_prompt_and_passage(stub):
    stub.body = json.dumps({"choices": [{"message": {"content": None}}]}).encode()
    with pytest.raises(GenerationFailed, match=r"question.*engines"):
        await _open(stub).generate(GenerationRequest(PROMPT, "engines"))


async def test_a_long_passage_is_shortened(stub):
    await _open(stub, max_input_tokens=64).generate(GenerationRequest(PROMPT, "word " * 500))
    assert len(stub.asked[0][2]["messages"][0]["content"]) < 64 * 3 + 3


@pytest.mark.parametrize("usage", [None, 7, {"prompt_tokens": "many"}])
async def test_tokens_are_counted_where_the_endpoint_tells_them(stub, usage):
    def counted(kind):
        labels = {"model": "llama", "kind": kind}
        return REGISTRY.get_sample_value("gristmill_tokens_total", labels) or 0

    before = counted("prompt"), counted("output")
    told = {"prompt_tokens": 90, "completion_tokens": 7}
    for said in (usage, told):
        stub.body = json.dumps({**json.loads(stub.chat("Why?")), "usage": said}).encode()
        await _open(stub).generate(GenerationRequest(PROMPT, "engines"))
    assert (counted("prompt") - before[0], counted("output") - before[1]) == (90, 7)
