"""What is drawn of the runs, each figure with what it shows in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from services.trainer.report import plots
from services.trainer.report.entries import Entry, Result, finite
from services.trainer.report.words import duration, score_name


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure of the page.

    Attributes:
        text: what the caption says beside the title.
    """

    title: str
    text: str
    svg: Markup


def curves(entries: Sequence[Entry]) -> list[Drawing]:
    """Return the loss curves of each method that recorded any."""
    drawings = []
    for entry in entries:
        training = [points for run in entry.runs if (points := _points(run, "curve"))]
        checked = [points for run in entry.runs if (points := _points(run, "validation_curve"))]
        if not training and not checked:
            continue
        said = [_course("training", training), _course("validation", checked)]
        text = "; ".join(part for part in said if part)
        svg = plots.losses(training, checked, f"Loss of {entry.label}: {text}.")
        drawings.append(Drawing(entry.label, text, svg))
    return drawings


def costs(entries: Sequence[Entry], main_score: str) -> list[Drawing]:
    """Return the plots of the main score against training time and time for an answer."""
    training = [(entry, entry.train_seconds) for entry in entries]
    answering = [(entry, entry.seconds_per_answer) for entry in entries]
    drawings = []
    for cost, pairs in ((plots.TRAINING, training), (plots.ANSWERING, answering)):
        marks = [
            _mark(entry, seconds, main_score)
            for entry, seconds in pairs
            if main_score in entry.scores and seconds is not None and seconds + cost.start > 0
        ]
        if len(marks) > 1:
            title = f"{score_name(main_score)} against {cost.name}"
            told = "; ".join(f"{m.label} {m.score:.3f} at {duration(m.cost)}" for m in marks)
            svg = plots.against(cost, marks, score_name(main_score), f"{title}: {told}.")
            drawings.append(Drawing(title, "", svg))
    return drawings


def _mark(entry: Entry, seconds: float, main_score: str) -> plots.Mark:
    score = entry.scores[main_score]
    low, high = entry.spread.get(main_score, (score, score))
    return plots.Mark(entry.label, seconds, score, low, high, entry.trains_weights)


def _points(run: Result, name: str) -> list[tuple[float, float]]:
    """Return the points of a curve that can be drawn, in order."""
    pairs = [pair for pair in run.get(name) or [] if isinstance(pair, list | tuple)]
    numbers = [(finite(pair[0]), finite(pair[1])) for pair in pairs if len(pair) > 1]
    return sorted((x, y) for x, y in numbers if x is not None and y is not None)


def _course(name: str, runs: Sequence[Sequence[tuple[float, float]]]) -> str:
    """Say how the first run's curve went."""
    if not runs:
        return ""
    points = plots.thinned(runs[0])
    step, lowest = min(points, key=lambda point: point[1])
    return (
        f"{name} {points[0][1]:.2f} to {points[-1][1]:.2f}, lowest {lowest:.2f} at step {step:,.0f}"
    )
