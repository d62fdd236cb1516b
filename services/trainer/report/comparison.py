"""Several results become report.json, report.html and a table for the terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from services.trainer.report.entries import UNTUNED, Entry, Result, completed, finite, group
from services.trainer.report.field import rank
from services.trainer.report.verdict import verdict
from services.trainer.report.words import (
    NOTHING,
    count,
    duration,
    figure,
    plain,
    score_name,
    signed,
    size,
)
from shared.errors import GristmillError
from shared.files import write_atomically

_MAIN = {"classification": "accuracy", "question-answering": "f1"}
_WIDTH = 100


class NothingToCompare(GristmillError):
    """There is no result."""


class RunsNotComparable(GristmillError):
    """The runs were tested on different items, so their scores say nothing of each other."""


def summarize(results: Sequence[Result]) -> dict[str, Any]:
    """Return what report.json holds.

    `runs` has an entry a method: the untuned model, the others from best to worst, then those
    without a score. Runs that differ only in their seed are one entry: means of its completed
    runs (peak memory: the highest) and in `spread` the lowest and highest of each score. `change`
    is the main score's difference to that of the untuned model.

    Raises:
        NothingToCompare: there is no result.
        RunsNotComparable: the runs are of different datasets, or were tested on different items.
    """
    return _report(results, _entries(results))


def write_report(results: Sequence[Result], folder: Path) -> tuple[Path, Path]:
    """Write report.json and report.html into the folder, and return their paths.

    Raises:
        NothingToCompare: there is no result.
        RunsNotComparable: the runs are of different datasets, or were tested on different items.
    """
    from services.trainer.report.page import render  # needs matplotlib

    entries = _entries(results)
    report = _report(results, entries)
    content = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False, default=str)
    page = render(report, in_order(entries, report["main_score"]))
    paths = folder / "report.json", folder / "report.html"
    for path, text in zip(paths, (content + "\n", page), strict=True):
        write_atomically(path, partial(Path.write_text, data=text, encoding="utf-8"))
    return paths


def table(report: dict[str, Any]) -> str:
    """Return the runs as a plain table of at most 100 columns."""
    names = [plain(run["label"], 24) for run in report["runs"]]
    done = [run["status"] == "completed" for run in report["runs"]]
    head = ["method", score_name(report["main_score"]), "change", "trained"]
    rows = [[*head, "training", "memory", "artifact", "an answer"]] + [
        [name, *_figures(run, report)]
        for name, run, completes in zip(names, report["runs"], done, strict=True)
        if completes
    ]
    first = max(len(name) for name in ("method", *names))
    widths = [max(len(row[column]) for row in rows) for column in range(1, len(rows[0]))]
    lines = [
        "  ".join([row[0].ljust(first), *map(str.rjust, row[1:], widths)]).rstrip() for row in rows
    ]
    for name, run, completes in zip(names, report["runs"], done, strict=True):
        if not completes:
            why = plain(f"{run['status']}: {run.get('error', '')}", _WIDTH - first - 2)
            lines.append(f"{name.ljust(first)}  {why}")
    return "\n".join(lines)


def _figures(run: dict[str, Any], report: dict[str, Any]) -> list[str]:
    value = run["scores"].get(report["main_score"])
    return [
        NOTHING if value is None else figure(value),
        signed(run["change"]),
        count(run["trainable_parameters"]),
        duration(run["train_seconds"]),
        size(run["peak_memory_bytes"]),
        size(run["artifact_bytes"]),
        duration(run["seconds_per_answer"]),
    ]


def _entries(results: Sequence[Result]) -> list[Entry]:
    if not results:
        raise NothingToCompare("There is no result to compare.", "Name at least one run.")
    tested = {_tested(result): result for result in completed(results)}
    if len(tested) > 1:
        runs = " and ".join(plain(result.get("run", "?")) for result in tested.values())
        raise RunsNotComparable(
            f"The runs {runs} were not tested on the same items.",
            "Compare runs of one dataset and one test split.",
        )
    return group(results)


def _tested(result: Result) -> tuple[str, str, str]:
    dataset = result.get("dataset") or {}
    return (
        str(dataset.get("task", "")),
        str(dataset.get("fingerprint", "")),
        str(dataset.get("test", "")),
    )


def _report(results: Sequence[Result], entries: Sequence[Entry]) -> dict[str, Any]:
    told = [*completed(results), *results]
    dataset: dict[str, Any] = next((r["dataset"] for r in told if r.get("dataset")), {})
    machine: dict[str, Any] = next((r["machine"] for r in told if r.get("machine")), {})
    model = next((str(r["model"]) for r in told if r.get("model")), "")
    main = _MAIN.get(str(dataset.get("task", "")), "f1")
    return {
        "dataset": dataset,
        "model": model,
        "machine": machine,
        "date": max((str(r["ended"]) for r in told if r.get("ended")), default=""),
        "main_score": main,
        "verdict": verdict(entries, main, int(finite(dataset.get("test")) or 0)),
        "runs": [
            {
                **(run := entry.as_dict()),
                "change": _change(entry, entries, main),
                "notes": [*run["notes"], *_apart(entry, model, machine)],
            }
            for entry in in_order(entries, main)
        ],
    }


def _change(entry: Entry, entries: Sequence[Entry], main_score: str) -> float | None:
    """Return the main score's difference to that of the untuned model."""
    base = next((e.scores.get(main_score) for e in entries if e.method == UNTUNED), None)
    if base is None or entry.method == UNTUNED or main_score not in entry.scores:
        return None
    return entry.scores[main_score] - base


def in_order(entries: Sequence[Entry], main_score: str) -> list[Entry]:
    """Return the untuned model, the others from best to worst, then those without a score."""
    ranked = rank(entries, main_score)
    ordered = [*ranked, *(entry for entry in entries if entry not in ranked)]
    return sorted(ordered, key=lambda entry: entry.method != UNTUNED)


def _apart(entry: Entry, model: str, machine: dict[str, Any]) -> list[str]:
    """Return what makes the entry's figures differ for another reason than its method."""
    notes = []
    models = {str(run["model"]) for run in entry.runs if run.get("model")} - {model}
    if models:
        notes.append(f"Run with another model: {plain(', '.join(sorted(models)))}.")
    if any(run["machine"] != machine for run in entry.runs if run.get("machine")):
        notes.append("Run on another machine, so its times and memory do not compare.")
    return notes
