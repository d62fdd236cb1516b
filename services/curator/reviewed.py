"""What people said of examples, applied to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from shared.storage.rows import Example
from shared.storage.verdicts import Key, Verdict, key_of

REVIEWER = "reviewer"
_PLACE = (
    *("context", "source_uri", "title", "heading_path", "page", "char_start", "char_end"),
    *("revision", "document_id", "sequence"),
)


def reviewed(examples: Iterable[Example], verdicts: Mapping[Key, Verdict]) -> list[Example]:
    """Return the examples as people want them, with the score `human` where one has spoken.

    An accepted or edited example is accepted whatever the checks found; a rejected one is rejected
    with the reason `reviewer`. What a person accepted or wrote stays as long as its passage does,
    also when the model asks something else now.
    """
    used: set[Key] = set()
    rows = [_judged(row, verdicts, used) for row in examples]
    standing = {row.passage_id: row for row in rows}
    for key, verdict in sorted(verdicts.items(), key=lambda item: item[1].at):
        sibling = standing.get(verdict.passage_id)
        if verdict.decision != "reject" and key not in used and sibling:
            rows.append(_judged(_put_back(verdict, sibling), verdicts, used))
    return rows


def _judged(row: Example, verdicts: Mapping[Key, Verdict], used: set[Key]) -> Example:
    """Apply the verdict on the row, then the one on what that made of it, and so on."""
    mine: set[Key] = set()
    while (key := key_of(row)) not in mine:
        mine.add(key)
        if key in verdicts:
            row = _applied(row, verdicts[key])
    used |= mine
    return row


def _applied(row: Example, verdict: Verdict) -> Example:
    if verdict.decision == "reject":
        reasons = tuple(dict.fromkeys((*row.reasons, REVIEWER)))
        scores = {**row.scores, "human": 1.0}
        return replace(row, status="rejected", reasons=reasons, scores=scores)
    row = replace(row, status="accepted", reasons=(), scores={**row.scores, "human": 1.0})
    if verdict.decision == "accept":
        return row
    # The other scores are of texts that no longer stand there.
    question, answer = verdict.new_question, verdict.new_answer
    return replace(row, question=question, answer=answer, scores={"human": 1.0}, vector="")


def _put_back(verdict: Verdict, sibling: Example) -> Example:
    """Return the example as it was judged, where its passage stands now."""
    columns: dict[str, Any] = verdict.judged()
    columns |= {name: tuple(columns[name]) for name in ("reasons", "heading_path")}
    return Example(**columns | {name: getattr(sibling, name) for name in _PLACE})
