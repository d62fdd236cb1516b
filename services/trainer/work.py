"""One run in a process of its own: `python -m services.trainer.work RUN_FOLDER`.

Reads `request.json`, tunes, opens what was saved as anyone would, scores that on the test rows, and
writes `result.json` last. Started again in the same folder it continues. A training that several
processes share is this process, which watches, and as many of `... RUN_FOLDER RANK`.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field

from services.trainer import findings, memory, ranks
from services.trainer.card import write_card
from services.trainer.data import DataSettings, load_data, taken
from services.trainer.failures import explained
from services.trainer.job import Job, Method, Tuned, check, method_named
from services.trainer.runs import RunFolder
from shared.answering.artifact import Artifact
from shared.settings import SMOLLM2


class RunSettings(BaseModel):
    """What every run can be told, beside its method's and its data's settings.

    Attributes:
        seed: decides all that is drawn while learning.
        max_seconds: when to stop learning; 0 for never.
        precision: `bfloat16` for the arithmetic; weights, and so what is saved, stay float32.
        device: such as `cpu` or `cuda:1`; the best there is where it is empty.
        processes: that share each batch of a method that learns by gradient; 0 is one for each GPU.
    """

    model_config = ConfigDict(extra="ignore")

    seed: int = 0
    max_seconds: float = Field(default=0, ge=0)
    precision: str = Field(default="float32", pattern="^(float32|bfloat16)$")
    device: str = ""
    processes: int = Field(default=0, ge=0)


def main(folder: Path, rank: int | None = None) -> int:
    """Do the run in this folder; 0 where a result was written, good or bad.

    Args:
        folder: the run's.
        rank: which of several processes this is. Only the first of them writes anything.
    """
    run = RunFolder(folder)
    request = run.request()
    if rank:
        job, method, _ = _prepared(run, request, rank)
        _tune(job, method)
        return 0
    started = datetime.now(UTC).isoformat(timespec="seconds")
    common = {name: request.get(name, "") for name in ("run", "method", "model", "settings")}
    common["model"] = common["model"] or SMOLLM2
    try:
        result = {"status": "completed", "error": "", "hint": ""} | common
        result |= _do(run, request, rank)
    except Exception as error:
        if (why := explained(error)) is None:
            raise
        result = common | {"status": "failed", "error": why.message, "hint": why.hint}
    ended = datetime.now(UTC).isoformat(timespec="seconds")
    run.write_result(result | {"started": started, "ended": ended})
    if result["status"] == "completed":
        shutil.rmtree(folder / "checkpoint", ignore_errors=True)
    return 0


def _do(run: RunFolder, request: dict[str, Any], rank: int | None) -> dict[str, Any]:
    job, method, settings = _prepared(run, request, rank)
    if rank is None:
        by_gradient = method.settings.by_gradient
        count = ranks.count(settings.processes, settings.device) if by_gradient else 1
        memory.check(job.model, job.method, count)
        if count > 1:
            ranks.train(run, count)
            return run.result() or {}
    seconds, tuned = _tune(job, method)
    result = findings.of(job, tuned) | {
        "train_seconds": round(seconds + tuned.earlier_seconds, 1),
        "artifact": str(job.artifact_folder),
    }
    if rank is not None:
        several = f"Trained by {os.environ['WORLD_SIZE']} processes; the memory is that of one."
        result["notes"].append(several)
    kind = Artifact.read(job.artifact_folder).kind
    write_card(
        job.artifact_folder,
        result | {k: request[k] for k in ("run", "method", "settings")} | {"model": job.model},
        kind,
    )
    size = sum(f.stat().st_size for f in job.artifact_folder.rglob("*") if f.is_file())
    return result | {"artifact_bytes": size, "peak_memory_bytes": findings.peak_memory()}


def _prepared(
    run: RunFolder, request: dict[str, Any], rank: int | None
) -> tuple[Job, Method, RunSettings]:
    given = dict(request["settings"])
    data_settings = taken(DataSettings, given)
    settings = taken(RunSettings, given)
    method = method_named(request["method"], given)
    job = Job(
        load_data(request["dataset"], data_settings, request["versions_location"]),
        request["model"] or SMOLLM2,
        run.path,
        request["method"],
        seed=settings.seed,
        deadline=time.monotonic() + settings.max_seconds if settings.max_seconds else math.inf,
        precision=settings.precision,
        device=settings.device if rank is None else ranks.device(rank, settings.device),
        progress=_Progress(run, loud=not rank),
    )
    check(method, job.method, job)
    return job, method, settings


def _tune(job: Job, method: Method) -> tuple[float, Tuned]:
    """Return the seconds that tuning took, and what came out; of several processes one returns."""
    if not (job.behind_endpoint or method.labels_only):
        _ = job.network  # loading it is not learning
    threads = torch.get_num_threads()
    began = time.monotonic()
    tuned = method.tune(job)
    seconds = time.monotonic() - began
    torch.set_num_threads(threads)  # accelerate shares them out among several processes
    notes = [*tuned.notes]
    if "network" in vars(job):
        if job.network.shortened:
            notes.append(f"{job.network.shortened} contexts were cut to fit the model.")
        del vars(job)["network"]  # what is scored is the artifact, as anyone would open it
    return seconds, replace(tuned, notes=tuple(notes))


class _Progress:
    """Appends progress to the run's folder, a line a second at most; nothing where not `loud`."""

    def __init__(self, run: RunFolder, *, loud: bool) -> None:
        self._run = run
        self._loud = loud
        self._last = (0.0, "")

    def __call__(self, phase: str, step: int, steps: int, **figures: float) -> None:
        now = time.monotonic()
        if not self._loud or (
            phase == self._last[1] and now - self._last[0] < 1.0 and step < steps
        ):
            return
        self._last = (now, phase)
        rounded = {name: round(value, 4) for name, value in figures.items()}
        self._run.add_progress({"phase": phase, "step": step, "steps": steps} | rounded)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *map(int, sys.argv[2:])))
