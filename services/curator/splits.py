"""Which split a document is in: all its examples share it, so that nothing leaks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

from services.curator.settings import BuildSettings

Split = Literal["train", "validation", "test"]
_LEAST = 3  # documents from which on each split gets something


def splits(documents: Iterable[str], settings: BuildSettings) -> dict[str, Split]:
    """Return the split of each document; fewer than three are all for training.

    A document's place depends on its id alone, and the first places are for `test` and
    `validation`, so it keeps its split whatever else comes in or goes. The exception are few
    documents: where nothing has a place in one of the splits, the documents nearest to it stand
    in, and go back once another has a place there by right.

    Args:
        documents: ids of those that have accepted examples.
        settings: the shares; `test` and `validation` stay empty where theirs is 0.
    """
    order = sorted(set(documents), key=lambda document: (place(document), document))
    if len(order) < _LEAST:
        return dict.fromkeys(order, "train")
    tests, validations = settings.test_share > 0, settings.validation_share > 0
    held = settings.test_share + settings.validation_share
    first = max(sum(place(each) < settings.test_share for each in order), tests)
    second = max(sum(place(each) < held for each in order), first + validations)
    second = min(second, len(order) - 1)
    first = min(first, second - validations)
    named: list[tuple[Split, list[str]]] = [
        ("test", order[:first]),
        ("validation", order[first:second]),
        ("train", order[second:]),
    ]
    return {document: name for name, some in named for document in some}


def place(document: str) -> float:
    """Return where a document stands among all, from 0 up to 1."""
    digest = hashlib.sha256(document.encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
