"""Bars as SVG, for the dataset's card; a plotting library would be most of the curator's image."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_WIDTH, _LABEL, _ROW, _TOP = 640, 210, 22, 40
_ENDS = 60  # room for the number behind the longest bar
_LONGEST_LABEL = 30
_PANEL, _PANEL_HEIGHT, _BINS = 200, 120, 10
_COLOUR = "#4878a8"


def bars(title: str, values: Sequence[tuple[str, int]]) -> str:
    """Return a chart of one bar for each value, in their order."""
    most = max((value for _, value in values), default=0) or 1
    parts = []
    for place, (label, value) in enumerate(values):
        y = _TOP + place * _ROW
        length = (_WIDTH - _LABEL - _ENDS) * value / most
        short = label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}\u2026"
        parts += [
            _text(_LABEL - 8, y + 14, short, "end"),
            _bar(_LABEL, y + 3, length, _ROW - 6),
            _text(_LABEL + length + 6, y + 14, f"{value:,}"),
        ]
    return _svg(title, _WIDTH, _TOP + len(values) * _ROW + 10, parts)


def histograms(title: str, scores: Sequence[tuple[str, Sequence[float]]]) -> str:
    """Return a panel for each named list of values from 0 to 1: ten bars for its tenths."""
    parts = []
    for place, (name, values) in enumerate(scores):
        left, base = 10 + place * (_PANEL + 10), _TOP + _PANEL_HEIGHT
        counts = [0] * _BINS
        for value in values:
            counts[min(max(int(value * _BINS), 0), _BINS - 1)] += 1
        most = max(counts) or 1
        step = _PANEL / _BINS
        for at, count in enumerate(counts):
            height = (_PANEL_HEIGHT - 20) * count / most
            parts.append(_bar(left + at * step + 1, base - height, step - 2, height))
        parts += [
            _text(left, base + 16, "0"),
            _text(left + _PANEL, base + 16, "1", "end"),
            _text(left + _PANEL / 2, base + 16, f"{name} ({len(values):,})", "middle"),
        ]
    width = 20 + len(scores) * (_PANEL + 10)
    return _svg(title, max(width, _PANEL * 2), _TOP + _PANEL_HEIGHT + 30, parts)


def _svg(title: str, width: float, height: float, parts: Sequence[str]) -> str:
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" font-family="sans-serif">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="100%" height="100%" fill="white"/>\n'
        f'<text x="10" y="22" font-size="14" font-weight="bold">{escape(title)}</text>\n'
        f"{inside}\n</svg>\n"
    )


def _bar(x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="{_COLOUR}"/>'
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" text-anchor="{anchor}">{escape(text)}</text>'
    )
