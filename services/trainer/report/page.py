"""The comparison as one HTML page that needs nothing beside itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.trainer.report import sampling
from services.trainer.report.entries import UNTUNED, Entry, finite
from services.trainer.report.figures import costs, curves
from services.trainer.report.words import (
    LOWER_IS_BETTER,
    NOTHING,
    SCORES,
    count,
    duration,
    figure,
    plain,
    score_name,
    share,
    signed,
    size,
)

_EXAMPLES = 10


def render(report: dict[str, Any], entries: Sequence[Entry]) -> str:
    """Return the page; every text that comes from data is escaped.

    Args:
        report: what report.json holds.
        entries: the same runs in the same order, with their curves and examples.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = _score_names(report["runs"])
    return environment.get_template("page.html.jinja").render(
        title=f"Methods compared on {report['dataset'].get('name') or 'a dataset'}",
        facts=_facts(report),
        verdict=report["verdict"],
        score_names=[score_name(name) for name in names],
        main=score_name(report["main_score"]),
        rows=_rows(report, names),
        curves=curves(entries),
        costs=costs(entries, report["main_score"]),
        examples=_examples(entries),
        settings=[_settings(run) for run in report["runs"]],
        several=any(len(run["seeds"]) > 1 for run in report["runs"]),
        single=[
            run["label"]
            for run in report["runs"]
            if run["status"] == "completed" and len(run["seeds"]) == 1 and run["method"] != UNTUNED
        ],
        has=set(names),
        resamples=sampling.RESAMPLES,
        paired=any(entry.items for entry in entries),
    )


def _facts(report: dict[str, Any]) -> list[tuple[str, str]]:
    dataset, machine = report["dataset"], report["machine"]
    counts = [
        f"{number:,.0f} {split}"
        for split in ("train", "validation", "test")
        if (number := finite(dataset.get(split))) is not None
    ]
    memory = finite(machine.get("memory_bytes"))
    parts = [
        machine.get("cpu"),
        f"{machine['cores']} cores" if machine.get("cores") else "",
        f"{size(memory)} memory" if memory else "",
        machine.get("gpu") or ("no GPU" if machine else ""),
        f"torch {machine['torch']}" if machine.get("torch") else "",
    ]
    facts = [
        ("Dataset", dataset.get("name")),
        ("Task", str(dataset.get("task") or "").replace("-", " ")),
        ("Items", ", ".join(counts)),
        ("Fingerprint", dataset.get("fingerprint")),
        ("Model", report["model"]),
        ("Machine", ", ".join(str(part) for part in parts if part)),
        ("Date", _date(report["date"])),
    ]
    return [(name, str(value)) for name, value in facts if value]


def _date(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment.day} {moment:%B %Y, %H:%M %Z}".strip()


def _score_names(runs: Sequence[dict[str, Any]]) -> list[str]:
    found = {name for run in runs for name in run["scores"]}
    return [name for name in SCORES if name in found] + sorted(found - set(SCORES))


def _rows(report: dict[str, Any], names: Sequence[str]) -> list[dict[str, Any]]:
    runs = report["runs"]
    return [
        {
            "label": run["label"],
            "status": run["status"],
            "error": run.get("error", ""),
            "seeds": len(run["seeds"]) if run["status"] == "completed" else 0,
            "scores": [_cell(run, name, runs) for name in names],
            "change": signed(run["change"]),
            "trainable": count(run["trainable_parameters"]),
            "share": share(run["trainable_parameters"], run["total_parameters"]),
            "training": duration(run["train_seconds"]),
            "memory": size(run["peak_memory_bytes"]),
            "artifact": size(run["artifact_bytes"]),
            "answer": duration(run["seconds_per_answer"]),
        }
        for run in runs
    ]


def _cell(run: dict[str, Any], name: str, runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    if name not in run["scores"]:
        return {"text": NOTHING, "best": False, "spread": []}
    pick = min if name in LOWER_IS_BETTER else max
    best = pick(other["scores"][name] for other in runs if name in other["scores"])
    ends = run["spread"].get(name)
    return {
        "text": figure(run["scores"][name]),
        "best": figure(run["scores"][name]) == figure(best),
        "spread": [figure(end) for end in ends or ()],
    }


def _examples(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return the questions with every method's answer, in the order of the first that has them."""
    questions: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in entries:
        for example in entry.runs[0].get("examples") or [] if entry.runs else []:
            text = {
                name: str(example.get(name) or "").strip()
                for name in ("question", "context", "reference", "answer")
            }
            shown = questions.setdefault((text["question"], text["context"]), {**text, "by": []})
            shown["by"].append(
                {
                    "label": entry.label,
                    "answer": text["answer"],
                    "same": _bare(text["answer"]) == _bare(text["reference"]),
                }
            )
    return list(questions.values())[:_EXAMPLES]


def _bare(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")


def _settings(run: dict[str, Any]) -> dict[str, Any]:
    values = {
        name: value if isinstance(value, str) else json.dumps(value, default=str)
        for name, value in run["settings"].items()
    }
    return {
        "label": run["label"],
        "settings": values,
        "seeds": ", ".join(str(seed) for seed in run["seeds"]),
        "runs": ", ".join(plain(name) for name in run["run_ids"]),
        "notes": run["notes"],
    }
