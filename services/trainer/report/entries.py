"""Groups results: the runs of one method that differ only in their seed become one entry."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.trainer.report.words import listing, plain

Result = dict[str, Any]

UNTUNED = "untuned"
WITHOUT_WEIGHTS = frozenset({UNTUNED, "in-context", "hard-prompt"})


@dataclass(frozen=True, slots=True)
class Entry:
    """What the runs of one method came to: means over its completed runs.

    Attributes:
        label: the method, with the settings that tell it apart where it was run with several.
        spread: lowest and highest of each score over the runs; empty where there is only one.
        peak_memory_bytes: the highest of all runs.
        items: the main score of each test item, a mean over the runs; empty where not recorded.
        runs: the completed results, by seed.
    """

    method: str
    label: str
    status: str
    error: str
    scores: dict[str, float]
    spread: dict[str, tuple[float, float]]
    trainable_parameters: int | None
    total_parameters: int | None
    train_seconds: float | None
    peak_memory_bytes: int | None
    artifact_bytes: int | None
    seconds_per_answer: float | None
    tokens_per_second: float | None
    seeds: tuple[int, ...]
    settings: dict[str, Any]
    notes: tuple[str, ...]
    run_ids: tuple[str, ...]
    items: tuple[float, ...]
    runs: tuple[Result, ...]

    @property
    def trains_weights(self) -> bool:
        """Whether any weight is trained: of the model, or added to it."""
        return self.method not in WITHOUT_WEIGHTS

    def as_dict(self) -> dict[str, Any]:
        """Return the entry as report.json holds it."""
        left_out = {"items", "runs"} | (set() if self.error else {"error"})
        names = [name for name in self.__slots__ if name not in left_out]
        values = {name: getattr(self, name) for name in names}
        values["spread"] = {name: list(ends) for name, ends in self.spread.items()}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
        }


def finite(value: object) -> float | None:
    """Return a number that can be reckoned with, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def completed(results: Sequence[Result]) -> list[Result]:
    """Return the results of the runs that came to their end."""
    return [result for result in results if result.get("status") == "completed"]


def group(results: Sequence[Result]) -> list[Entry]:
    """Return an entry for each method, or for each of its settings where they differ."""
    methods: dict[str, list[Result]] = {}
    for result in results:
        methods.setdefault(plain(result.get("method") or "unknown", 60), []).append(result)
    entries = []
    for method, members in methods.items():
        variants = _variants(members)
        differing = _differing([variant[0] for variant in variants])
        entries += [
            _entry(method, _label(method, variant[0], differing), variant) for variant in variants
        ]
    return entries


def _variants(members: Sequence[Result]) -> list[list[Result]]:
    """Split by settings. A run that did not complete goes with the only completed ones there are.

    Its settings are those asked for, which need not be written like those a completed run used.
    """
    variants: dict[str, list[Result]] = {}
    for result in completed(members):
        variants.setdefault(_key(result), []).append(result)
    sole = next(iter(variants)) if len(variants) == 1 else None
    for result in members:
        if result.get("status") != "completed":
            key = _key(result)
            variants.setdefault(sole if sole is not None else key, []).append(result)
    return list(variants.values())


def _settings(result: Result) -> dict[str, Any]:
    settings = result.get("settings")
    if not isinstance(settings, dict):
        return {}
    return {str(name): value for name, value in settings.items() if name != "seed"}


def _key(result: Result) -> str:
    return json.dumps(_settings(result), sort_keys=True, default=str)


def _differing(firsts: Sequence[Result]) -> list[str]:
    settings = [_settings(result) for result in firsts]
    names = {name: None for each in settings for name in each}
    return [name for name in names if len({str(each.get(name)) for each in settings}) > 1]


def _label(method: str, result: Result, differing: Sequence[str]) -> str:
    told = [f"{name}={_settings(result)[name]}" for name in differing if name in _settings(result)]
    if not differing:
        return method
    return plain(f"{method} ({', '.join(told) or 'default settings'})", 60)


def _entry(method: str, label: str, members: Sequence[Result]) -> Entry:
    done = sorted(completed(members), key=_seed)
    runs = done or list(members)
    status = "completed" if done else str(members[-1].get("status") or "failed")
    return Entry(
        method=method,
        label=label,
        status=status,
        error="" if done else _error(members[-1]) or "no reason was given",
        scores={name: sum(of) / len(of) for name, of in _scores(done).items()},
        spread={n: (min(of), max(of)) for n, of in _scores(done).items() if len(of) > 1},
        trainable_parameters=_whole(_mean(runs, "trainable_parameters")),
        total_parameters=_whole(_mean(runs, "total_parameters")),
        train_seconds=_mean(runs, "train_seconds"),
        peak_memory_bytes=_whole(max(_values(runs, "peak_memory_bytes"), default=None)),
        artifact_bytes=_whole(_mean(runs, "artifact_bytes")),
        seconds_per_answer=_mean(runs, "seconds_per_answer"),
        tokens_per_second=_mean(runs, "tokens_per_second"),
        seeds=tuple(_seed(result) for result in runs),
        settings=_settings(runs[0]),
        notes=_notes(done, members),
        run_ids=tuple(plain(result.get("run", "")) for result in members),
        items=_items(done),
        runs=tuple(done),
    )


def _notes(done: Sequence[Result], members: Sequence[Result]) -> tuple[str, ...]:
    notes: dict[str, None] = {}
    for result in members:
        if isinstance(written := result.get("notes"), list):
            notes |= {plain(note, 600): None for note in written}
    missing = [result for result in members if result.get("status") != "completed"]
    if done and missing:
        told = [
            f"seed {_seed(result)} {outcome(result.get('status'))}"
            + (f" ({why})" if (why := _error(result)) else "")
            for result in missing
        ]
        notes[f"From {len(done)} of {len(members)} runs: {listing(told)}."] = None
    return tuple(notes)


def outcome(status: object) -> str:
    """Return a status as the verb of a sentence."""
    return "was cancelled" if status == "cancelled" else "failed"


def _error(result: Result) -> str:
    return plain(f"{result.get('error') or ''} {result.get('hint') or ''}").rstrip(".")


def _seed(result: Result) -> int:
    return int(finite(result.get("seed")) or 0)


def _scores(runs: Sequence[Result]) -> dict[str, list[float]]:
    scores: dict[str, list[float]] = {}
    for result in runs:
        for name, value in (result.get("scores") or {}).items():
            if (number := finite(value)) is not None:
                scores.setdefault(plain(name, 40), []).append(number)
    return scores


def _items(runs: Sequence[Result]) -> tuple[float, ...]:
    lists = [[finite(value) for value in result.get("item_scores") or []] for result in runs]
    if not lists or not lists[0] or len({len(of) for of in lists}) > 1:
        return ()
    means = []
    for values in zip(*lists, strict=True):
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return ()
        means.append(sum(known) / len(known))
    return tuple(means)


def _values(runs: Sequence[Result], name: str) -> list[float]:
    numbers = (finite(result.get(name)) for result in runs)
    return [number for number in numbers if number is not None]


def _mean(runs: Sequence[Result], name: str) -> float | None:
    values = _values(runs, name)
    return sum(values) / len(values) if values else None


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
