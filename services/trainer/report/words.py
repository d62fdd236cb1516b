"""Figures and names as people read them."""

# ruff: noqa: PLR2004 - the numbers are where a figure takes another unit
from __future__ import annotations

from collections.abc import Sequence

SCORES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "exact_match": "exact match",
    "f1": "F1",
    "rouge_l": "ROUGE-L",
    "similarity": "similarity",
    "nll": "NLL",
}
LOWER_IS_BETTER = frozenset({"nll"})
NOTHING = "\u2013"


def plain(text: object, limit: int = 300) -> str:
    """Return the text on one line, printable, cut at `limit` characters."""
    words = " ".join(str(text).split())
    words = "".join(letter for letter in words if letter.isprintable())
    return words if len(words) <= limit else words[: limit - 1].rstrip() + "\u2026"


def listing(names: Sequence[str], last: str = "and") -> str:
    """Return `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def figure(value: float) -> str:
    """Return a score, or a difference of two, with three decimals."""
    return f"{value:.3f}".replace("-0.000", "0.000")


def signed(value: float | None) -> str:
    """Return a difference such as `+0.042`."""
    return NOTHING if value is None else f"{value:+.3f}".replace("-0.000", "+0.000")


def size(count: float | None) -> str:
    """Return bytes as `650 MB`; 1 MB is a million bytes."""
    if count is None:
        return NOTHING
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.1f} {unit}" if count < 9.95 and unit != "B" else f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float | None) -> str:
    """Return a time as `12 ms`, `0.12 s`, `42 s`, `12 min 30 s`, `3 h 20 min` or `2 d 4 h`."""
    if seconds is None:
        return NOTHING
    if seconds < 59.5:
        return _under_a_minute(seconds)
    if seconds < 3599.5:
        return _parts(round(seconds), "min", "s", 60)
    if seconds < 24 * 3600 - 30:
        return _parts(round(seconds / 60), "h", "min", 60)
    return _parts(round(seconds / 3600), "d", "h", 24)


def _parts(number: int, unit: str, part: str, parts: int) -> str:
    whole, rest = divmod(number, parts)
    return f"{whole} {unit} {rest} {part}" if rest else f"{whole} {unit}"


def _under_a_minute(seconds: float) -> str:
    if seconds <= 0:
        return "0 s"
    if seconds < 0.0995:
        return f"{seconds * 1000:.2g} ms"
    if seconds < 0.995:
        return f"{seconds:.2f} s"
    return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"


def count(number: float | None) -> str:
    """Return a number of parameters as `1,234`, `46.1 k`, `0.46 M`, `135 M` or `1.24 B`."""
    if number is None:
        return NOTHING
    if number < 10_000:
        return f"{number:,.0f}"
    scale, unit = (1e3, "k") if number < 99_950 else (1e6, "M")
    if number >= 999.5e6:
        scale, unit = 1e9, "B"
    value = number / scale
    places = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{places}f} {unit}"


def share(part: float | None, whole: float | None) -> str:
    """Return a part as `0.34%`; empty where there is none, or it cannot be told."""
    if not part or not whole:
        return ""
    percent = 100 * part / whole
    if percent < 0.01:
        return "<0.01%"
    return f"{percent:.2f}%" if percent < 9.995 else f"{percent:.0f}%"


def items(number: int) -> str:
    """Return `1 test item` or `200 test items`."""
    return f"{number:,} test item{'' if number == 1 else 's'}"


def score_name(name: str) -> str:
    """Return a score's name for reading."""
    return SCORES.get(name, name.replace("_", " "))
