"""`gristmill ask`: with the index alone, with the stack that is up, and with a service."""

import asyncio
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.answering.artifact import Artifact, write_demonstrations
from shared.answering.port import Example, Query
from shared.answering.template import Template
from tests.endpoint import Endpoint
from tests.integration.conftest import Gristmill

pytestmark = pytest.mark.connected

QUESTION = "Where does the volcano stand?"


class Listening(Endpoint):
    """Says how much it was told, and remembers what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[list[dict[str, str]]] = []

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        last = body["messages"][-1]["content"] if "messages" in body else ""
        if "Question: " not in last:
            return super().answer(path, body)
        self.told.append(body["messages"])
        said = f"{len(last.split('Passage: ')) - 1} passages.\nMore"
        return {"choices": [{"message": {"role": "assistant", "content": said}}]}


@pytest.fixture
def endpoint() -> Iterator[Listening]:
    endpoint = Listening()
    endpoint.start()
    yield endpoint
    endpoint.stop()


@pytest.fixture
def asking(gristmill: Gristmill, endpoint: Listening, documents: Path) -> Gristmill:
    """A home with an index, and the endpoint as the model to ask."""
    gristmill.environment["GRISTMILL_ANSWERER_MODEL"] = f"openai:{endpoint.url}#stub"
    gristmill("run", str(documents))
    return gristmill


def tuned(home: Path, model: str, name: str, status: str = "completed", **more: Any) -> None:
    """Leave behind what a run does whose method found an instruction and an example."""
    folder = home / "runs" / name
    template = Template("Say it {briefly}.", chat=True)
    details = {"k": 1, "similar": False, "seed": 0}
    Artifact("prompt", "in-context", model, template, details=details, **more).save(
        folder / "artifact"
    )
    write_demonstrations(folder / "artifact", [Example(Query("Who?", "It was Ann."), "Ann")])
    (folder / "request.json").write_text("{}")
    (folder / "result.json").write_text(json.dumps({"status": status}))


def test_an_answer_is_taken_from_the_passages(asking: Gristmill, endpoint: Listening) -> None:
    model = asking.environment["GRISTMILL_ANSWERER_MODEL"]
    answered = asking.json("ask", QUESTION, "-k", "2")
    assert len(answered["sources"]) == 2
    assert answered["sources"][:1] == asking.json("search", QUESTION, "-k", "1")
    assert (answered["question"], answered["answer"]) == (QUESTION, "1 passages.")
    assert (answered["run"], answered["model"]) == ("", model)
    context = "\n\n".join(source["text"] for source in answered["sources"])
    assert endpoint.told[-1][-1]["content"] == f"Passage: {context}\nQuestion: {QUESTION}"

    out = asking("ask", QUESTION).stdout
    assert out.startswith("1 passages.\n\n1. Guide 1 > ")
    assert out.count("\n   ") == 3

    alone = asking.json("ask", QUESTION, "-k", "0")
    assert (alone["answer"], alone["sources"]) == ("0 passages.", [])
    assert endpoint.told[-1][-1]["content"] == f"Question: {QUESTION}"

    tuned(asking.home, model, "in-context-1")
    answered = asking.json("ask", QUESTION, "--run", "in-c", "-k", "1")
    assert (answered["run"], len(answered["sources"])) == ("in-context-1", 1)
    system, asked, said, last = endpoint.told[-1]
    assert system["content"] == "Say it {briefly}."
    assert (asked["content"], said["content"]) == ("Passage: It was Ann.\nQuestion: Who?", "Ann")
    assert answered["sources"][0]["text"] in last["content"]

    del asking.environment["GRISTMILL_ANSWERER_MODEL"]
    named = asking.json("ask", QUESTION, "--model", f"openai:{endpoint.url}#other")
    assert named["model"].endswith("#other")


def test_what_cannot_be_answered_is_said(gristmill: Gristmill, endpoint: Listening) -> None:
    model = f"openai:{endpoint.url}#stub"
    gristmill.environment["GRISTMILL_ANSWERER_MODEL"] = model
    tuned(gristmill.home, model, "failed", "failed")
    tuned(gristmill.home, model, "labels", labels=("bad", "good"))
    for said, *asked in (
        ("no index", QUESTION),
        ("question is empty", " "),
        ("k is 51", QUESTION, "-k", "51"),
        ("gristmill runs", QUESTION, "--run", "nonsense"),
        ("is no run", QUESTION, "--run", "../runs/failed"),
        ("failed is failed", QUESTION, "--run", "failed"),
        ("labels texts", QUESTION, "--run", "labels"),
        ("not both", QUESTION, "--run", "labels", "--model", model),
        ("no model at", QUESTION, "-k", "0", "--model", "./nowhere"),
    ):
        done = gristmill("ask", *asked, code=1)
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert not endpoint.told
    assert not (gristmill.home / "index").exists()


def test_an_empty_index_is_said(gristmill: Gristmill, endpoint: Listening) -> None:
    from shared.index.edge import EdgeIndex

    async def make() -> None:
        model = gristmill.environment["GRISTMILL_EMBEDDING_MODEL"]
        await EdgeIndex(gristmill.home / "index", model=model, dimensions=64).close()

    asyncio.run(make())
    assert "holds no passages" in gristmill("ask", QUESTION, code=1).stderr


@pytest.fixture
def up(asking: Gristmill) -> Iterator[subprocess.Popen[str]]:
    process = asking.start("up", "--port", "0")
    end = time.monotonic() + 60
    while not (asking.home / "runtime.json").exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.1)
    yield process
    process.terminate()
    process.communicate(timeout=40)


def test_the_stack_that_is_up_answers(
    asking: Gristmill, endpoint: Listening, up: subprocess.Popen[str]
) -> None:
    path = json.loads((asking.home / "runtime.json").read_text())["http_socket"]
    with httpx.Client(transport=httpx.HTTPTransport(uds=path), timeout=60) as client:
        version = client.get("http://stack/version").json()
        assert "answerer" in version["services"]
        assert client.get("http://stack/readyz").status_code == 200
        answered = client.get("http://stack/answer", params={"q": QUESTION}).json()
        assert client.get("http://stack/answer", params={"q": " "}).status_code == 422
    assert answered["answer"] == "1 passages."
    assert len(answered["sources"]) == 3
    del asking.environment["GRISTMILL_ANSWERER_MODEL"]  # the stack's own is asked
    again = asking.json("ask", QUESTION)  # beyond the first, passages may be equally near
    assert (again["model"], again["sources"][0]) == (answered["model"], answered["sources"][0])
    named = asking.json("ask", QUESTION, "--model", f"openai:{endpoint.url}#other")
    assert named["model"].endswith("#other")
    assert named["sources"][0] == answered["sources"][0]
    assert "is no run" in asking("ask", "x", "--run", "..", code=1).stderr


def test_a_service_alone_opens_the_index_for_each_question(
    asking: Gristmill, broker_url: str, namespace: str
) -> None:
    from shared.index.edge import EdgeIndex

    asking.environment |= {"GRISTMILL_REDIS_URL": broker_url, "GRISTMILL_NAMESPACE": namespace}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = asking.start("serve", "answerer", "--port", str(port))
    try:
        url, end = f"http://127.0.0.1:{port}", time.monotonic() + 60
        while True:
            try:
                assert httpx.get(f"{url}/readyz").status_code == 200
                break
            except httpx.TransportError:
                assert time.monotonic() < end
                time.sleep(0.1)
        params: dict[str, Any] = {"q": QUESTION, "k": 1}
        answered = httpx.get(f"{url}/answer", params=params, timeout=60).json()
        assert len(answered["sources"]) == 1
        model = asking.environment["GRISTMILL_EMBEDDING_MODEL"]
        index = EdgeIndex(asking.home / "index", model=model, dimensions=64)
        assert httpx.get(f"{url}/answer", params=params, timeout=60).status_code == 503
        asyncio.run(index.close())
        assert httpx.get(f"{url}/answer", params=params, timeout=60).json() == answered
    finally:
        process.terminate()
        process.communicate(timeout=40)


@pytest.mark.models
def test_the_default_model_answers(asking: Gristmill) -> None:
    del asking.environment["GRISTMILL_ANSWERER_MODEL"]
    answered = asking.json("ask", "How high above the valley does the volcano stand?", "-k", "1")
    assert answered["answer"]
    assert answered["model"].startswith("pkg:")
