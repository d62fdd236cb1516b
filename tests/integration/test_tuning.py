"""`gristmill tune` and `gristmill compare` as a user types them, over foretold children."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.trainer.runs import Runs
from shared.delivery.publisher import Publisher
from shared.messages import TrainingRequested
from tests.integration.test_training import CHILD, alive, starts

pytestmark = [pytest.mark.connected, pytest.mark.timeout(600)]

METHODS = ("untuned", "in-context", "lora", "full", "tf-idf")


class Command:
    """The command with another child, in a home folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.runs = Runs(self.home / "runs")
        self.data = folder / "data.jsonl"
        rows = ({"input": f"What is {n}?", "output": f"It is {n}."} for n in range(8))
        self.data.write_text("".join(json.dumps(row) + "\n" for row in rows))
        child = folder / "child.py"
        child.write_text(CHILD)
        self.main = folder / "main.py"
        self.main.write_text(
            "from services.cli.main import main\n"
            "from services.trainer import handlers, methods\n"
            f"methods.METHODS = dict.fromkeys({METHODS!r}, '')\n"
            f"handlers.WORK = ({sys.executable!r}, {str(child)!r})\n"
            "main()\n"
        )
        self.environment = {
            **os.environ,
            "GRISTMILL_HOME": str(self.home),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }

    def start(self, *args: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(self.main), *args],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *args: str, code: int = 0) -> tuple[str, str]:
        process = self.start(*args)
        out, err = process.communicate(timeout=100)
        assert process.returncode == code, f"exit {process.returncode}: {out}\n{err}"
        assert "Traceback" not in err
        return out, err

    def tune(self, *args: str, code: int = 0) -> tuple[str, str]:
        return self("tune", "lora", "--dataset", str(self.data), *args, code=code)


@pytest.fixture
def gristmill(tmp_path: Path) -> Command:
    return Command(tmp_path)


def wait_for(condition: Any, seconds: float = 100) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def test_a_model_is_tuned_and_a_second_time_costs_nothing(gristmill: Command) -> None:
    out, err = gristmill.tune("--set", "steps=30", "--set", "pause=0.05", "--set", "name=text")
    (run,) = gristmill.runs.all()
    assert f"{run.name}  completed" in out
    assert "f1 0.500" in out
    assert str(run.path / "artifact") in out
    assert f"--run {run.name}" in out
    assert f"{run.name}  training  " in err
    assert "/30  loss " in err
    settings = run.request()["settings"]
    assert settings == {"steps": 30, "pause": 0.05, "name": "text", "seed": 0}
    assert run.request()["dataset"] == str(gristmill.data)
    out, err = gristmill.tune("--set", "steps=30", "--set", "pause=0.05", "--set", "name=text")
    assert "was completed before" in out
    assert len(starts(run)) == 1
    assert "starting" not in err


def test_options_become_settings_and_json_is_the_result(gristmill: Command) -> None:
    train, test = (gristmill.data.with_name(f"{name}.tsv") for name in ("train", "test"))
    train.write_text("".join(f"text {n}\t{n % 2}\n" for n in range(20)))
    test.write_text("".join(f"another text {n}\t{n % 2}\n" for n in range(8)))
    options = ["--train-rows", "8", "--test-rows", "4", "--label", "0=negative", "--seed", "3"]
    more = ["--test", str(test), "--minutes", "2", "--model", "some/model", "--json"]
    out, err = gristmill("tune", "lora", "--dataset", str(train), *options, *more)
    result = json.loads(out)
    assert result["scores"] == {"f1": 0.5}
    assert err == ""
    request = gristmill.runs.folder(result["run"]).request()
    assert request["model"] == "some/model"
    assert request["settings"] == {
        "train_rows": 8,
        "test_rows": 4,
        "labels": {"0": "negative"},
        "test": str(test),
        "seed": 3,
        "max_seconds": 120.0,
    }


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["magic"], "There is no tuning method 'magic'"),
        (["lora", "--dataset", "no/such.jsonl"], "neither a file nor a version"),
        (["lora"], "No dataset has been built"),
        (["lora", "--test", "no/such.jsonl"], "no/such.jsonl is not a file"),
        (["lora", "--set", "rank"], "'rank' is not key=value"),
        (["lora", "--label", "=x"], "is not key=value"),
        (["lora", "--dataset", "DATA", "--set", "train_rows=-1"], "train_rows"),
        (["lora", "--dataset", "DATA", "--label", "0=no"], "no labels to rename"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(
    gristmill: Command, args: list[str], says: str
) -> None:
    args = [str(gristmill.data) if arg == "DATA" else arg for arg in args]
    _, err = gristmill("tune", *args, code=1)
    assert says in err
    assert not gristmill.runs.all()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.jsonl", "", "is empty"),
        ("rows.jsonl", '{"input": "What?"}\n' * 9, "rows without output: 9 (line 1, 2"),
        ("few.jsonl", '{"input": "What?", "output": "That."}\n', "too few rows for train"),
        ("one.tsv", "a text\tgood\nanother\tgood\n", "has the label good"),
        ("rows.pdf", "%PDF", "no ending that names a format"),
    ],
)
def test_data_that_cannot_be_used_is_said_once_whatever_is_compared(
    gristmill: Command, name: str, content: str, says: str
) -> None:
    data = gristmill.data.with_name(name)
    data.write_text(content)
    out, err = gristmill("compare", "--dataset", str(data), "--json", code=1)
    assert out == ""
    assert err.count("error:") == 1
    assert says in err
    assert not gristmill.runs.all()


def test_a_failed_training_is_said_and_can_be_looked_at(gristmill: Command) -> None:
    _, err = gristmill.tune("--set", "crash=true", code=1)
    assert "the numbers do not add up" in err
    (run,) = gristmill.runs.all()
    assert "the numbers do not add up" in gristmill("runs", "show", "lora")[0]
    out, _ = gristmill.tune("--set", "crash=true", "--json", code=1)
    assert json.loads(out)["status"] == "failed"
    assert len(starts(run)) == 2


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_training_goes_on_where_it_was(
    gristmill: Command, how: signal.Signals
) -> None:
    slow = ("--set", "steps=60", "--set", "pause=0.05")
    process = gristmill.start("tune", "lora", "--dataset", str(gristmill.data), *slow)
    (run,) = wait_for(gristmill.runs.all)
    wait_for(lambda: run.progress()[0])
    process.send_signal(how)
    _, err = process.communicate(timeout=100)
    assert "Traceback" not in err
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "the same command continues" in err
    (child,) = starts(run)
    wait_for(lambda: not alive(child))
    if how == signal.SIGINT:  # what was broken off on purpose is in nobody's way
        gristmill.tune("--set", "steps=1")
        assert len(starts(run)) == 1
    out, _ = gristmill.tune(*slow, "--json")
    assert json.loads(out)["resumed"] > 0
    assert len(starts(run)) == 2


def test_a_training_can_be_cancelled_from_beside_it(gristmill: Command) -> None:
    slow = ("--set", "steps=600", "--set", "pause=0.05")
    process = gristmill.start("tune", "lora", "--dataset", str(gristmill.data), *slow)
    (run,) = wait_for(gristmill.runs.all)
    wait_for(lambda: run.progress()[0])
    assert "running" in gristmill("runs")[0]
    gristmill("runs", "cancel", "lora")
    _, err = process.communicate(timeout=100)
    assert process.returncode == 1
    assert "cancelled" in err
    assert run.status() == "cancelled"


def test_methods_are_compared_and_what_was_done_is_reused(
    gristmill: Command, tmp_path: Path
) -> None:
    gristmill("tune", "full", "--dataset", str(gristmill.data), "--minutes", "1")
    args = ("compare", "--dataset", str(gristmill.data), "--budget", "10", "--seeds", "0,1")
    out, err = gristmill(*args)
    assert "1 of 10 runs had been completed before" in out
    assert "report.html" in out
    assert "(10 of 10)" in err
    runs = gristmill.runs.all()
    assert {run.request()["method"] for run in runs} == set(METHODS) - {"tf-idf"}
    assert {run.request()["settings"]["max_seconds"] for run in runs} == {60.0}
    (folder,) = gristmill.runs.path.glob("compare-*")
    assert {"report.json", "report.html"} <= {path.name for path in folder.iterdir()}
    out, err = gristmill(*args, "--json", "--out", str(tmp_path / "out"))
    assert out == (tmp_path / "out" / "report.json").read_text()
    assert err == ""
    assert {run["method"] for run in json.loads(out)["runs"]} == set(METHODS) - {"tf-idf"}
    assert (tmp_path / "out" / "report.html").is_file()
    assert all(len(starts(run)) == 1 for run in runs)


@pytest.mark.parametrize(("failing", "code"), [("full", 3), ("", 1)])
def test_a_failed_run_does_not_fail_the_others(
    gristmill: Command, tmp_path: Path, failing: str, code: int
) -> None:
    child = tmp_path / "child.py"
    condition = f"request['method'] == {failing!r}" if failing else "True"
    child.write_text(CHILD.replace('if settings.get("crash"):', f"if {condition}:"))
    args = ("compare", "--dataset", str(gristmill.data), "--methods", "untuned,full,lora")
    out, _ = gristmill(*args, code=code)
    assert "failed: The training ended" in out
    statuses = [run.status() for run in gristmill.runs.all()]
    assert statuses.count("completed") == (2 if failing else 0)


@pytest.fixture
def up(gristmill: Command) -> Iterator[subprocess.Popen[str]]:
    process = gristmill.start("up", "--port", "0")
    wait_for((gristmill.home / "runtime.json").exists)
    yield process
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=100)


@pytest.mark.usefixtures("up")
def test_a_stack_that_is_up_trains_and_goes_on_without_us(gristmill: Command) -> None:
    slow = ("--set", "steps=60", "--set", "pause=0.05")
    process = gristmill.start("tune", "lora", "--dataset", str(gristmill.data), *slow)
    (run,) = wait_for(gristmill.runs.all)
    wait_for(lambda: run.progress()[0])
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 130
    assert "is trained on" in err
    out, err = gristmill.tune(*slow, "--json")
    assert json.loads(out)["resumed"] == 0
    assert len(starts(run)) == 1


def test_a_trainer_elsewhere_is_asked_where_a_broker_is_named(
    gristmill: Command, broker_url: str, namespace: str
) -> None:
    gristmill.environment |= {"GRISTMILL_REDIS_URL": broker_url, "GRISTMILL_NAMESPACE": namespace}
    asked = gristmill.start("tune", "lora", "--dataset", str(gristmill.data))
    assert asked.stderr is not None
    assert "No trainer seems to listen" in asked.stderr.readline()
    trainer = gristmill.start("serve", "trainer", "--port", "0")
    try:
        out, _ = asked.communicate(timeout=100)
        assert asked.returncode == 0
        assert "completed" in out
        _, err = gristmill.tune("--set", "steps=1")
        assert "No trainer" not in err
    finally:
        trainer.terminate()
        trainer.communicate(timeout=100)


def test_a_training_that_waits_for_a_trainer_can_be_cancelled_before_there_is_one(
    gristmill: Command, broker_url: str, namespace: str
) -> None:
    gristmill.environment |= {"GRISTMILL_REDIS_URL": broker_url, "GRISTMILL_NAMESPACE": namespace}
    requests = [
        TrainingRequested(dataset=str(gristmill.data), method="lora", settings={"steps": 1}),
        TrainingRequested(dataset=str(gristmill.data), method="full", run="named-by-the-client"),
        TrainingRequested(dataset=str(gristmill.data), method="full", run="wanted"),
    ]

    async def publish() -> None:
        async with Publisher(broker_url, namespace=namespace) as publisher:
            for request in requests:
                await publisher.publish(request)

    asyncio.run(publish())
    assert "is no run" in gristmill("runs", "cancel", "soft-prompt", code=1)[1]
    assert not gristmill.runs.all()
    assert "is being cancelled" in gristmill("runs", "cancel", "lora")[0]
    assert "is being cancelled" in gristmill("runs", "cancel", "named")[0]
    assert "cancelled already" in gristmill("runs", "cancel", "named", code=1)[1]
    listed = json.loads(gristmill("runs", "--json")[0])
    assert [each["status"] for each in listed] == ["cancelled", "cancelled"]
    trainer = gristmill.start("serve", "trainer", "--port", "0")
    try:
        wanted = gristmill.runs.folder("wanted")
        wait_for(lambda: wanted.status() == "completed")
        for run in gristmill.runs.all():
            result = run.result()
            assert result is not None
            assert result["status"] == ("completed" if run.name == "wanted" else "cancelled")
            assert len(starts(run)) == (run.name == "wanted")
    finally:
        trainer.terminate()
        trainer.communicate(timeout=100)


def test_a_stack_without_a_trainer_is_said(gristmill: Command) -> None:
    from services.local.stack import Stack
    from shared.settings import Settings

    async def beside() -> None:
        from services.local import stack

        names = stack.document_services
        stack.document_services = lambda: ("curator",)
        try:
            async with Stack(Settings(home=gristmill.home)):
                _, err = await asyncio.to_thread(gristmill.tune, code=1)
                assert "does not train" in err
        finally:
            stack.document_services = names

    asyncio.run(beside())
