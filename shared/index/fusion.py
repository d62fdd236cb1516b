"""Two rankings made one, always the same one.

Each ranking's scores are divided by its best, and a passage scores the mean of what it has: first
in both is 1.0, and what a ranking does not hold is 0 there. Why not by ranks: decision 21. It is
done here and not in the engine because engines leave the order of equal scores open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Ranking = Sequence[tuple[str, float]]


def fuse(rankings: Iterable[Ranking], k: int) -> list[tuple[str, float]]:
    """Return the `k` best of all rankings, best first, each with its fused score from 0 to 1.

    Args:
        rankings: each as (id, score), best first. Scores below 0 count as 0.
        k: how many to return; all there are where that is fewer.
    """
    given = [ranking for ranking in rankings if ranking]
    fused: dict[str, float] = {}
    for ranking in given:
        best = ranking[0][1]
        for found, score in ranking:
            share = max(score, 0.0) / best if best > 0 else 0.0
            fused[found] = fused.get(found, 0.0) + share / len(given)
    return sorted(fused.items(), key=lambda pair: (-pair[1], pair[0]))[:k]
