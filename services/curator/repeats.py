"""Which questions of a dataset ask what another one asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from services.curator.duplicates import Asked
from services.curator.meaning import Meanings
from services.curator.settings import BuildSettings
from shared.storage.rows import Example
from shared.text import spelling


def repeats(rows: Iterable[Example], settings: BuildSettings) -> dict[str, tuple[str, float]]:
    """Return by their ids the examples that repeat one that stays: the reason, and how like it is.

    The first of two stays, a person's before a model's. The same words are a repeat anywhere in the
    dataset (over the border of two splits they would leak); near-duplicates and the same meaning
    count within a document, and not for what a person has accepted.

    Args:
        rows: in the order of the dataset.
        settings: how like is too like.
    """
    spelled: set[str] = set()
    asked: dict[str, Asked] = defaultdict(lambda: Asked(settings.near_duplicate))
    meant: dict[str, Meanings] = defaultdict(lambda: Meanings(settings.same_meaning))
    found: dict[str, tuple[str, float]] = {}
    for row in sorted(rows, key=lambda row: not row.human):
        near, same = asked[row.document_id], meant[row.document_id]
        if spelling(row.question) in spelled:
            found[row.example_id] = ("question_repeated", 1.0)
        elif not row.human and (likeness := near.likeness(row.question)):
            found[row.example_id] = ("question_near_duplicate", likeness)
        elif not row.human and (likeness := same.likeness(row)):
            found[row.example_id] = ("question_same_meaning", likeness)
        else:
            spelled.add(spelling(row.question))
            near.add(row.question)
            same.add(row)
    return found
