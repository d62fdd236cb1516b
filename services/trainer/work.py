"""One run in a process of its own: `python -m services.trainer.work RUN_FOLDER`.

Reads `request.json`, tunes, opens what was saved as anyone would, scores that on the test rows, and
writes `result.json` last. Started again in the same folder it continues.
"""

from __future__ import annotations

import json
import math
import os
import platform
import resource
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.trainer import memory
from services.trainer.data import DataSettings, Item, TaskData, load_data
from services.trainer.job import Job, Tuned, check, method_named
from services.trainer.runs import RunFolder
from services.trainer.scores import per_item, score
from shared.answering.artifact import Artifact, open_answerer
from shared.answering.background import embed
from shared.errors import ConfigurationInvalid, GristmillError
from shared.settings import SMOLLM2

SHOWN = 10  # questions whose answers stand in the report
_SCORING_PARTS = 8


class RunSettings(BaseModel):
    """What every run can be told, beside its method's and its data's settings.

    Attributes:
        seed: decides all that is drawn while learning.
        max_seconds: when to stop learning; 0 for never.
        precision: `bfloat16` is for GPUs.
        device: such as `cpu` or `cuda:1`; the best there is where it is empty.
    """

    model_config = ConfigDict(extra="ignore")

    seed: int = 0
    max_seconds: float = Field(default=0, ge=0)
    precision: str = Field(default="float32", pattern="^(float32|bfloat16)$")
    device: str = ""


def main(folder: Path) -> int:
    """Do the run in this folder; 0 where a result was written, good or bad."""
    run = RunFolder(folder)
    request = run.request()
    started = datetime.now(UTC).isoformat(timespec="seconds")
    common = {name: request.get(name, "") for name in ("run", "method", "model", "settings")}
    common["model"] = common["model"] or SMOLLM2
    try:
        result = {"status": "completed", "error": "", "hint": ""} | common | _do(run, request)
    except GristmillError as error:
        result = common | {"status": "failed", "error": error.message, "hint": error.hint}
    except OSError as error:
        result = common | {
            "status": "failed",
            "error": f"The run folder cannot be written: {error}.",
            "hint": "Make room on the disk (`gristmill runs delete`), then run it again.",
        }
    except MemoryError:
        result = common | {
            "status": "failed",
            "error": "Memory ran out.",
            "hint": "Lower the batch size (--set batch_size=4), or take a smaller model.",
        }
    ended = datetime.now(UTC).isoformat(timespec="seconds")
    run.write_result(result | {"started": started, "ended": ended})
    if result["status"] == "completed":
        shutil.rmtree(folder / "checkpoint", ignore_errors=True)
    return 0


def _do(run: RunFolder, request: dict[str, Any]) -> dict[str, Any]:
    given = dict(request["settings"])
    data_settings = _take(DataSettings, given)
    settings = _take(RunSettings, given)
    method = method_named(request["method"], given)
    data = load_data(request["dataset"], data_settings, request["versions_location"])
    progress = _Progress(run)
    job = Job(
        data,
        request["model"] or SMOLLM2,
        run.path,
        request["method"],
        seed=settings.seed,
        deadline=time.monotonic() + settings.max_seconds if settings.max_seconds else math.inf,
        precision=settings.precision,
        device=settings.device,
        progress=progress,
    )
    check(method, job.method, job)
    memory.check(job.model, job.method)
    if not (job.behind_endpoint or method.labels_only):
        _ = job.network  # loading it is not learning
    began = time.monotonic()
    tuned = method.tune(job)
    seconds = time.monotonic() - began
    shortened = job.network.shortened if "network" in vars(job) else 0
    vars(job).pop("network", None)  # what is scored is the artifact, as anyone would open it
    result = _scored(job, tuned, progress) | {
        "dataset": _about(data),
        "seed": job.seed,
        "train_seconds": round(seconds + tuned.earlier_seconds, 1),
        "machine": _machine(),
        "artifact": str(job.artifact_folder),
    }
    if shortened:
        result["notes"] += [f"{shortened} contexts were cut to fit the model."]
    kind = Artifact.read(job.artifact_folder).kind
    from services.trainer.card import write_card

    write_card(
        job.artifact_folder,
        result | {k: request[k] for k in ("run", "method", "settings")} | {"model": job.model},
        kind,
    )
    size = sum(f.stat().st_size for f in job.artifact_folder.rglob("*") if f.is_file())
    return result | {"artifact_bytes": size, "peak_memory_bytes": _peak()}


def _scored(job: Job, tuned: Tuned, progress: _Progress) -> dict[str, Any]:
    items = job.data.test
    answerer = open_answerer(job.artifact_folder)
    answers: list[str] = []
    began = time.monotonic()
    width = math.ceil(len(items) / _SCORING_PARTS)
    for at in range(0, len(items), width):
        progress("scoring", at, len(items))
        answers += answerer.answer([item.query for item in items[at : at + width]])
    each = (time.monotonic() - began) / len(items)
    nll = answerer.likelihood([item.example for item in items]) if not job.task.labels else None
    scores = score(job.task, items, answers, embed=None if job.task.labels else embed, nll=nll)
    _keep_predictions(job.folder, items, answers)
    return {
        "scores": scores,
        "item_scores": [round(value, 4) for value in per_item(job.task, items, answers)],
        "trainable_parameters": tuned.trainable,
        "total_parameters": tuned.total,
        "tokens_per_second": tuned.tokens_per_second,
        "curve": list(tuned.curve),
        "validation_curve": list(tuned.validation_curve),
        "seconds_per_answer": round(each, 4),
        "examples": _shown(items, answers),
        "notes": [*job.data.notes, *tuned.notes],
    }


def _take(model: type[Any], given: dict[str, Any]) -> Any:
    """Take a model's settings out of those that were given."""
    own = {name: given.pop(name) for name in list(given) if name in model.model_fields}
    try:
        return model(**own)
    except ValidationError as error:
        problems = "; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors())
        raise ConfigurationInvalid(f"These settings cannot be used: {problems}.") from error


def _shown(items: Sequence[Item], answers: Sequence[str]) -> list[dict[str, str]]:
    every = max(len(items) // SHOWN, 1)
    places = list(range(0, len(items), every))[:SHOWN]
    return [_line(items[at], answers[at]) for at in places]


def _line(item: Item, answer: str) -> dict[str, str]:
    return asdict(item.query) | {"reference": item.answers[0], "answer": answer}


def _keep_predictions(folder: Path, items: Sequence[Item], answers: Sequence[str]) -> None:
    with (folder / "predictions.jsonl").open("w", encoding="utf-8") as file:
        for item, answer in zip(items, answers, strict=True):
            file.write(json.dumps(_line(item, answer), ensure_ascii=False) + "\n")


def _about(data: TaskData) -> dict[str, Any]:
    return {
        "name": data.name,
        "fingerprint": data.fingerprint,
        "task": data.task.name,
        "train": len(data.train),
        "validation": len(data.validation),
        "test": len(data.test),
    }


def _machine() -> dict[str, Any]:
    import psutil
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return {
        "cpu": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": psutil.virtual_memory().total,
        "gpu": gpu,
        "torch": torch.__version__,
    }


def _peak() -> int:
    """Return the most memory this process has held: the GPU's where there is one."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class _Progress:
    """Appends progress to the run's folder, a line a second at most."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._last = (0.0, "")

    def __call__(self, phase: str, step: int, steps: int, **figures: float) -> None:
        now = time.monotonic()
        if phase == self._last[1] and now - self._last[0] < 1.0 and step < steps:
            return
        self._last = (now, phase)
        rounded = {name: round(value, 4) for name, value in figures.items()}
        self._run.add_progress({"phase": phase, "step": step, "steps": steps} | rounded)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
