"""Deals rows out to train, validation and test so that no group of rows is torn apart."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.trainer.formats import Content, Row, text_key
from shared.ids import fingerprint


@dataclass(frozen=True, slots=True)
class Splits:
    """The rows of a dataset, each in one place, in their order.

    Attributes:
        notes: what was not as one would expect.
    """

    train: list[Row]
    validation: list[Row]
    test: list[Row]
    notes: tuple[str, ...] = ()


def split(main: Content, test: Content | None, seed: int) -> Splits:
    """Deal out `main`, by the splits it has where these will do; `test`, if any, is the test."""
    train, validation, tests = _given(main)
    notes: list[str] = []
    if test:
        (train, validation), notes = _deal(main, main.rows, main.shares[:2], seed)
        tests = test.rows
    elif not train or not tests:
        (train, validation, tests), notes = _deal(main, main.rows, main.shares, seed)
        if main.rows[0].split:
            notes = [f"A split of {main.name} is empty, so all was split anew.", *notes]
    train, validation, dropped = _apart(train, validation, tests)
    notes += dropped
    kept = {_key(row) for row in train}
    groups = {row.group for row in main.rows if _key(row) in kept}
    if test and not main.labelled and (same := sum(row.group in groups for row in tests)):
        notes.append(f"Test rows that share their {main.unit} with train rows: {same}.")
    if train and not validation:
        (train, validation), more = _deal(main, train, (0.9, 0.1), seed)
        notes += ["No validation rows were left, so a tenth of the train rows became that.", *more]
    return Splits(train, validation, tests, tuple(notes))


def subset(rows: Sequence[Row], count: int, seed: str, *, labelled: bool) -> list[Row]:
    """Return `count` rows, or all where it is 0, in order; labels keep their shares.

    A smaller subset is part of a larger one by the same seed, and a label is left out only where
    there are fewer rows than labels.
    """
    rng = random.Random(seed)
    order = _by_label(rows, rng, 0.0) if labelled else rng.sample(range(len(rows)), len(rows))
    return [rows[at] for at in sorted(order[: count or None])]


def _given(main: Content) -> tuple[list[Row], list[Row], list[Row]]:
    sides: dict[str, list[Row]] = {"train": [], "validation": [], "test": []}
    for row in main.rows:
        if row.split in sides:
            sides[row.split].append(row)
    return sides["train"], sides["validation"], sides["test"]


def _apart(
    train: list[Row], validation: list[Row], test: list[Row]
) -> tuple[list[Row], list[Row], list[str]]:
    """Drop what is in test from the others, and what is in validation from train."""
    held = {_key(row) for row in test}
    chosen = [row for row in validation if _key(row) not in held]
    held |= {_key(row) for row in chosen}
    learned = [row for row in train if _key(row) not in held]
    notes = [
        f"Rows left out of {side} because {where} has the same text: {before - after}."
        for side, before, after, where in (
            ("train", len(train), len(learned), "test or validation"),
            ("validation", len(validation), len(chosen), "test"),
        )
        if after < before
    ]
    return learned, chosen, notes


def _deal(
    content: Content, rows: list[Row], shares: Sequence[float], seed: int
) -> tuple[list[list[Row]], list[str]]:
    """Return one list of rows for each share; each gets something where there is enough."""
    rng = random.Random(f"{seed}/split")
    if content.labelled:
        return _deal_labels(rows, shares, rng), []
    grouped, unit = _grouped(content.unit, rows, len(shares))
    sizes = Counter(row.group for row in grouped)
    sides = _deal_groups(sizes, shares, rng)
    notes = []
    if unit != content.unit:
        groups = len({row.group for row in rows})
        few = f"{groups} {content.unit}{'s are' if groups > 1 else ' is'} too few"
        notes.append(f"Split by {unit}: {few}, so the splits share {content.unit}s.")
    return [[r for r in grouped if sides[r.group] == side] for side in range(len(shares))], notes


def _grouped(unit: str, rows: list[Row], least: int) -> tuple[list[Row], str]:
    """Return the rows in the largest groups of which there are at least as many as `least`."""
    if len({row.group for row in rows}) >= least:
        return rows, unit
    by_passage = [replace(row, group=_passage(row)) for row in rows]
    if len({row.group for row in by_passage}) >= least:
        return by_passage, "passage"
    return [replace(row, group=_key(row)) for row in rows], "question"


def _deal_groups(
    sizes: Counter[str], shares: Sequence[float], rng: random.Random
) -> dict[str, int]:
    """Return which side each group goes to: the one that lacks most rows, none left empty.

    The largest group is for training, so that it cannot fill a small side.
    """
    groups = sorted(sizes)
    rng.shuffle(groups)
    largest = max(groups, key=sizes.__getitem__)
    groups.sort(key=lambda group: group != largest)
    lacks = [share / sum(shares) * sizes.total() for share in shares]
    bare = set(range(len(shares)))
    sides: dict[str, int] = {}
    for at, group in enumerate(groups):
        open_to = sorted(bare) if len(groups) - at <= len(bare) else range(len(shares))
        sides[group] = max(open_to, key=lacks.__getitem__)
        lacks[sides[group]] -= sizes[group]
        bare.discard(sides[group])
    return sides


def _deal_labels(rows: list[Row], shares: Sequence[float], rng: random.Random) -> list[list[Row]]:
    """Give each side its share of each label; rows of the same text go together."""
    firsts = list({row.group: row for row in reversed(rows)}.values())
    order = [firsts[at].group for at in _by_label(firsts, rng, 0.5)]
    sides: dict[str, int] = {}
    for side in range(len(shares) - 1, 0, -1):
        count = max(1, round(len(firsts) * shares[side] / sum(shares)))
        sides |= dict.fromkeys(order[len(sides) : len(sides) + count], side)
    return [[r for r in rows if sides.get(r.group, 0) == side] for side in range(len(shares))]


def _by_label(rows: Sequence[Row], rng: random.Random, offset: float) -> list[int]:
    """Return the rows' places so that the labels have their shares in each beginning of it.

    An offset of 0 lets every label begin early, one of 0.5 keeps rare ones for the middle.
    """
    places = rng.sample(range(len(rows)), len(rows))
    totals = Counter(row.answers[0] for row in rows)
    seen: Counter[str] = Counter()
    turns: dict[int, float] = {}
    for at in places:
        label = rows[at].answers[0]
        turns[at] = (seen[label] + offset) / totals[label]
        seen[label] += 1
    return sorted(places, key=turns.__getitem__)


def _passage(row: Row) -> str:
    return fingerprint(text_key(row.query.context)) if row.query.context else _key(row)


def _key(row: Row) -> str:
    return fingerprint(text_key(row.query.question), text_key(row.query.context))
