"""What is found out about a tuned model: its answers, their scores, and what it all took."""

from __future__ import annotations

import json
import math
import os
import platform
import resource
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import torch

from services.trainer.data import Item, TaskData
from services.trainer.job import Job, Tuned
from services.trainer.scores import per_item, score
from shared.answering.artifact import open_answerer
from shared.answering.background import embed

SHOWN = 10  # questions whose answers stand in the report
_SCORING_PARTS = 8


def of(job: Job, tuned: Tuned) -> dict[str, Any]:
    """Open what a job has saved, have it answer the test rows, and return its part of the result.

    What was answered to each row is left in the job's folder as `predictions.jsonl`.
    """
    items = job.data.test
    answerer = open_answerer(job.artifact_folder)
    answers: list[str] = []
    began = time.monotonic()
    width = math.ceil(len(items) / _SCORING_PARTS)
    for at in range(0, len(items), width):
        job.progress("scoring", at, len(items))
        answers += answerer.answer([item.query for item in items[at : at + width]])
    each = (time.monotonic() - began) / len(items)
    nll = answerer.likelihood([item.example for item in items]) if not job.task.labels else None
    scores = score(job.task, items, answers, embed=None if job.task.labels else embed, nll=nll)
    _keep_predictions(job.folder, items, answers)
    return {
        "dataset": _about(job.data),
        "seed": job.seed,
        "machine": _machine(),
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
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return {
        "cpu": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": psutil.virtual_memory().total,
        "gpu": gpu,
        "torch": torch.__version__,
    }


def peak_memory() -> int:
    """Return the most memory this process has held: the GPU's where there is one."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
