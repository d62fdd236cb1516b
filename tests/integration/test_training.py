"""The trainer over a real Valkey, with children that can be foretold."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from services.trainer import handlers, process
from services.trainer.app import build
from services.trainer.runs import RunFolder, Runs
from shared.delivery.envelope import body_of, decode
from shared.delivery.publisher import Publisher
from shared.delivery.service import Service
from shared.delivery.settings import DeliverySettings
from shared.messages import TrainingCompleted, TrainingProgressed, TrainingRequested
from shared.settings import Settings

pytestmark = pytest.mark.connected

CHILD = '''
"""Does what the request's settings say, and leaves a line in `starts` each time it is started."""
import json, os, pathlib, signal, sys, time

folder = pathlib.Path(sys.argv[1])
request = json.loads((folder / "request.json").read_text())
settings = request["settings"]
with (folder / "starts").open("a") as starts:
    starts.write(f"{os.getpid()}\\n")
steps = settings.get("steps", 2)
checkpoint = folder / "checkpoint"
done = int(checkpoint.read_text()) if checkpoint.exists() else 0
if settings.get("stubborn"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if settings.get("crash"):
    sys.exit("RuntimeError: the numbers do not add up")
if settings.get("signal"):
    os.kill(os.getpid(), settings["signal"])
for step in range(done, steps):
    time.sleep(settings.get("pause", 0))
    checkpoint.write_text(str(step + 1))
    with (folder / "progress.jsonl").open("a") as progress:
        line = {"time": time.time(), "phase": "training", "step": step + 1, "steps": steps}
        progress.write(json.dumps(line | {"loss": 1 / (step + 1)}) + "\\n")
failed = settings.get("fail", "")
result = {
    "run": request["run"], "method": request["method"], "model": request["model"],
    "dataset": {"name": "data", "fingerprint": "f", "task": "question-answering",
                "train": 8, "validation": 2, "test": 2},
    "settings": settings, "seed": settings.get("seed", 0), "train_seconds": 1.5,
    "status": "failed" if failed else "completed", "error": failed, "hint": "",
    "scores": {"f1": 0.5}, "resumed": done, "artifact": str(folder / "artifact"),
}
(folder / ".result").write_text(json.dumps(result))
(folder / ".result").replace(folder / "result.json")
'''


RANKS = '''
"""Starts two processes that write down who they are, and then do nothing for a long time."""
import sys
from pathlib import Path
from services.trainer import ranks
from services.trainer.runs import RunFolder

ranks.LAST_WORDS_SECONDS = 0.5
ranks.WORK = (sys.executable, "-c", """
import os, sys, time
with open(f"{sys.argv[1]}/starts", "a") as starts:
    print(os.getpid(), file=starts)
os.symlink(str(os.getpid()), f"{sys.argv[1]}/rank-{sys.argv[2]}")
time.sleep(600)
""")
ranks.train(RunFolder(Path(sys.argv[1])), 2)
'''


async def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def rank_of(folder: RunFolder, number: int) -> int:
    return int((folder.path / f"rank-{number}").readlink().name)


class Bench:
    """A home folder on a broker, and what happens there."""

    def __init__(self, url: str, namespace: str, home: Path) -> None:
        self.settings = Settings(
            redis_url=url,
            namespace=namespace,
            home=home,
            delivery=DeliverySettings(lease_seconds=1.0, backoff_seconds=0.05),
        )
        self.publisher = Publisher(url, namespace=namespace)
        self.runs = Runs(home / "runs")

    async def ask(self, run: str = "", request_id: Any = None, **settings: Any) -> Any:
        request = TrainingRequested(
            request_id=request_id or uuid4(),
            dataset="data.jsonl",
            method="lora",
            settings=settings,
            run=run,
        )
        await self.publisher.publish(request)
        return request.request_id

    @asynccontextmanager
    async def serving(self, count: int = 1) -> AsyncIterator[list[Service]]:
        services = [await build(self.settings) for _ in range(count)]
        for service in services:
            await service.start()
        try:
            yield services
        finally:
            for service in services:
                await service.stop()

    async def entries(self, name: str) -> list[Any]:
        key = self.publisher.keys.stream(name)
        return list(await self.publisher.client.xrange(key))

    async def progressed(self) -> list[TrainingProgressed]:
        entries = await self.entries("training.progressed")
        return [decode(TrainingProgressed, body_of(fields)) for _, fields in entries]

    async def answers(self) -> dict[Any, TrainingCompleted]:
        entries = await self.entries("training.completed")
        found = [decode(TrainingCompleted, body_of(fields)) for _, fields in entries]
        assert len({each.request_id for each in found}) == len(found)
        return {each.request_id: each for each in found}

    async def answer(self, request_id: Any) -> TrainingCompleted:
        async def look() -> Any:
            return (await self.answers()).get(request_id)

        found: TrainingCompleted = await until(look)
        return found

    async def left(self) -> int:
        """Requests that are neither acknowledged nor dead letters; those must be none."""
        assert not await self.entries("training.requested.dead")
        return len(await self.entries("training.requested"))

    async def running(self, name: str) -> RunFolder:
        folder = self.runs.folder(name)
        await until(lambda: folder.status() == "running" and starts(folder))
        return folder


def starts(folder: RunFolder) -> list[int]:
    file = folder.path / "starts"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


@pytest.fixture
async def bench(
    broker_url: str, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    child = tmp_path / "child.py"
    child.write_text(CHILD)
    monkeypatch.setattr(handlers, "WORK", (sys.executable, str(child)))
    bench = Bench(broker_url, namespace, tmp_path / "home")
    yield bench
    await bench.publisher.client.aclose()


async def test_a_run_completes_and_tells_of_it(bench: Bench) -> None:
    async with bench.serving():
        answer = await bench.answer(await bench.ask(steps=3))
        assert (answer.status, answer.error) == ("completed", "")
        assert answer.result["scores"] == {"f1": 0.5}
        assert answer.run.startswith("lora-")
        folder = bench.runs.folder(answer.run)
        assert answer.artifact == str(folder.path / "artifact")
        assert folder.request()["dataset"] == "data.jsonl"
        assert folder.request()["home"] == str(bench.settings.home)
        last = (await bench.progressed())[-1]
        assert (last.run, last.phase, last.step, last.steps) == (answer.run, "training", 3, 3)
        assert not await bench.left()


async def test_progress_is_told_at_most_once_a_second(bench: Bench) -> None:
    async with bench.serving():
        begun = time.monotonic()
        await bench.answer(await bench.ask(steps=60, pause=0.05))
        took = time.monotonic() - begun
        told = await bench.progressed()
        assert 2 <= len(told) <= took + 2  # the first at once, and the last when it is over
        assert told[-1].step == 60


async def test_a_second_request_of_a_run_returns_what_there_is(bench: Bench) -> None:
    async with bench.serving():
        first = await bench.answer(await bench.ask(steps=2))
        again = await bench.answer(await bench.ask(steps=2))
    assert again.result == first.result
    assert len(starts(bench.runs.folder(first.run))) == 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"crash": True}, "the numbers do not add up"),
        ({"signal": signal.SIGKILL}, "memory may have run out"),
        ({"signal": signal.SIGSEGV}, "SIGSEGV"),
        ({"fail": "There is no method lora."}, "There is no method lora."),
    ],
)
async def test_a_crash_is_a_failed_run_and_no_retry(
    bench: Bench, settings: dict[str, Any], says: str
) -> None:
    async with bench.serving():
        answer = await bench.answer(await bench.ask(**settings))
        assert answer.status == "failed"
        assert says in answer.error
        folder = bench.runs.folder(answer.run)
        assert folder.result() == answer.result
        assert folder.status() == "failed"
        await asyncio.sleep(1.5)
        assert len(starts(folder)) == 1
        assert not await bench.left()


async def test_a_failed_run_that_is_asked_for_anew_is_tried_anew(bench: Bench) -> None:
    async with bench.serving():
        first = await bench.ask(crash=True)
        folder = bench.runs.folder((await bench.answer(first)).run)
        assert (await bench.answer(await bench.ask(crash=True))).status == "failed"
        assert len(starts(folder)) == 2


async def test_a_redelivered_request_does_not_repeat_its_failure(bench: Bench) -> None:
    async with bench.serving():
        request = await bench.ask(crash=True)
        folder = bench.runs.folder((await bench.answer(request)).run)
        key = bench.publisher.keys.ledger(request)
        await bench.publisher.client.delete(key)
        await bench.ask(request_id=request, crash=True)

        async def answered_twice() -> bool:
            return len(await bench.entries("training.completed")) == 2

        await until(answered_twice)
        assert len(starts(folder)) == 1


@pytest.mark.parametrize("stubborn", [False, True])
async def test_a_running_training_can_be_cancelled(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, stubborn: bool
) -> None:
    monkeypatch.setattr(process, "END_SECONDS", 0.5)
    async with bench.serving():
        request = await bench.ask("mine", steps=1000, pause=0.05, stubborn=stubborn)
        folder = await bench.running("mine")
        await until(bench.progressed)
        folder.request_cancel()
        answer = await bench.answer(request)
        assert answer.status == folder.status() == "cancelled"
        assert not alive(starts(folder)[0])
        assert not await bench.left()


async def test_a_cancelled_run_goes_on_when_asked_again(bench: Bench) -> None:
    async with bench.serving():
        request = await bench.ask("mine", steps=40, pause=0.05)
        folder = await bench.running("mine")
        await until(bench.progressed)
        folder.request_cancel()
        await bench.answer(request)
        answer = await bench.answer(await bench.ask("mine", steps=40, pause=0.05))
        assert answer.status == "completed"
        assert answer.result["resumed"] > 0


async def test_a_waiting_training_can_be_cancelled(bench: Bench) -> None:
    async with bench.serving():
        first = await bench.ask("first", steps=30, pause=0.05)
        await bench.running("first")
        second = await bench.ask("second", steps=1)
        third = await bench.ask("third", steps=1)
        folder = bench.runs.folder("second")
        folder.create({**bench.runs.folder("first").request(), "settings": {"steps": 1}})
        folder.request_cancel()
        assert (await bench.answer(second)).status == "cancelled"
        assert (await bench.answer(third)).status == "completed"
        assert (await bench.answer(first)).status == "completed"
        assert not starts(folder)


async def test_a_busy_trainer_holds_nothing_back_from_a_free_one(bench: Bench) -> None:
    """New requests and one that a dead trainer left behind, on two trainers."""
    client, keys = bench.publisher.client, bench.publisher.keys
    stream = keys.stream("training.requested")
    await client.xgroup_create(stream, "trainer", id="0", mkstream=True)
    left = await bench.ask("left", steps=1)
    await client.xreadgroup("trainer", "dead", {stream: ">"})
    most_held: dict[bytes, int] = {}

    async def watch() -> None:
        while True:
            for consumer in await client.xinfo_consumers(stream, "trainer"):
                if consumer["name"] != b"dead":
                    held = max(most_held.get(consumer["name"], 0), consumer["pending"])
                    most_held[consumer["name"]] = held
            await asyncio.sleep(0.01)

    async with bench.serving(2):
        watching = asyncio.create_task(watch())
        long = await bench.ask("long", steps=2000, pause=0.05)
        folder = await bench.running("long")
        others = [await bench.ask(name, steps=10, pause=0.05) for name in ("one", "two", "three")]
        for request in (left, *others):
            assert (await bench.answer(request)).status == "completed"
        assert folder.status() == "running"  # all of them went to the other trainer
        folder.request_cancel()
        assert (await bench.answer(long)).status == "cancelled"
        watching.cancel()
    assert sorted(most_held.values()) == [1, 1]
    for name in ("left", "long", "one", "two", "three"):
        assert len(starts(bench.runs.folder(name))) == 1
    assert not await bench.left()


async def test_what_waits_for_a_trainer_is_seen_as_not_given_out(bench: Bench) -> None:
    """That number is what trainers are scaled by."""
    client, keys = bench.publisher.client, bench.publisher.keys
    async with bench.serving():
        requests = [await bench.ask(name, steps=20, pause=0.05) for name in ("one", "two", "three")]
        await bench.running("one")
        (group,) = await client.xinfo_groups(keys.stream("training.requested"))
        assert (group["pending"], group["lag"]) == (1, 2)
        for request in requests:
            await bench.answer(request)


async def test_a_stopped_service_leaves_the_run_to_the_next(bench: Bench) -> None:
    async with bench.serving():
        request = await bench.ask("mine", steps=40, pause=0.05)
        folder = await bench.running("mine")
        await until(bench.progressed)
        (child,) = starts(folder)
        begun = time.monotonic()
    assert time.monotonic() - begun < 15
    assert not alive(child)
    assert folder.status() == "waiting"
    assert await bench.left() == 1
    async with bench.serving():
        answer = await bench.answer(request)
    assert answer.status == "completed"
    assert answer.result["resumed"] > 0
    assert len(starts(folder)) == 2


async def test_a_killed_service_takes_its_child_along_and_the_next_goes_on(
    bench: Bench, tmp_path: Path
) -> None:
    request = await bench.ask("mine", steps=60, pause=0.05)
    settings = bench.settings
    main = tmp_path / "service.py"
    main.write_text(
        "import asyncio, sys\n"
        "from services.trainer import app, handlers\n"
        "from shared.settings import Settings\n"
        f"handlers.WORK = {handlers.WORK!r}\n"
        "async def main():\n"
        f"    settings = Settings.model_validate_json({settings.model_dump_json()!r})\n"
        "    await (await app.build(settings)).start()\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    service = await asyncio.create_subprocess_exec(
        sys.executable, str(main), env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )
    folder = await bench.running("mine")
    await until(bench.progressed)
    service.kill()
    await service.wait()
    (child,) = starts(folder)
    await until(lambda: not alive(child))
    async with bench.serving():
        answer = await bench.answer(request)
    assert (answer.status, len(starts(folder))) == ("completed", 2)
    assert answer.result["resumed"] > 0


@pytest.mark.parametrize("end", ["cancel", "kill the first", "kill the second", "kill the parent"])
async def test_the_processes_of_one_training_end_together(
    bench: Bench, tmp_path: Path, end: str
) -> None:
    (tmp_path / "child.py").write_text(RANKS)
    async with bench.serving():
        request = await bench.ask("shared")
        folder = await bench.running("shared")
        await until(lambda: len(list(folder.path.glob("rank-*"))) == 2)
        first, second = (rank_of(folder, number) for number in (0, 1))
        parent = parent_of(first)
        if end == "cancel":
            folder.request_cancel()
        else:
            killed = {"kill the first": first, "kill the second": second}.get(end, parent)
            os.kill(killed, signal.SIGKILL)
        answer = await bench.answer(request)
        assert answer.status == ("cancelled" if end == "cancel" else "failed")
        await until(lambda: not any(alive(pid) for pid in (first, second, parent)))
        said = {
            "kill the first": "Process 1 of 2 of the training was killed",
            "kill the second": "Process 2 of 2 of the training was killed",
            "kill the parent": "The training was killed",
        }
        assert said.get(end, "") in answer.error
        assert len(starts(folder)) == 2
        assert not await bench.left()


async def test_a_run_longer_than_the_lease_runs_once_however_many_trainers_there_are(
    bench: Bench,
) -> None:
    async with bench.serving(3):
        answer = await bench.answer(await bench.ask(steps=8, pause=0.5))
        assert answer.result["resumed"] == 0
        assert len(starts(bench.runs.folder(answer.run))) == 1
        assert not await bench.left()


async def test_two_requests_of_one_run_at_once_do_its_work_once(bench: Bench) -> None:
    async with bench.serving(2):
        both = [await bench.ask("mine", steps=20, pause=0.05) for _ in range(2)]
        answers = [await bench.answer(request) for request in both]
    assert answers[0].result == answers[1].result
    assert len(starts(bench.runs.folder("mine"))) == 1


async def test_replicas_share_the_work(bench: Bench) -> None:
    async with bench.serving(2):
        both = [await bench.ask(name, steps=40, pause=0.05) for name in ("one", "two")]
        await bench.running("one")
        await bench.running("two")
        for request in both:
            await bench.answer(request)


@pytest.mark.parametrize(
    "run", ["../escaped", "/tmp/escaped", "..", "a/b", "Lora", ".hidden", "a\n"]
)
async def test_a_run_cannot_be_named_into_another_folder(
    bench: Bench, tmp_path: Path, run: str
) -> None:
    async with bench.serving():
        answer = await bench.answer(await bench.ask(run))
        assert answer.status == "failed"
        assert "name of a run" in answer.error
        assert not await bench.left()
    assert not bench.runs.all()
    assert not list(tmp_path.rglob("escaped"))  # noqa: ASYNC240


async def test_a_name_that_is_taken_by_other_work_is_refused(bench: Bench) -> None:
    async with bench.serving():
        await bench.answer(await bench.ask("mine", steps=1))
        answer = await bench.answer(await bench.ask("mine", steps=2))
    assert answer.status == "failed"
    assert "something else" in answer.error
    result = bench.runs.folder("mine").result()
    assert result is not None
    assert result["status"] == "completed"


async def test_a_folder_that_cannot_be_written_is_a_failed_run(bench: Bench) -> None:
    bench.settings.home.mkdir()
    (bench.settings.home / "runs").write_text("a file is in the way")
    async with bench.serving():
        answer = await bench.answer(await bench.ask())
        assert answer.status == "failed"
        assert "cannot be written" in answer.error
        assert not await bench.left()


async def test_a_child_that_cannot_be_started_is_a_failed_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "WORK", ("/no/such/program",))
    async with bench.serving():
        answer = await bench.answer(await bench.ask())
    assert answer.status == "failed"
    assert "/no/such/program" in answer.error


async def test_a_method_that_there_is_not_is_said(bench: Bench) -> None:
    request = TrainingRequested(dataset="data.jsonl", method="LoRA")
    await bench.publisher.publish(request)
    async with bench.serving():
        answer = await bench.answer(request.request_id)
    assert answer.status == "failed"
    assert "There is no tuning method 'LoRA'. There are untuned, " in answer.error
    assert not bench.runs.all()


async def test_there_is_no_dataset_version_to_train_on(bench: Bench) -> None:
    request = TrainingRequested(dataset="latest", method="lora")
    await bench.publisher.publish(request)
    async with bench.serving():
        answer = await bench.answer(request.request_id)
    assert answer.status == "failed"
    assert "No dataset has been built" in answer.error
