"""The methods a verdict chooses from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.trainer.report.entries import UNTUNED, Entry
from services.trainer.report.sampling import Difference, approximate, paired
from services.trainer.report.words import figure, items, score_name

CLOSE = 0.02
EQUAL = 1e-9  # scores are means of floats


def rank(entries: Sequence[Entry], main_score: str) -> list[Entry]:
    """Return the completed entries that have the score, best first."""
    scored = [e for e in entries if e.status == "completed" and main_score in e.scores]
    return sorted(scored, key=lambda entry: -entry.scores[main_score])


def name(entry: Entry) -> str:
    """Return the entry's name within a sentence."""
    return "the untuned model" if entry.label == UNTUNED else entry.label


@dataclass(frozen=True, slots=True)
class Field:
    """The entries to choose from, best first."""

    ranked: list[Entry]
    main_score: str
    test_items: int

    @property
    def best(self) -> Entry:
        """The one with the highest main score."""
        return self.ranked[0]

    @property
    def untuned(self) -> Entry | None:
        """The model as it came."""
        return next((entry for entry in self.ranked if entry.method == UNTUNED), None)

    @property
    def noun(self) -> str:
        """The main score's name."""
        return score_name(self.main_score)

    @property
    def on_items(self) -> str:
        """On how many items it was measured."""
        return f" on {items(self.test_items)}" if self.test_items else ""

    @property
    def close(self) -> list[Entry]:
        """The best, and those nearly as good."""
        least = self.value(self.best) - CLOSE - EQUAL
        return [entry for entry in self.ranked if self.value(entry) >= least]

    def value(self, entry: Entry) -> float:
        """Return the main score."""
        return entry.scores[self.main_score]

    def figure(self, entry: Entry) -> str:
        """Return the main score for reading."""
        return figure(self.value(entry))

    def told(self, entry: Entry) -> str:
        """Return the name with the score."""
        return f"{name(entry)} ({self.figure(entry)})"

    def difference(self, first: Entry, second: Entry) -> Difference | None:
        """Return how far two are apart; None where the number of test items is not known."""
        if first.items and len(first.items) == len(second.items):
            return paired(first.items, second.items)
        if not self.test_items:
            return None
        return approximate(self.value(first), self.value(second), self.test_items)

    def alike(self, first: Entry, second: Entry) -> bool:
        """Whether the difference may be an accident of the test items."""
        difference = self.difference(first, second)
        return difference is not None and not difference.is_more_than_chance
