"""How often each check of the curator is right: `python -m tests.bench.checks [--show KIND]`.

Rows made of human questions (`tests/bench/labelled.py`), 120 right ones of either half of SQuAD
half-dev's 16 articles and as many of each wrong kind. Thresholds are set on the first 8 articles;
the tables are of the other 8. `--reader` also asks the default language model to read.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from services.curator.checks import check
from services.curator.meaning import Meanings
from services.curator.settings import BuildSettings, CheckSettings
from services.question_generator.reading import Reading, read
from shared.embedding.engines import open_embedder
from shared.embedding.port import Embedder, Vectors
from shared.generation.engines import open_generator
from shared.generation.port import TextGenerator
from shared.generation.settings import GenerationSettings
from shared.settings import SMOLLM2
from shared.text import f1, spelling
from tests.bench.labelled import SET_ON, Labelled, holding, labelled
from tests.bench.squad import DATA, ROOT
from tests.unit.curator.examples import example

GRID = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
CHECKS = {
    "form": ("question_not", "question_too", "question_fragment", "question_cut_off"),
    "stands alone": ("question_about_text", "question_points_outside"),
    "leak": ("answer_leaked",),
    "non-answer": ("answer_missing",),
    "denial": ("answer_denied",),
    "grounding": ("answer_ungrounded",),
    "round trip": ("round_trip_failed",),
}
MEANT_FOR = {
    "form": ("truncated question",),
    "stands alone": ("framed by the text", "pronoun for a name"),
    "leak": ("answer leaked",),
    "non-answer": ("non-answer",),
    "denial": ("negated answer",),
    "grounding": ("wrong passage", "foreign answer", "other number"),
    "round trip": ("wrong passage", "foreign answer", "other sentence"),
}


class Remembering:
    """An embedder that embeds a text once."""

    def __init__(self, embedder: Embedder) -> None:
        self.model, self.dimensions = embedder.model, embedder.dimensions
        self._embedder = embedder
        self._known: dict[str, Vectors] = {}

    async def embed(self, texts: Sequence[str]) -> Vectors:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known |= dict(zip(new, await self._embedder.embed(new), strict=True))
        return np.stack([self._known[text] for text in texts])

    async def close(self) -> None:
        await self._embedder.close()


@dataclass
class Judged:
    row: Labelled
    reading: Reading
    reasons: tuple[str, ...]

    def fails(self, name: str) -> bool:
        return any(reason.startswith(CHECKS[name]) for reason in self.reasons)


async def judge(
    rows: Sequence[Labelled], embedder: Embedder, generator: TextGenerator | None = None
) -> list[Judged]:
    """Read and check every row with the default settings."""

    async def one(row: Labelled) -> Judged:
        (reading,) = await read([row.question], row.answer, row.passage, embedder, generator)
        found = check(row.question, row.answer, row.passage, given=reading.scores)
        return Judged(row, reading, found.reasons)

    return list(await asyncio.gather(*map(one, rows)))


def share(judged: Sequence[Judged], name: str = "") -> float:
    """Return which share fails a check, or any."""
    return sum(each.fails(name) if name else bool(each.reasons) for each in judged) / len(judged)


def report(judged: Sequence[Judged]) -> None:
    """Print how each check does, and how each kind of row fares with all of them."""
    by_kind: dict[str, list[Judged]] = defaultdict(list)
    for each in judged:
        by_kind[each.row.kind].append(each)
    right = by_kind["right"]
    print(f"{'check':14}{'wrong rows':>11}{'precision':>11}{'recall':>8}  recall by kind")
    for name, kinds in MEANT_FOR.items():
        wrong = [each for kind in kinds for each in by_kind[kind]]
        hits, alarms = sum(e.fails(name) for e in wrong), sum(e.fails(name) for e in right)
        each_kind = ", ".join(f"{kind} {share(by_kind[kind], name):.2f}" for kind in kinds)
        precision = hits / (hits + alarms)
        print(f"{name:14}{len(wrong):11}{precision:11.3f}{hits / len(wrong):8.3f}  {each_kind}")
    print(f"\n{'kind':20}{'rows':>6}{'rejected':>10}")
    for kind, some in by_kind.items():
        print(f"{kind:20}{len(some):6}{share(some):10.3f}")
    print("\nRight rows rejected, by reason:", dict(Counter(r for e in right for r in e.reasons)))


def separation(judged: Sequence[Judged], name: str, wrong: Sequence[str]) -> str:
    """Return how well a score tells right rows from wrong ones: AUC, and shares kept by value."""
    ours = np.array([e.reading.scores[name] for e in judged if e.row.kind == "right"])
    theirs = np.array([e.reading.scores[name] for e in judged if e.row.kind in wrong])
    auc = (ours[:, None] > theirs).mean() + (ours[:, None] == theirs).mean() / 2
    kept = "  ".join(f"{t}: {(ours >= t).mean():.2f}/{(theirs >= t).mean():.2f}" for t in GRID)
    return f"{name:22} AUC {auc:.3f}   kept, right/wrong, by threshold  {kept}"


async def same_meaning(embedder: Embedder) -> None:
    """Print how many pairs of human questions count as the same, and how many of those are.

    Within an article; the answer that counts is the sentence; whether two really are the same is
    told by their gold answers.
    """
    articles = json.loads((DATA / "squad" / "squad2-half-dev.json").read_text("utf-8"))["data"]
    for part, some in ((0, articles[:SET_ON]), (1, articles[SET_ON:])):
        for threshold in (0.85, 0.9, 0.92, 0.95):
            found = []
            for article in some:
                asked = _asked(article)
                vectors = await embedder.embed([question for question, _, _ in asked])
                near = np.argwhere(np.triu(vectors @ vectors.T >= threshold, 1))
                found += [
                    _agree(asked[i], asked[j], vectors[i], vectors[j], threshold) for i, j in near
                ]
            same = [gold for gold in found if gold is not None]
            print(f"articles {part}, cosine {threshold}: {len(same)} pairs, right {sum(same)}")


def _asked(article: dict) -> list[tuple[str, str, str]]:
    """Return question, sentence that answers it, and gold answer."""
    return [
        (each["question"].strip(), sentence, each["answers"][0]["text"])
        for paragraph in article["paragraphs"]
        for each in paragraph["qas"]
        if not each["is_impossible"]
        and (sentence := holding(paragraph["context"].strip(), each["answers"][0]))
    ]


def _agree(
    left, right, left_vector: Vectors, right_vector: Vectors, threshold: float
) -> bool | None:
    from shared.embedding.packing import packed

    if spelling(left[0]) == spelling(right[0]):
        return None
    meanings = Meanings(threshold)
    meanings.add(example(left[0], answer=left[1], vector=packed(left_vector)))
    row = example(right[0], 1, answer=right[1], vector=packed(right_vector))
    return f1(left[2], right[2]) >= 0.5 if meanings.likeness(row) else None


async def by_model(rows: Sequence[Labelled], embedder: Embedder, cache: Path) -> None:
    """Print how well the default language model does as the reader, on the same rows."""
    generator = open_generator(SMOLLM2, settings=GenerationSettings(cache_dir=cache))
    judged = await judge(rows, embedder, generator)
    for wrong in (("other sentence",), ("foreign answer",)):
        for name in ("round_trip", "round_trip_f1", "round_trip_similarity"):
            print(f"{wrong[0]:15}", separation(judged, name, wrong))
    await generator.aclose()


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", default="", metavar="KIND", help="print rows judged wrongly")
    parser.add_argument("--reader", action="store_true", help="the language model as reader too")
    parser.add_argument("--cache", type=Path, default=ROOT / ".gristmill" / "models")
    options = parser.parse_args()
    limits = CheckSettings()
    embedder = Remembering(open_embedder())
    rows = labelled()
    judged = await judge(rows, embedder)
    first, last = ([each for each in judged if each.row.part == part] for part in (0, 1))
    print(f"{len(first)} rows of {SET_ON} articles to set thresholds on:")
    print(separation(first, "round_trip", ("other sentence",)), f"(set: {limits.round_trip})")
    print(separation(first, "grounding_similarity", ("foreign answer", "wrong passage")))
    print(f"\n{len(last)} rows of the other articles:")
    for kind in ("other sentence", "foreign answer"):
        print(f"{kind:15}", separation(last, "round_trip", (kind,)))
    report(last)
    short = [replace(each.row, answer=each.row.short) for each in last if each.row.kind == "right"]
    gold = await judge(short, embedder)
    print(f"Right rows with SQuAD's own short answers rejected: {share(gold):.3f}")
    for each in last:
        if each.row.kind == options.show and bool(each.reasons) == (options.show == "right"):
            print(f"\n{each.row.question}\n  {each.row.answer}\n  {each.reasons}")
    print(f"\nQuestions of the same meaning (set: {BuildSettings().same_meaning}):")
    await same_meaning(embedder)
    if options.reader:
        some = [
            row
            for row in rows
            if row.part and row.kind in ("right", "other sentence", "foreign answer")
        ]
        print("\nThe language model as reader, on the same rows:")
        await by_model(some, embedder, options.cache)
    await embedder.close()
    return int(share([each for each in last if each.row.kind == "right"]) > 0.15)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
