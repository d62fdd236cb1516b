"""From judged examples to the rows of a dataset version: all of them are looked at together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from services.curator.contamination import Known
from services.curator.repeats import repeats
from services.curator.settings import BuildSettings
from services.curator.splits import splits
from shared.storage.rows import Example

_BUILD = BuildSettings()
RANK = "own_passage_rank"
_QUALITY = ("grounding_similarity", "round_trip")


def build(
    examples: Iterable[Example],
    settings: BuildSettings = _BUILD,
    *,
    ranks: Mapping[str, int] | None = None,
    known: Known | None = None,
) -> list[Example]:
    """Return the rows of a dataset version: what should not be in it rejected, the rest in splits.

    Whatever order the examples come in, the same set of them gives the same rows: documents are
    ordered by their address, questions by their place in the document.

    Args:
        examples: judged one by one, people's verdicts applied.
        settings: what is rejected, and the splits.
        ranks: by example id, where a search for the question finds its own passage, from 1.
        known: what the dataset may not have in it.
    """
    ranks = ranks or {}
    rows = [_ranked(row, ranks) for row in sorted(examples, key=_place)]
    if known:
        rows = [_clean(row, known) for row in rows]
    again = repeats((row for row in rows if row.status == "accepted"), settings)
    rows = [_without(row, again) for row in rows]
    over = _over(rows, settings.max_per_document)
    rows = [rejected(row, "document_full") if row.example_id in over else row for row in rows]
    sides = splits((row.document_id for row in rows if row.status == "accepted"), settings)
    return [replace(row, split=sides.get(row.document_id, "train")) for row in rows]


def rejected(row: Example, reason: str, **scores: float) -> Example:
    """Return the row with one more reason against it, and more scores."""
    return replace(
        row,
        status="rejected",
        reasons=(*row.reasons, reason),
        scores={**row.scores, **{name: round(value, 4) for name, value in scores.items()}},
    )


def _place(row: Example) -> tuple[str, str, int, int, str]:
    return row.source_uri, row.document_id, row.char_start, row.ordinal, row.example_id


def _ranked(row: Example, ranks: Mapping[str, int]) -> Example:
    if row.example_id not in ranks:
        return row
    return replace(row, scores={**row.scores, RANK: float(ranks[row.example_id])})


def _clean(row: Example, known: Known) -> Example:
    if row.status == "accepted" and known.has(row.question, row.context):
        return rejected(row, "contaminated")
    return row


def _without(row: Example, again: Mapping[str, tuple[str, float]]) -> Example:
    if row.example_id not in again:
        return row
    reason, likeness = again[row.example_id]
    return rejected(row, reason, duplicate=likeness)


def _over(rows: list[Example], most: int) -> set[str]:
    """Return the accepted examples past the best `most` of a document, but for people's."""
    documents: dict[str, list[Example]] = defaultdict(list)
    for row in rows:
        if row.status == "accepted":
            documents[row.document_id].append(row)
    over: set[str] = set()
    for document in documents.values() if most else ():
        best = sorted(document, key=lambda row: (not row.human, -_quality(row)))
        over.update(row.example_id for row in best[most:] if not row.human)
    return over


def _quality(row: Example) -> float:
    """Return the mean of the scores that say how good a row is, its rank as a share; 0 to 1."""
    scores = [row.scores[name] for name in _QUALITY if name in row.scores]
    if RANK in row.scores:
        scores.append(1 / row.scores[RANK])
    return sum(scores) / len(scores) if scores else 0.0
