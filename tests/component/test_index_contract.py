"""What every passage index promises, asked of each of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID, uuid4

import numpy as np
import pytest
from qdrant_client import AsyncQdrantClient

from shared import ids
from shared.embedding.fake import FakeEmbedder
from shared.errors import IndexInUse, IndexMismatch, IndexUnreachable
from shared.index.edge import EdgeIndex
from shared.index.fake import FakeIndex
from shared.index.opening import open_index
from shared.index.port import Hit, IndexedPassage, PassageIndex, QueryInvalid
from shared.index.server import ServerIndex

EMBEDDER = FakeEmbedder()
MODEL = {"model": EMBEDDER.model, "dimensions": EMBEDDER.dimensions}
BREAD, MOON = ids.document_id("bread.md"), ids.document_id("moon.md")


def passage(text: str, document: UUID = BREAD, sequence: str = "1") -> IndexedPassage:
    return IndexedPassage(
        passage_id=ids.passage_id(document, text),
        document_id=document,
        sequence=sequence,
        text=text,
        source_uri="bread.md" if document == BREAD else "moon.md",
        title="A title",
        heading_path=("Part", "Chapter"),
        char_start=3,
        char_end=3 + len(text),
        page=7,
    )


RYE = passage("Rye flour ferments quickly and makes a dense, sour loaf.")
OVEN = passage("The baker heats the oven until the stone floor is hot enough for baking.")
CRATER = passage("The crater Tycho is visible at full moon.", MOON)
TIDE = passage("The moon raises the tide twice a day.", MOON)
ALL = [RYE, OVEN, CRATER, TIDE]


pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")


@pytest.fixture(params=["fake", "edge", "client", "server"])
async def index(request, tmp_path):
    opened: PassageIndex
    client = None
    if request.param == "fake":
        opened = FakeIndex(EMBEDDER.dimensions)
    elif request.param == "edge":
        opened = EdgeIndex(tmp_path / "index", **MODEL)
    elif request.param == "client":  # the server adapter over qdrant-client's own engine
        opened = ServerIndex(AsyncQdrantClient(":memory:"), **MODEL)
    else:
        url = request.getfixturevalue("qdrant_url")
        client = AsyncQdrantClient(url=url, check_compatibility=False)
        opened = ServerIndex(client, **MODEL, collection=f"test-{uuid4()}")
    yield opened
    if client is not None:
        await client.delete_collection(opened._collection)
    await opened.close()


async def fill(index: PassageIndex, passages: list[IndexedPassage]) -> None:
    await index.upsert(passages, await EMBEDDER.embed([p.searched_text for p in passages]))


async def find(index: PassageIndex, query: str, k: int = 3, documents=()) -> list[Hit]:
    return await index.search(query, await EMBEDDER.embed([query]), k, documents)


async def test_a_rare_word_finds_its_passage(index):
    await fill(index, ALL)
    hits = await find(index, "Tycho")
    assert hits[0].passage_id == CRATER.passage_id


async def test_a_paraphrase_finds_its_passage(index):
    await fill(index, ALL)
    hits = await find(index, "bakers, stones, floors")  # in other forms there
    assert hits[0].passage_id == OVEN.passage_id


async def test_a_hit_carries_where_it_is_from(index):
    await fill(index, ALL)
    (hit,) = await find(index, "rye flour", k=1)
    assert hit.score == pytest.approx(1.0)  # first by meaning and by words
    shown = hit.model_dump(mode="json")
    shown.pop("score")
    assert shown == {
        "text": RYE.text,
        "source_uri": "bread.md",
        "title": "A title",
        "heading_path": ["Part", "Chapter"],
        "char_start": 3,
        "char_end": 3 + len(RYE.text),
        "passage_id": str(RYE.passage_id),
        "document_id": str(BREAD),
    }


async def test_the_best_comes_first(index):
    await fill(index, ALL)
    scores = [hit.score for hit in await find(index, "the moon and the tide", k=4)]
    assert scores == sorted(scores, reverse=True)


async def test_every_incarnation_of_a_document_is_told(index, monkeypatch):
    for module in ("edge", "server"):  # more of them than are read at once
        monkeypatch.setattr(f"shared.index.{module}.SCROLLED", 1)
    again = passage(RYE.text, sequence="2")
    await fill(index, [*ALL, again])
    assert await index.stays(BREAD) == {
        (RYE.passage_id, "1"),
        (RYE.passage_id, "2"),
        (OVEN.passage_id, "1"),
    }
    assert await index.stays(ids.document_id("nowhere.md")) == set()


async def test_a_search_can_be_kept_to_some_documents(index):
    await fill(index, ALL)
    assert {h.document_id for h in await find(index, "the moon", 10, [BREAD])} == {BREAD}
    assert len(await find(index, "the moon", 10, [BREAD, MOON])) == 4
    assert await find(index, "the moon", 10, [uuid4()]) == []


async def test_k_is_respected_and_may_be_more_than_there_is(index):
    await fill(index, ALL)
    assert len(await find(index, "the baker", k=1)) == 1
    assert len(await find(index, "the baker", k=3)) == 3
    assert len(await find(index, "the baker", k=500)) == 4


@pytest.mark.parametrize("k", [0, -1])
async def test_a_k_that_is_not_positive_is_refused(index, k):
    await fill(index, ALL)
    with pytest.raises(QueryInvalid, match="at least one"):
        await find(index, "the baker", k=k)


@pytest.mark.parametrize("query", ["", " \n\t"])
async def test_an_empty_query_is_refused(index, query):
    with pytest.raises(QueryInvalid, match="empty"):
        await find(index, query)


async def test_a_query_of_stop_words_only_still_answers(index):
    await fill(index, ALL)
    assert len(await find(index, "the of and", k=2)) == 2


async def test_an_empty_index_finds_nothing(index):
    assert await find(index, "anything") == []
    assert await index.count() == 0


async def test_upserting_twice_is_upserting_once(index):
    await fill(index, ALL)
    await fill(index, ALL)
    assert await index.count() == 4
    assert len(await find(index, "the moon", k=10)) == 4


async def test_upserting_nothing_is_fine(index):
    await fill(index, [])
    assert await index.count() == 0


async def test_removing_takes_exactly_one_incarnation(index):
    again = passage(RYE.text, sequence="2")
    await fill(index, [*ALL, again])
    await index.remove(RYE.passage_id, "1")
    await index.remove(RYE.passage_id, "1")
    await index.remove(uuid4(), "1")
    assert await index.count() == 4
    assert (await find(index, "rye flour"))[0].passage_id == RYE.passage_id
    await index.remove(RYE.passage_id, "2")
    assert RYE.passage_id not in {hit.passage_id for hit in await find(index, "rye flour", k=10)}


async def test_vectors_of_another_length_are_refused(index):
    with pytest.raises(IndexMismatch, match="64"):
        await index.upsert([RYE], np.ones((1, 3), dtype=np.float32))
    with pytest.raises(IndexMismatch, match="64"):
        await index.search("rye", np.ones(3, dtype=np.float32), 1)


async def test_a_text_without_words_can_be_indexed(index):
    await fill(index, [passage("the of and")])
    assert await index.count() == 1


async def test_all_adapters_rank_alike(tmp_path):
    edge = EdgeIndex(tmp_path / "index", **MODEL)
    client = ServerIndex(AsyncQdrantClient(":memory:"), **MODEL)
    colours = ["red", "green", "blue", "grey", "brown", "black", "white", "pink", "gold"]
    many = [passage(f"{p.text} A {c} picture of it hangs {c}ly.") for c in colours for p in ALL]
    rankings = []
    for index in (edge, client):
        await fill(index, many)
        hits = await find(index, "which crater on the blue picture is visible at full moon", k=5)
        rankings.append((hits[0].text, hits[0].score))
        await index.close()
    assert rankings[0] == rankings[1]


# Those that keep what they hold


@pytest.fixture(params=["edge", "server"])
async def reopen(request, tmp_path) -> AsyncIterator[Callable[[], Awaitable[PassageIndex]]]:
    """Closes the index, where it is open, and opens it again."""
    location, collection = str(tmp_path / "index"), f"test-{uuid4()}"
    if request.param == "server":
        location = request.getfixturevalue("qdrant_url")
    opened: list[PassageIndex] = []

    async def reopen() -> PassageIndex:
        while opened:
            await opened.pop().close()
        opened.append(await open_index(location, EMBEDDER, collection=collection))
        return opened[0]

    yield reopen
    if request.param == "server":
        client = AsyncQdrantClient(url=location, check_compatibility=False)
        await client.delete_collection(collection)
        await client.close()
    for index in opened:
        await index.close()


async def test_what_was_put_in_and_taken_out_is_so_when_the_index_is_opened_again(reopen):
    index = await reopen()
    await fill(index, ALL)
    await index.remove(TIDE.passage_id, "1")
    index = await reopen()
    assert await index.count() == 3
    assert (await find(index, "Tycho"))[0].text == CRATER.text
    assert TIDE.passage_id not in {hit.passage_id for hit in await find(index, "tide", k=10)}


async def test_ten_thousand_passages_are_held_searched_kept_apart_and_taken_out(reopen):
    index = await reopen()
    documents = [ids.document_id(f"{number}.md") for number in range(100)]
    many = [
        passage(f"Entry {n} tells of {n:04}item of the store.", documents[n % 100])
        for n in range(10_000)
    ]
    await fill(index, many)
    await fill(index, many[:500])
    assert await index.count() == 10_000
    assert (await find(index, "7531item"))[0].passage_id == many[7531].passage_id
    own = await find(index, "an entry about an item", 1000, [documents[31]])
    assert {hit.passage_id for hit in own} == {p.passage_id for p in many[31::100]}
    await index.remove(many[7531].passage_id, "1")
    index = await reopen()
    assert await index.count() == 9_999
    assert many[7531].passage_id not in {h.passage_id for h in await find(index, "7531item", 50)}


# Qdrant Edge


OPENER = """
import sys, pathlib
from shared.index.edge import EdgeIndex
EdgeIndex(pathlib.Path(sys.argv[1]), model=sys.argv[2], dimensions=64)
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


async def test_a_second_process_is_told_that_the_index_is_in_use(tmp_path):
    index = EdgeIndex(tmp_path, **MODEL)
    second = run(OPENER, str(tmp_path), EMBEDDER.model)
    assert "IndexInUse" in second.stderr
    assert "Stop the Gristmill" in second.stderr
    with pytest.raises(IndexInUse):
        EdgeIndex(tmp_path, **MODEL)
    await index.close()
    third = run(OPENER, str(tmp_path), EMBEDDER.model)
    assert third.returncode == 0, third.stderr


async def test_another_model_or_length_is_refused_and_the_index_stays_usable(tmp_path):
    await EdgeIndex(tmp_path, **MODEL).close()
    with pytest.raises(IndexMismatch, match="delete"):
        EdgeIndex(tmp_path, model="another", dimensions=64)
    with pytest.raises(IndexMismatch, match="32"):
        EdgeIndex(tmp_path, model=EMBEDDER.model, dimensions=32)
    await EdgeIndex(tmp_path, **MODEL).close()


WRITER = """
import asyncio, os, pathlib, signal, sys
import tests.component.test_index_contract as t
async def main():
    index = t.EdgeIndex(pathlib.Path(sys.argv[1]), **t.MODEL)
    await t.fill(index, t.ALL)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


async def test_what_was_upserted_survives_a_kill(tmp_path):
    killed = run(WRITER, str(tmp_path))
    assert killed.returncode == -9, killed.stderr
    index = EdgeIndex(tmp_path, **MODEL)
    assert await index.count() == 4
    await index.close()


@pytest.mark.parametrize("left_behind", ["empty", "meta", "shard"])
async def test_a_creation_that_was_killed_half_way_is_begun_again(tmp_path, left_behind):
    partial = tmp_path / "index.partial"
    partial.mkdir()
    if left_behind != "empty":
        (partial / "meta.json").write_text('{"mod')
    if left_behind == "shard":
        await EdgeIndex(tmp_path / "other", **MODEL).close()
        (tmp_path / "other" / "index" / "shard").rename(partial / "shard")
    index = EdgeIndex(tmp_path, **MODEL)
    await fill(index, ALL)
    assert await index.count() == 4
    await index.close()


async def test_a_closed_edge_index_says_so(tmp_path):
    index = EdgeIndex(tmp_path, **MODEL)
    await index.close()
    await index.close()
    with pytest.raises(RuntimeError, match="closed"):
        await index.count()


# Qdrant server


async def test_another_model_is_refused_by_the_server_adapter():
    client = AsyncQdrantClient(":memory:")
    await fill(ServerIndex(client, **MODEL), ALL)
    with pytest.raises(IndexMismatch, match="another collection name"):
        await ServerIndex(client, model="another", dimensions=64).count()
    with pytest.raises(IndexMismatch, match="64 dimensions"):
        await ServerIndex(client, model=EMBEDDER.model, dimensions=32).count()


async def test_a_server_that_does_not_answer_is_a_retryable_error():
    client = AsyncQdrantClient(url="http://127.0.0.1:1", check_compatibility=False)
    index = ServerIndex(client, **MODEL)
    with pytest.raises(IndexUnreachable, match="running"):
        await fill(index, ALL)
    assert IndexUnreachable.retryable
    await index.close()


async def test_a_location_is_a_folder_or_a_server_s_address(tmp_path):
    edge = await open_index(str(tmp_path / "index"), EMBEDDER)
    server = await open_index("http://127.0.0.1:1", EMBEDDER)
    assert isinstance(edge, EdgeIndex)
    assert isinstance(server, ServerIndex)
    await edge.close()
    await server.close()
