"""The answerer: what the model is given, which model that is, and what is refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.answerer import app, models, passages
from services.answerer.answer import NothingIndexed, QuestionInvalid, answer
from services.answerer.http import Asking, routes
from services.answerer.models import Models, RunNotCompleted, find_run
from services.answerer.settings import AnswererSettings
from shared.answering.artifact import Artifact, ArtifactInvalid, Kind
from shared.answering.heads import NoContext
from shared.answering.port import Query, Task
from shared.answering.template import default_template
from shared.errors import IndexUnreachable, ModelNotFound
from shared.index.port import Hit
from shared.runs import RunNotFound
from shared.settings import SMOLLM2, Settings

HITS = [
    Hit(
        score=1.0 / place,
        text=f"Passage {place} {word}.",
        source_uri="file:///a.md",
        title="A",
        heading_path=("B",),
        char_start=0,
        char_end=9,
        passage_id=UUID(int=place),
        document_id=UUID(int=9),
    )
    for place, word in enumerate(("has {braces}", "is second", "is last"), 1)
]


async def search(question: str, k: int) -> list[Hit]:
    return HITS[:k]


async def nothing(question: str, k: int) -> list[Hit]:
    return []


class Fake:
    """Answers with its name and remembers what it was asked; notices when asked by two."""

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.asked: list[Query] = []
        self.busy = threading.Lock()

    def answer(self, queries):
        assert self.busy.acquire(blocking=False)
        threading.Event().wait(0.01)
        self.asked += queries
        self.busy.release()
        return [self.name for _ in queries]

    def likelihood(self, examples):
        return None


def ask(question="Why?", k=3, search=search, answerer=None):
    turn = contextlib.nullcontext()
    return asyncio.run(answer(question, k, search, answerer or Fake(), turn))


# The core


def test_the_model_is_given_the_passages_best_first() -> None:
    fake = Fake()
    done = ask(" Why? ", 2, answerer=fake)
    context = "Passage 1 has {braces}.\n\nPassage 2 is second."
    assert fake.asked == [Query("Why?", context)]
    assert (done.question, done.answer, done.sources) == ("Why?", "fake", tuple(HITS[:2]))


def test_without_passages_nothing_is_searched() -> None:
    fake = Fake()
    done = ask(k=0, search=None, answerer=fake)
    assert fake.asked == [Query("Why?")]
    assert done.sources == ()


@pytest.mark.parametrize(("question", "k"), [("", 3), (" \n", 0), ("Why?", -1), ("Why?", 51)])
def test_what_cannot_be_asked_is_refused_before_anything_is_done(question: str, k: int) -> None:
    fake = Fake()
    with pytest.raises(QuestionInvalid):
        ask(question, k, search=None, answerer=fake)
    assert not fake.asked


def test_an_empty_index_is_said_and_no_model_is_asked() -> None:
    fake = Fake()
    with pytest.raises(NothingIndexed, match="gristmill run"):
        ask(search=nothing, answerer=fake)
    assert not fake.asked


# Runs


def run(
    runs: Path,
    name: str,
    status: str = "completed",
    kind: Kind = "prompt",
    labels: tuple[str, ...] = (),
) -> Path:
    folder = runs / name
    template = default_template(Task(labels))
    Artifact(kind, "hard-prompt", "some/model", template, labels).save(folder / "artifact")
    (folder / "request.json").write_text("{}")
    if status:
        (folder / "result.json").write_text(json.dumps({"status": status}))
    return folder


@pytest.mark.parametrize("name", ["", "..", "../runs/one", "one/../one", "/one", "*", "One", "a.b"])
def test_a_name_that_leads_elsewhere_is_no_runs(tmp_path: Path, name: str) -> None:
    run(tmp_path, "one")
    with pytest.raises(RunNotFound):
        find_run(tmp_path, name)


def test_a_run_is_found_by_how_its_name_begins(tmp_path: Path) -> None:
    for name in ("lora-1", "lora-12", "full-1"):
        run(tmp_path, name)
    assert find_run(tmp_path, "lora-1").name == "lora-1"
    assert find_run(tmp_path, "full").name == "full-1"
    with pytest.raises(RunNotFound, match="lora-1, lora-12"):
        find_run(tmp_path, "lora")
    with pytest.raises(RunNotFound, match="gristmill runs"):
        find_run(tmp_path, "soft")
    with pytest.raises(RunNotFound):
        find_run(tmp_path / "nowhere", "lora")


@pytest.mark.parametrize("status", ["", "failed", "cancelled"])
def test_a_run_that_left_nothing_is_said(tmp_path: Path, status: str) -> None:
    run(tmp_path, "one", status)
    with pytest.raises(RunNotCompleted, match=status or "not completed"):
        find_run(tmp_path, "one")


def test_a_run_is_asked_only_what_it_can_answer(tmp_path: Path) -> None:
    run(tmp_path, "labels", labels=("bad", "good"))
    run(tmp_path, "sentences", kind="sentence-head")
    (run(tmp_path, "broken") / "artifact" / "gristmill.json").unlink()
    known = Models(tmp_path)
    with pytest.raises(QuestionInvalid, match="labels texts"):
        known.tuned("labels", 3)
    assert known.tuned("labels", 0).run == "labels"
    with pytest.raises(NoContext, match="k = 1"):
        known.tuned("sentences", 0)
    assert known.tuned("sentences", 1).model == "some/model"
    with pytest.raises(ArtifactInvalid):
        known.tuned("broken", 1)


def test_the_runs_are_the_trainers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = AnswererSettings()
    assert own.reference == SMOLLM2
    assert own.location(tmp_path) == tmp_path / "runs"
    monkeypatch.setenv("GRISTMILL_TRAINER_RUNS", str(tmp_path / "theirs"))
    assert own.location(tmp_path) == tmp_path / "theirs"
    assert AnswererSettings(runs=str(tmp_path / "own")).location(tmp_path) == tmp_path / "own"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what was opened, in order; a model called `missing` is not there."""
    names: list[str] = []

    def opening(what: str | Path) -> Fake:
        if what == "missing":
            raise ModelNotFound("There is no model at missing.")
        name = what.parent.name if isinstance(what, Path) else what
        names.append(name)
        return Fake(name)

    monkeypatch.setattr(models, "untuned", opening)
    monkeypatch.setattr(models, "open_answerer", opening)
    return names


def test_the_last_two_models_stay_open(tmp_path: Path, opened: list[str]) -> None:
    folder = run(tmp_path, "one")
    run(tmp_path, "two")
    known = Models(tmp_path)

    def say(name: str = "") -> str:
        chosen = known.tuned(name, 1) if name else known.untuned("plain")
        return chosen.answerer.answer([Query("Why?")])[0]

    assert [say("one"), say("two"), say("one"), say(), say("one")] == [
        "one",
        "two",
        "one",
        "plain",
        "one",
    ]
    assert opened == ["one", "two", "plain"]
    say("two")
    assert opened == ["one", "two", "plain", "two"]
    made = (folder / "result.json").stat().st_mtime_ns
    os.utime(folder / "result.json", ns=(made + 1, made + 1))
    say("one")  # trained again since
    assert opened[-1] == "one"


# Over HTTP


def get(found, *asked: dict[str, object]) -> list[httpx.Response]:
    async def work() -> list[httpx.Response]:
        transport = httpx.ASGITransport(Starlette(routes=found))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await asyncio.gather(*(client.get("/answer", params=each) for each in asked))

    return asyncio.run(work())


def test_an_answer_says_what_it_was_taken_from(tmp_path: Path, opened: list[str]) -> None:
    run(tmp_path, "lora-1")
    found = routes(Asking(Models(tmp_path), search, "plain"), 2)
    plain, tuned, alone = get(
        found, {"q": "Why?"}, {"q": "Why?", "k": 1, "run": "lora"}, {"q": "Why?", "k": 0}
    )
    assert plain.json() == {
        "question": "Why?",
        "answer": "plain",
        "run": "",
        "model": "plain",
        "sources": [hit.model_dump(mode="json") for hit in HITS[:2]],
    }
    assert {**tuned.json(), "sources": 0} == {
        "question": "Why?",
        "answer": "lora-1",
        "run": "lora-1",
        "model": "some/model",
        "sources": 0,
    }
    assert alone.json()["sources"] == []


def test_questions_are_answered_one_at_a_time_by_one_model(
    tmp_path: Path, opened: list[str]
) -> None:
    found = routes(Asking(Models(tmp_path), search, "plain"), 2)
    said = get(found, *({"q": f"Why {n}?"} for n in range(8)))
    assert [(each.status_code, each.json()["question"]) for each in said] == [
        (200, f"Why {n}?") for n in range(8)
    ]
    assert opened == ["plain"]


def test_what_is_refused_says_why(tmp_path: Path, opened: list[str]) -> None:
    run(tmp_path, "failed", "failed")
    run(tmp_path, "labels", labels=("bad", "good"))
    found = routes(Asking(Models(tmp_path), search, "missing"), 2)
    said = get(
        found,
        {},
        {"q": "Why?", "k": "many"},
        {"q": "Why?", "k": 51},
        {"q": "Why?", "run": "../failed"},
        {"q": "Why?", "run": "failed"},
        {"q": "Why?", "run": "labels"},
        {"q": "Why?"},
    )
    assert [each.status_code for each in said] == [422, 422, 422, 404, 422, 422, 503]
    assert all(each.json()["error"] for each in said)
    (empty,) = get(routes(Asking(Models(tmp_path), nothing, "plain"), 2), {"q": "Why?"})
    assert empty.status_code == 404
    assert not opened


# Where the passages come from


def indexer(status: int, content: object) -> httpx.ASGITransport:
    async def found(request) -> JSONResponse:
        assert dict(request.query_params) == {"q": "Why?", "k": "2"}
        return JSONResponse(content, status_code=status)

    return httpx.ASGITransport(Starlette(routes=[Route("/search", found)]))


def test_an_indexer_is_asked() -> None:
    hits = [hit.model_dump(mode="json") for hit in HITS[:2]]
    transport = indexer(200, hits)
    by_http = passages.by_http("http://indexer/", transport)
    assert asyncio.run(by_http("Why?", 2)) == HITS[:2]
    assert asyncio.run(by_http("Why?", 2)) == HITS[:2]
    with pytest.raises(IndexUnreachable, match="asleep"):
        asyncio.run(passages.by_http("http://i", indexer(503, {"error": "asleep"}))("Why?", 2))
    with pytest.raises(IndexUnreachable, match="GRISTMILL_SEARCH_URL"):
        asyncio.run(passages.by_http("http://127.0.0.1:1")("Why?", 2))


def test_where_nothing_is_indexed_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(NothingIndexed, match="no index"):
        asyncio.run(passages.by_index(tmp_path)("Why?", 2))
    assert not list(tmp_path.iterdir())


async def test_the_service_reads_no_stream_and_loads_nothing(tmp_path: Path) -> None:
    built = await app.build(Settings(home=tmp_path, redis_url="redis://127.0.0.1:1"))
    assert [route.path for route in built.routes] == ["/answer"]
    assert not built.broker.subscribers
    assert built.alive()
    await built.client.aclose()
