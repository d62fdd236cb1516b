"""A run's folder and its name."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from services.trainer.endings import ending, result_of
from services.trainer.handlers import Trainer
from services.trainer.naming import run_id, settle
from services.trainer.process import Ended
from services.trainer.runs import RunFolder, RunIsBusy, RunNameInvalid, Runs
from services.trainer.settings import TrainerSettings
from shared.errors import DatasetNotFound
from shared.runs import RunNotFound, is_name

REQUEST: dict[str, Any] = {
    "run": "lora-3f2a91c0",
    "dataset": "v1",
    "method": "lora",
    "model": "",
    "settings": {"seed": 1},
}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = Runs(tmp_path / "runs").folder("lora-3f2a91c0")
    folder.create(REQUEST)
    return folder


def test_a_run_goes_from_waiting_to_its_end(folder: RunFolder) -> None:
    assert folder.exists()
    assert folder.request() == REQUEST
    assert folder.status() == "waiting"
    lock = folder.lock()
    assert lock is not None
    assert folder.status() == "running"
    assert folder.lock() is None
    folder.write_result({"status": "completed"})
    assert folder.status() == "completed"
    os.close(lock)
    assert folder.status() == "completed"
    folder.reset()
    assert folder.status() == "waiting"


def test_a_run_whose_child_is_killed_no_longer_runs(folder: RunFolder) -> None:
    lock = folder.lock()
    assert lock is not None
    child = subprocess.Popen([sys.executable, "-c", "input()"], pass_fds=(lock,), stdin=-1)
    os.close(lock)
    assert folder.status() == "running"
    child.kill()
    child.wait()
    assert folder.status() == "waiting"


def test_looking_takes_nothing_from_the_trainer(folder: RunFolder) -> None:
    assert not folder.running()
    assert not folder.running()
    lock = folder.lock()
    assert lock is not None
    os.close(lock)


def test_a_wish_to_cancel_counts_until_it_is_forgotten(folder: RunFolder) -> None:
    folder.request_cancel()
    assert folder.cancel_requested()
    assert folder.status() == "cancelled"
    folder.forget_cancel()
    assert folder.status() == "waiting"


def test_progress_is_read_from_where_one_was(folder: RunFolder) -> None:
    assert folder.progress() == ([], 0)
    folder.add_progress({"step": 1})
    lines, offset = folder.progress()
    assert [line["step"] for line in lines] == [1]
    folder.add_progress({"step": 2})
    with (folder.path / "progress.jsonl").open("a") as file:
        file.write('nonsense\n[3]\n{"step": 3')
    lines, offset = folder.progress(offset)
    assert [line["step"] for line in lines] == [2]
    with (folder.path / "progress.jsonl").open("a") as file:
        file.write("}\n")
    assert folder.progress(offset)[0] == [{"step": 3}]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"status": "odd"}', '{"status": "running"}'])
def test_a_result_that_is_not_one_does_not_count(folder: RunFolder, content: str) -> None:
    (folder.path / "result.json").write_text(content)
    assert folder.result() is None
    assert folder.status() == "waiting"


def test_a_running_run_is_not_deleted(folder: RunFolder) -> None:
    lock = folder.lock()
    assert lock is not None
    with pytest.raises(RunIsBusy, match="runs cancel"):
        folder.delete()
    os.close(lock)
    folder.delete()
    assert not folder.path.exists()


@pytest.mark.parametrize("name", ["", "..", ".", "a/b", "/etc", "A", "a b", "-a", "a\n", "a" * 81])
def test_a_name_cannot_lead_elsewhere(tmp_path: Path, name: str) -> None:
    assert not is_name(name)
    with pytest.raises(RunNameInvalid, match="name of a run"):
        Runs(tmp_path).folder(name)


def test_a_run_is_found_by_how_its_name_begins(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    for name in ("lora-1", "lora-12", "full-1"):
        runs.folder(name).create(REQUEST)
    assert runs.find("fu").name == "full-1"
    assert runs.find("lora-1").name == "lora-1"
    with pytest.raises(RunNotFound, match="lora-12"):
        runs.find("lora")
    with pytest.raises(RunNotFound, match="is no run"):
        runs.find("../lora-1")


def test_the_same_work_has_the_same_name(tmp_path: Path) -> None:
    name = run_id("lora", "v3:abc", "", {"seed": 0, "labels": {"0": "a", "1": "b"}})
    assert name == run_id("lora", "v3:abc", "", {"labels": {"1": "b", "0": "a"}, "seed": 0})
    assert is_name(name)
    assert len(name) == len("lora-3f2a91c0")
    others = {
        run_id("full", "v3:abc", "", {"seed": 0}),
        run_id("lora", "v4:abc", "", {"seed": 0}),
        run_id("lora", "v3:abc", "m", {"seed": 0}),
        run_id("lora", "v3:abc", "", {"seed": 1}),
    }
    assert len({name[-8:] for name in others}) == 4


@pytest.mark.parametrize("which", ["dataset", "test"])
def test_a_file_that_changes_is_other_work(tmp_path: Path, which: str) -> None:
    file = tmp_path / "data.jsonl"
    file.write_text("one")

    def name() -> str:
        settings = {"test": str(file)} if which == "test" else {}
        return run_id("lora", str(file) if which == "dataset" else "v1", "", settings)

    before = name()
    assert name() == before
    file.write_text("two")
    assert name() != before
    file.write_text("one")
    assert name() == before


async def test_a_dataset_is_named_in_words_that_stay_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.jsonl").write_text("{}")
    assert await settle("data.jsonl", "nowhere") == (str(tmp_path / "data.jsonl"),) * 2
    assert (await settle("other.jsonl", "nowhere"))[0] == "other.jsonl"
    with pytest.raises(DatasetNotFound, match="No dataset has been built"):
        await settle("latest", str(tmp_path / "versions"))


def test_the_end_of_a_child_is_told_by_what_it_said(folder: RunFolder) -> None:
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    folder.log.write_text("loading\n" * 20 + "ValueError: it is too long\n")
    crashed = ending(folder, Ended(1, cancelled=False), now)
    assert crashed is not None
    assert "exit code 1" in crashed["error"]
    assert "ValueError: it is too long" in crashed["error"]
    killed = ending(folder, Ended(-9, cancelled=False), now)
    assert killed is not None
    assert "memory" in killed["error"]
    cancelled = ending(folder, Ended(-15, cancelled=True), now)
    assert cancelled is not None
    assert cancelled["status"] == "cancelled"
    folder.write_result({"status": "failed", "error": "interrupted"})
    assert ending(folder, Ended(0, cancelled=False), now) is None
    assert ending(folder, Ended(0, cancelled=True), now) is not None
    folder.write_result({"status": "completed"})
    assert ending(folder, Ended(0, cancelled=True), now) is None


def test_a_result_without_training_has_what_a_report_reads() -> None:
    from datetime import UTC, datetime

    result = result_of(REQUEST, "failed", datetime.now(UTC), error="No.", hint="Do.")
    assert (result["run"], result["method"], result["seed"]) == ("lora-3f2a91c0", "lora", 1)
    assert (result["scores"], result["curve"], result["status"]) == ({}, [], "failed")


def test_the_trainer_is_light() -> None:
    code = (
        "import sys, services.trainer.app, services.cli.main\n"
        "heavy = {'torch', 'transformers', 'peft', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert Trainer.__module__ == "services.trainer.handlers"


class TestCommands:
    """`gristmill runs`, which looks at the folder only."""

    @pytest.fixture(autouse=True)
    def _home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GRISTMILL_HOME", str(tmp_path))
        monkeypatch.chdir(tmp_path)

    def run(self, *args: str, fails: type[Exception] | None = None) -> str:
        done = CliRunner().invoke(app, ["runs", *args])
        if fails is not None:
            assert isinstance(done.exception, fails)
            return str(done.exception)
        assert done.exit_code == 0, done.output
        return done.output

    def test_there_are_none(self) -> None:
        assert "No runs yet" in self.run()
        assert json.loads(self.run("list", "--json")) == []

    def test_they_are_listed_and_shown(self, folder: RunFolder) -> None:
        folder.add_progress({"phase": "training", "step": 3, "steps": 9})
        folder.write_result(
            {"run": folder.name, "status": "completed", "scores": {"f1": 0.5, "exact_match": 0.25}}
        )
        for args in ((), ("list",)):
            assert "lora-3f2a91c0" in self.run(*args)
            assert "f1 0.500" in self.run(*args)
        for args in (("--json",), ("list", "--json")):
            (row,) = json.loads(self.run(*args))
            assert (row["status"], row["dataset"]) == ("completed", "v1")
        shown = self.run("show", "lo")
        assert "exact match 0.250" in shown
        assert str(folder.path) in shown
        about = json.loads(self.run("show", "lo", "--json"))
        assert about["request"] == REQUEST
        assert about["result"]["scores"]["f1"] == 0.5
        assert about["progress"]["step"] == 3

    def test_a_waiting_one_is_cancelled_once(self, folder: RunFolder) -> None:
        assert "is being cancelled" in self.run("cancel", "lora-3f")
        assert folder.status() == "cancelled"
        assert "cancelled already" in self.run("cancel", "lora-3f", fails=Exception)

    def test_one_is_deleted(self, folder: RunFolder) -> None:
        lock = folder.lock()
        assert lock is not None
        self.run("delete", "lora", fails=RunIsBusy)
        os.close(lock)
        self.run("delete", "lora")
        assert not folder.path.exists()
        self.run("delete", "lora", fails=RunNotFound)

    def test_the_folder_can_be_elsewhere(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GRISTMILL_TRAINER_RUNS", str(tmp_path / "elsewhere"))
        assert TrainerSettings(runs="x").location(tmp_path) == tmp_path / "x"
        Runs(tmp_path / "elsewhere").folder("full-1").create(REQUEST)
        assert "full-1" in self.run()
