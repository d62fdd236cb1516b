"""Finds room for the names of points in a plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; all in points of the page, y upwards."""

    left: float
    bottom: float
    right: float
    top: float

    def shared(self, other: Box) -> float:
        """Return the area the two have in common."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(0.0, width) * max(0.0, height)

    @property
    def area(self) -> float:
        """Width times height."""
        return (self.right - self.left) * (self.top - self.bottom)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text starts, from its point: `align` is left, center or right."""

    right: float
    up: float
    align: str


_PLACES = [
    Place(right, up, align)
    for distance in (0, 11, 22, 33)
    for right, up, align in (
        (8, distance, "left"),
        (-8, distance, "right"),
        (8, -distance, "left"),
        (-8, -distance, "right"),
        (0, 11 + distance, "center"),
        (0, -11 - distance, "center"),
    )
]
_LETTER = 0.56  # the width of a letter, in heights
_LINE = 1.15
_MARKER = 5.0


def places(
    points: Sequence[tuple[float, float]], texts: Sequence[str], size: float, within: Box
) -> list[Place]:
    """Return where to put each point's text so that it covers no marker, no text and no edge.

    Places are tried from near to far; where none is free, the one that covers least is taken.
    """
    taken = [Box(x - _MARKER, y - _MARKER, x + _MARKER, y + _MARKER) for x, y in points]
    chosen = []
    for (x, y), text in zip(points, texts, strict=True):
        boxes = [_box(x, y, text, size, place) for place in _PLACES]
        costs = [
            sum(box.shared(other) for other in taken) + 2 * (box.area - box.shared(within))
            for box in boxes
        ]
        best = min(range(len(boxes)), key=lambda index: round(costs[index], 1))
        taken.append(boxes[best])
        chosen.append(_PLACES[best])
    return chosen


def _box(x: float, y: float, text: str, size: float, place: Place) -> Box:
    width, height = len(text) * size * _LETTER, size * _LINE
    left = x + place.right - {"left": 0.0, "center": width / 2, "right": width}[place.align]
    middle = y + place.up
    return Box(left, middle - height / 2, left + width, middle + height / 2)
