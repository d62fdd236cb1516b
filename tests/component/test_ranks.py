"""A training that several processes share, on a tiny model and gloo."""

import json
import sys

import pytest
import torch
from safetensors.torch import load_file

from services.trainer import ranks, work
from shared.errors import ConfigurationInvalid
from tests.component.test_tuning_methods import TOPICS, request, saved
from tests.tiny import llama

RANK = """
import os, signal, sys
from pathlib import Path
from services.trainer import gradient, work

gradient.CHECKPOINT_SECONDS = 0.0
folder, rank = Path(sys.argv[1]), int(sys.argv[2])
step = gradient.Learner._step

def dies(learner, *args):
    if learner._state.step == 8:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(learner, *args)

if rank == 1 and (folder / "die").exists():
    gradient.Learner._step = dies
sys.exit(work.main(folder, rank))
"""


@pytest.fixture(scope="module")
def causal(tmp_path_factory):
    return saved(llama, tmp_path_factory)


@pytest.fixture
def rows(tmp_path):
    file = tmp_path / "rows.tsv"
    lines = (f"the {t} runs {n}\t{('topic', 'text')[n % 2]}" for n in range(10) for t in TOPICS)
    file.write_text("\n".join(lines))
    return file


@pytest.mark.timeout(1800)
def test_two_processes_learn_what_one_does_and_go_on_when_one_was_killed(
    causal, rows, tmp_path, monkeypatch
):
    quick = {"epochs": 2, "batch_size": 5}  # an odd number: the two have unequal shares
    alone = request(tmp_path / "alone", rows, "lora", causal, **quick)
    assert alone["status"] == "completed", alone
    rank = tmp_path / "rank.py"
    rank.write_text(RANK)
    monkeypatch.setattr(ranks, "WORK", (sys.executable, str(rank)))
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "die").touch()
    failed = request(folder, rows, "lora", causal, **quick, processes=2)
    assert failed["status"] == "failed"
    assert failed["error"].startswith("Process 2 of 2 of the training was killed")
    assert "fewer rows" in failed["hint"]
    assert not (folder / "artifact").exists()
    (folder / "die").unlink()
    (folder / "result.json").unlink()
    assert work.main(folder) == 0
    together = json.loads((folder / "result.json").read_text())
    assert together["status"] == "completed", together
    assert any("Trained by 2 processes" in note for note in together["notes"])
    losses = [loss for _, loss in together["curve"]]
    assert losses == pytest.approx([loss for _, loss in alone["curve"]], abs=1e-3)
    assert together["validation_curve"][-1] == pytest.approx(alone["validation_curve"][-1])
    one, two = (
        load_file(tmp_path / name / "artifact" / "adapter_model.safetensors")
        for name in ("alone", "shared")
    )
    assert all(torch.allclose(one[name], two[name], atol=1e-5) for name in one)
    lines = [json.loads(line) for line in (folder / "progress.jsonl").open()]
    assert sum(line["phase"] == "loading" for line in lines) == 2  # the first one's, in both runs


def test_what_is_wrong_with_a_shared_run_is_said_before_any_process_is_started(
    causal, rows, tmp_path, monkeypatch
):
    monkeypatch.setattr(ranks, "WORK", ("/no/such/program",))
    monkeypatch.setattr("services.trainer.memory.available_bytes", lambda: 4_000_000_000)
    asked = {"processes": 3}
    result = request(tmp_path / "memory", rows, "lora", causal, **asked)
    assert "needs about 4.5 GB of memory and 4.0 GB are free" in result["error"]
    assert "fewer processes" in result["hint"]
    result = request(tmp_path / "setting", rows, "lora", causal, rnak=8, **asked)
    assert "rnak" in result["error"]


def test_what_needs_no_gradient_is_one_process_whatever_is_asked(
    causal, rows, tmp_path, monkeypatch
):
    monkeypatch.setattr(ranks, "WORK", ("/no/such/program",))
    for method in ("untuned", "feature-based", "tf-idf"):
        result = request(tmp_path / method, rows, method, causal, processes=3)
        assert result["status"] == "completed", result


@pytest.mark.parametrize(
    ("gpus", "asked", "device", "count"),
    [
        (0, 0, "", 1),
        (0, 2, "", 2),
        (4, 0, "", 4),
        (4, 2, "cuda", 2),
        (4, 0, "cuda:1", 1),
        (4, 0, "cpu", 1),
        (4, 8, "cpu", 8),
    ],
)
def test_there_is_a_process_for_each_gpu_unless_it_is_said_otherwise(
    gpus, asked, device, count, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert ranks.count(asked, device) == count


@pytest.mark.parametrize(("asked", "device", "said"), [(3, "", "have 2"), (2, "cuda:1", "have 1")])
def test_more_processes_than_gpus_are_refused(asked, device, said, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ConfigurationInvalid, match=said):
        ranks.count(asked, device)
