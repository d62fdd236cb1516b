"""Figures as SVG that takes its colours from the page, so that it reads on light and on dark."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from services.trainer.report.placing import Box, places
from services.trainer.report.words import duration, plain

Points = Sequence[tuple[float, float]]

# Colours matplotlib writes, and those of the page's style sheet that take their place.
_INK, _RULE, _TRAINS, _OTHER = "#010203", "#010204", "#010205", "#010206"
_COLOURS = {_INK: "currentColor", _RULE: "var(--rule)", _TRAINS: "var(--a)", _OTHER: "var(--b)"}
_MOST_POINTS = 200
_FONT = 10.0
_TICK_ROOM = 0.12  # of the axis: what a tick's label takes


@dataclass(frozen=True, slots=True)
class Mark:
    """A method in a plot of quality against cost.

    Attributes:
        cost: seconds.
        low, high: the ends of the score's spread over seeds; both the score where there is none.
        trains: whether the method trains any weights.
    """

    label: str
    cost: float
    score: float
    low: float
    high: float
    trains: bool


@dataclass(frozen=True, slots=True)
class Cost:
    """A logarithmic axis of seconds.

    Attributes:
        start: what is added before the logarithm is taken: 1 lets the axis begin at no cost.
        ticks: from coarse to fine; the first with three ticks in the plot is used.
    """

    name: str
    start: float
    ticks: tuple[tuple[float, ...], ...]

    def place(self, seconds: float) -> float:
        """Return where on the axis a cost lies."""
        return math.log10(seconds + self.start)


_POWERS = tuple(10.0**power for power in range(-5, 6))
TRAINING = Cost(
    "training time",
    1,
    (
        (0, 10, 60, 600, 3600, 36_000, 360_000),
        (0, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18_000, 36_000, 86_400),
    ),
)
ANSWERING = Cost(
    "time for an answer",
    0,
    tuple(
        tuple(digit * power for power in _POWERS for digit in digits)
        for digits in ((1,), (1, 2, 5), range(1, 10))
    ),
)


def losses(curves: Sequence[Points], validation: Sequence[Points], said: str) -> Markup:
    """Return the loss curves of one method, a line for each of its runs."""
    figure, axes = _figure(3.3, 2.2)
    for curve in curves:
        axes.plot(*zip(*thinned(curve), strict=True), color=_TRAINS, linewidth=1.4)
    for curve in validation:
        axes.plot(
            *zip(*thinned(curve), strict=True),
            color=_OTHER,
            linewidth=1.4,
            linestyle=(0, (4, 2)),
            marker="o",
            markersize=3.5,
        )
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    return _svg(figure, said)


def thinned(points: Points) -> list[tuple[float, float]]:
    """Return at most 200 points; where there are more, means over stretches of equal length."""
    stride = math.ceil(len(points) / _MOST_POINTS)
    parts = [points[start : start + stride] for start in range(0, len(points), stride)]
    return [(part[-1][0], sum(loss for _, loss in part) / len(part)) for part in parts]


def against(cost: Cost, marks: Sequence[Mark], score: str, said: str) -> Markup:
    """Return the plot of the score against a cost, a named point for each method."""
    figure, axes = _figure(5.6, 3.6)
    for mark in marks:
        x, colour = cost.place(mark.cost), _TRAINS if mark.trains else _OTHER
        axes.plot([x, x], [mark.low, mark.high], color=colour, linewidth=1.4)
        axes.plot(
            [x], [mark.score], marker="o" if mark.trains else "s", color=colour, markersize=6.5
        )
    _limits(axes, cost, marks)
    axes.set_xlabel(f"{cost.name} (logarithmic)")
    axes.set_ylabel(score, parse_math=False)
    _name(axes, cost, marks)
    return _svg(figure, said)


def _limits(axes: Axes, cost: Cost, marks: Sequence[Mark]) -> None:
    xs = [cost.place(mark.cost) for mark in marks]
    room = max(0.12 * (max(xs) - min(xs)), 0.15)
    left, right = min(xs) - room, max(xs) + room
    axes.set_xlim(left, right)
    low, high = min(mark.low for mark in marks), max(mark.high for mark in marks)
    room = max(0.12 * (high - low), 0.01)
    axes.set_ylim(low - room, high + room)
    for ticks in cost.ticks:
        shown = [t for t in ticks if t + cost.start > 0 and left <= cost.place(t) <= right]
        if len(shown) > 2:  # noqa: PLR2004 - enough to read the scale by
            break
    kept: list[float] = []
    for tick in shown:
        if not kept or cost.place(tick) - cost.place(kept[-1]) >= _TICK_ROOM * (right - left):
            kept.append(tick)
    axes.set_xticks([cost.place(tick) for tick in kept], [_tick(tick) for tick in kept])
    axes.yaxis.set_major_locator(MaxNLocator(5))


def _tick(seconds: float) -> str:
    if seconds >= 60:  # noqa: PLR2004 - a minute
        return duration(seconds)
    return f"{seconds:g} s" if seconds >= 0.1 or not seconds else f"{seconds * 1000:g} ms"  # noqa: PLR2004


def _name(axes: Axes, cost: Cost, marks: Sequence[Mark]) -> None:
    """Write each mark's label where it covers nothing."""
    spots = [(cost.place(mark.cost), mark.score) for mark in marks]
    points = [(float(x), float(y)) for x, y in axes.transData.transform(spots)]
    texts = [plain(mark.label, 26) for mark in marks]
    corners = axes.get_window_extent()
    within = Box(corners.x0, corners.y0, corners.x1, corners.y1)
    for spot, text, place in zip(spots, texts, places(points, texts, _FONT, within), strict=True):
        axes.annotate(
            text,
            spot,
            (place.right, place.up),
            textcoords="offset points",
            ha=place.align,
            va="center",
            color=_INK,
            parse_math=False,
        )


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Return an empty figure, in inches; 72 dots an inch make a pixel a point."""
    with mpl.rc_context({"font.size": _FONT, "text.color": _INK}):
        figure = Figure((width, height), dpi=72)
        left, bottom = 0.62 / width, 0.5 / height
        axes = figure.add_axes((left, bottom, 0.98 - left, 0.96 - bottom))
    axes.patch.set_visible(False)
    figure.patch.set_visible(False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_RULE)
    axes.grid(axis="y", color=_RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(color=_RULE, labelcolor=_INK, length=3)
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)
    return figure, axes


def _svg(figure: Figure, said: str) -> Markup:
    """Write the figure for the middle of a page: no prolog, fixed size or ids of its own.

    matplotlib escapes the text it writes, so the result is safe as it stands.
    """
    file = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": said}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(
        r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL
    )
    text = re.sub(r' id="[\w.]*_\d+"', "", text)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"| version="1.1"', "", text)
    text = re.sub(r'<svg width="[^"]*" height="[^"]*"', "<svg", text)
    for written, meant in _COLOURS.items():
        text = text.replace(written, meant)
    return Markup(text.replace("<svg", f'<svg role="img" aria-label="{escape(said)}"', 1))  # noqa: S704
