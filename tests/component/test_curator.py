"""The curator's handlers over real tables, with a search that is made up."""

from __future__ import annotations

import contextlib
import hashlib
from uuid import UUID

import pytest

from services.curator.handlers import Curator, Stores
from services.curator.settings import BuildSettings, CuratorSettings
from shared.errors import IndexUnreachable
from shared.index.port import Hit
from shared.messages import DatasetRequested
from shared.storage.blobs import BlobStore
from shared.storage.dataset import Dataset
from shared.storage.examples import ExampleLog
from shared.storage.verdicts import Verdict, Verdicts
from tests.unit.curator.examples import TEXT, message

QUESTIONS = ("Who discovered polonium in Paris?", "Why did Marie Curie name it after Poland?")


class Found:
    """Finds the same passages for every query, and counts how often it was asked."""

    def __init__(self, *passages: UUID) -> None:
        self.passages = passages
        self.asked = 0
        self.down = False

    @contextlib.asynccontextmanager
    async def open(self):
        yield self.search

    async def search(self, query, k, documents=()):
        self.asked += 1
        if self.down:
            raise IndexUnreachable("down")
        return [
            Hit(
                score=1.0,
                text="",
                source_uri="",
                title="",
                heading_path=(),
                char_start=0,
                char_end=1,
                passage_id=passage,
                document_id=passage,
            )
            for passage in self.passages[:k]
        ]


@pytest.fixture
async def stores(tmp_path):
    made = Stores(
        log=ExampleLog(str(tmp_path / "examples"), max_wait_seconds=0),
        verdicts=Verdicts(str(tmp_path / "verdicts")),
        dataset=Dataset(str(tmp_path / "versions")),
        cards=str(tmp_path / "cards"),
        blobs=BlobStore(str(tmp_path / "blobs")),
    )
    yield made
    await made.log.close()


async def generated(curator: Curator) -> None:
    for number, question in enumerate(QUESTIONS):
        text = f"{TEXT} This is part {number}."
        await curator.on_generated(message(question, text=text, start=1000 * number))


async def built(curator: Curator, **more):
    (event,) = await curator.on_requested(DatasetRequested(**more))
    return event, await curator.stores.dataset.read()


def own(number: int) -> UUID:
    return message("", text=f"{TEXT} This is part {number}.").passage.passage_id


async def test_nothing_curated_is_version_0(stores):
    (event,) = await Curator(stores, CuratorSettings()).on_requested(DatasetRequested())
    assert event.version == 0


async def test_the_own_passage_s_rank_is_kept_and_asked_once_for_the_same_passages(stores):
    found = Found(UUID(int=1), own(0))
    curator = Curator(stores, CuratorSettings(), found.open)
    await generated(curator)
    event, rows = await built(curator)
    assert [row.scores["own_passage_rank"] for row in rows] == [2, 11]
    assert found.asked == 2
    again, _ = await built(curator)
    assert (again.version, found.asked) == (event.version, 2)
    await curator.on_generated(message("Who was born in Poland?", text=f"{TEXT} More."))
    assert (await built(curator))[0].version == 2
    assert found.asked == 5


async def test_without_an_index_the_rank_is_absent_and_the_card_says_so(stores, tmp_path):
    found = Found(own(0))
    found.down = True
    curator = Curator(stores, CuratorSettings(), found.open)
    await generated(curator)
    _, rows = await built(curator)
    assert not any("own_passage_rank" in row.scores for row in rows)
    card = (tmp_path / "cards" / "v1" / "README.md").read_text()
    assert "No index was asked" in card
    assert (tmp_path / "cards" / "v1" / "card" / "verdicts.svg").is_file()
    found.down = False
    event, rows = await built(curator)
    assert (event.version, rows[0].scores["own_passage_rank"]) == (2, 1)


async def test_a_build_leaves_out_what_is_in_a_test_set(stores, tmp_path):
    body = b'{"question": "Who discovered polonium in Paris?"}\n'
    file = tmp_path / "exam.txt"
    file.write_text("Why did Marie Curie name it after Poland?")
    settings = CuratorSettings(build=BuildSettings(decontaminate=(file,)))
    curator = Curator(stores, settings)
    await generated(curator)
    blob = await stores.blobs.put(body)
    event, rows = await built(curator, decontaminate={blob: "quiz.jsonl"})
    assert (event.accepted, event.rejected) == (0, 2)
    assert all(row.reasons[-1] == "contaminated" for row in rows)
    card = (tmp_path / "cards" / "v1" / "README.md").read_text()
    assert f"`quiz.jsonl` (SHA-256 {hashlib.sha256(body).hexdigest()[:16]}" in card
    assert "`exam.txt`" in card


async def test_verdicts_outlive_rebuilds_and_are_applied_by_each(stores):
    curator = Curator(stores, CuratorSettings())
    await generated(curator)
    _, rows = await built(curator)
    await stores.verdicts.add(
        [
            Verdict.on(rows[0], "edit", "Who was the first to find polonium?", "Marie Curie."),
            Verdict.on(rows[1], "reject"),
        ]
    )
    for _ in range(2):
        event, (first, second) = await built(curator)
        assert event.version == 2
        assert (first.question, first.status, first.human) == (
            "Who was the first to find polonium?",
            "accepted",
            True,
        )
        assert second.reasons[-1] == "reviewer"
