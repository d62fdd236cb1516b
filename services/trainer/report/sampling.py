"""How far a difference between two mean scores can be an accident of the test items drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
SEED = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of two mean scores with its 95% interval.

    Attributes:
        method: how the interval was reckoned, in words.
    """

    mean: float
    low: float
    high: float
    method: str

    @property
    def is_more_than_chance(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def paired(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Resample the items, each with its two scores (paired bootstrap, percentile interval).

    Both lists hold a score for each test item, in the same order.
    """
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    draw = np.random.default_rng(SEED)
    number = len(differences)
    means = [float(differences[draw.integers(0, number, number)].mean()) for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return Difference(
        float(differences.mean()), float(low), float(high), "paired bootstrap over the items"
    )


def approximate(first: float, second: float, number: int) -> Difference:
    """Reckon with the binomial standard error, as if the two were tested on different items.

    Scores between 0 and 1 with mean p have a variance of at most p(1-p), which right-or-wrong
    scores reach: for the others, such as F1, the interval is rather too wide than too narrow.
    """
    error = math.sqrt((_variance(first) + _variance(second)) / number)
    mean = first - second
    return Difference(
        mean, mean - 1.96 * error, mean + 1.96 * error, "from the binomial standard error"
    )


def _variance(mean: float) -> float:
    return max(0.0, mean * (1 - mean))
