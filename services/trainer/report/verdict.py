"""Says in plain sentences, from the figures alone, which method to pick when."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from services.trainer.report.entries import Entry, outcome
from services.trainer.report.field import CLOSE, EQUAL, Field, name, rank
from services.trainer.report.words import duration, figure, items, listing, score_name, size

SMALL_BYTES = 50_000_000
FEW_ITEMS = 30


def verdict(entries: Sequence[Entry], main_score: str, test_items: int) -> list[str]:
    """Return the sentences, the most important first."""
    field = Field(rank(entries, main_score), main_score, test_items)
    sentences = [
        *_compare(field),
        *(_missing(entry, main_score) for entry in entries if entry not in field.ranked),
    ]
    return [s[0].upper() + s[1:] if s.startswith("the ") else s for s in sentences]


def _compare(field: Field) -> Iterator[str]:
    if not field.ranked:
        yield "No method completed with a score, so there is nothing to compare."
        return
    if len(field.ranked) == 1:
        yield (
            f"Only {name(field.best)} completed with a score: {field.noun} "
            f"{field.figure(field.best)}{field.on_items}."
        )
        return
    for part in (_best, _lead, _seeds, _without_weights, _small, _close, _not_better):
        yield from part(field)
    if 0 < field.test_items < FEW_ITEMS:
        yield f"With {items(field.test_items)}, even large differences are hints, not findings."


def _best(field: Field) -> Iterator[str]:
    best, untuned = field.best, field.untuned
    tied = [e for e in field.ranked if field.value(best) - field.value(e) <= EQUAL]
    against = ""
    if tied == [untuned]:
        against = "; no method beat it"
    elif untuned and untuned not in tied:
        against = f", against {field.figure(untuned)} for the untuned model"
    yield (
        f"{listing([name(entry) for entry in tied])} {'has' if len(tied) == 1 else 'share'} the "
        f"best {field.noun}: {field.figure(best)}{field.on_items}{against}."
    )


def _lead(field: Field) -> Iterator[str]:
    """Say whether the first is known to be better than the second."""
    first, second = field.ranked[:2]
    difference = field.difference(first, second)
    if difference is None:
        return
    number, gap = items(field.test_items or len(first.items)), figure(difference.mean)
    ends = f"{figure(difference.low)} to {figure(difference.high)}"
    interval = f"(95% interval {ends}, {difference.method})"
    if difference.is_more_than_chance:
        yield (
            f"{name(first)} leads {field.told(second)} by {gap}, more than the sampling error of "
            f"{number} {interval}."
        )
        return
    yield (
        f"{field.told(first)} and {field.told(second)} cannot be told apart with {number}: the "
        f"difference is {gap} {interval}."
    )
    if others := [name(entry) for entry in field.ranked[2:] if field.alike(first, entry)]:
        yield f"Nor can {name(first)} be told apart from {listing(others, 'or')}."


def _seeds(field: Field) -> Iterator[str]:
    several = [entry for entry in field.ranked[:3] if field.main_score in entry.spread]
    if not several:
        return
    ranges = []
    for entry in several:
        low, high = entry.spread[field.main_score]
        ranges.append(
            f"from {figure(low)} to {figure(high)} for {name(entry)} ({len(entry.seeds)} seeds)"
        )
    yield f"Between seeds, {field.noun} ranges {listing(ranges)}."
    first, second = field.ranked[:2]
    if first in several and second in several:
        lowest, highest = first.spread[field.main_score][0], second.spread[field.main_score][1]
        if lowest <= highest:
            yield f"The ranges of {name(first)} and {name(second)} overlap."


def _without_weights(field: Field) -> Iterator[str]:
    those = [entry for entry in field.ranked if not entry.trains_weights]
    if not those or len(those) == len(field.ranked):
        return
    if those[0] is field.best:
        yield f"{name(field.best)} trains no weights, so it is also the pick where none may change."
    else:
        yield (
            f"Without training any weights, {name(those[0])} is best: {field.noun} "
            f"{field.figure(those[0])}."
        )


def _small(field: Field) -> Iterator[str]:
    known = [(e.artifact_bytes, e) for e in field.ranked if e.artifact_bytes is not None]
    small = [(count, entry) for count, entry in known if count <= SMALL_BYTES]
    limit = f"an artifact of at most {size(SMALL_BYTES)}"
    if not small:
        if known:
            count, entry = min(known, key=lambda pair: pair[0])
            yield f"No method has {limit}; the smallest is that of {name(entry)}: {size(count)}."
        return
    count, entry = small[0]
    if entry is field.best:
        yield f"{name(entry)} is also best with {limit}: its artifact takes {size(count)}."
    else:
        yield (
            f"With {limit}, {name(entry)} is best: {field.noun} {field.figure(entry)} in "
            f"{size(count)}."
        )


def _close(field: Field) -> Iterator[str]:
    if len(field.close) == 1:
        yield f"No other method comes within {CLOSE} of the {field.noun} of {name(field.best)}."
        return
    yield from _least(field, lambda e: e.seconds_per_answer, "answers fastest", "an answer")
    yield from _least(field, lambda e: e.train_seconds, "is cheapest to train", "of training")


def _least(
    field: Field, cost: Callable[[Entry], float | None], does: str, what: str
) -> Iterator[str]:
    """Say which of the nearly best costs least."""
    known = [(seconds, entry) for entry in field.close if (seconds := cost(entry)) is not None]
    if len(known) < 2:  # noqa: PLR2004 - nothing to compare with
        return
    seconds, entry = min(known, key=lambda pair: pair[0])
    took = f"{duration(seconds)} {what}" if seconds else "it needs no training"
    best, noun, against = field.best, field.noun, ""
    if entry is not best:
        theirs = cost(best)
        beside = f", {duration(theirs)}" if theirs is not None else ""
        against = (
            f", with {noun} {field.figure(entry)} ({name(best)}: {field.figure(best)}{beside})"
        )
    yield f"Of those within {CLOSE} of the best {noun}, {name(entry)} {does}: {took}{against}."


def _not_better(field: Field) -> Iterator[str]:
    untuned = field.untuned
    if untuned is None:
        return
    others = [entry for entry in field.ranked if entry is not untuned]
    worse = [e for e in others if field.value(e) <= field.value(untuned) + EQUAL]
    if worse:
        told = listing([field.told(entry) for entry in worse])
        yield f"{told} did not beat {field.told(untuned)}."
    said = field.ranked[0] if untuned is field.ranked[1] else None  # in the sentence of the lead
    doubtful = [e for e in others if e not in worse and e is not said and field.alike(e, untuned)]
    if doubtful:
        told = listing([field.told(entry) for entry in doubtful])
        yield (
            f"{told} {'is' if len(doubtful) == 1 else 'are'} above {field.told(untuned)}, but by "
            f"no more than the sampling error of {items(field.test_items or len(untuned.items))}."
        )


def _missing(entry: Entry, main_score: str) -> str:
    if entry.status == "completed":
        return f"{name(entry)} completed without {score_name(main_score)} and is not ranked."
    end = "" if entry.error.endswith((".", "!", "?", "\u2026")) else "."
    return f"{name(entry)} {outcome(entry.status)}: {entry.error}{end}"
