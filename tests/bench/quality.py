"""How good the default models' examples are: `python -m tests.bench.quality [--show 20]`.

Paragraphs of the last 4 articles of squad2-half-dev.json, which the adapter that asks questions has
not seen, and the sample documents. Own-passage rank: where a question's own paragraph stands among
all 646 paragraphs of the file by MiniLM cosine. The questions that people asked about the same
paragraphs stand beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from services.curator.checks import Verdict, check
from services.question_generator.ask import ask
from services.question_generator.reading import read
from services.summarizer.summarize import summarize
from shared.embedding.engines import open_embedder
from shared.embedding.port import Embedder
from shared.generation.engines import open_generator
from shared.generation.port import TextGenerator
from shared.generation.settings import GenerationSettings
from shared.settings import PRESETS

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("GRISTMILL_DATA", ROOT.parent / "shared" / "data"))
SAMPLES = ROOT / "services" / "local" / "samples"
LEARNED = 12
"""So many articles may have been learned from."""
LEANS = {"question_about_text", "question_points_outside"}
TARGETS = {"ends with ?": 0.95, "leaked": 0.02, "rank 1": 0.45, "rank 10": 0.85}


@dataclass
class Row:
    title: str
    passage: str
    human: list[tuple[str, str]] = field(default_factory=list)
    place: int = -1
    article: int = -1
    summary: str = ""
    question: str = ""
    reasons: tuple[str, ...] = ()


def paragraphs() -> list[Row]:
    """Return all paragraphs of the file, in order."""
    articles = json.loads((DATA / "squad" / "squad2-half-dev.json").read_text("utf-8"))["data"]
    rows = [
        Row(
            article["title"].replace("_", " "),
            paragraph["context"].strip(),
            [
                (each["question"].strip(), each["answers"][0]["text"])
                for each in paragraph["qas"]
                if not each["is_impossible"]
            ],
            article=number,
        )
        for number, article in enumerate(articles)
        for paragraph in article["paragraphs"]
    ]
    for place, row in enumerate(rows):
        row.place = place
    return rows


def sample_rows() -> list[Row]:
    """Return the passages of the sample documents, if there are any."""
    if not SAMPLES.is_dir():
        return []
    from services.extractor.extract import extract

    rows = []
    for file in sorted(each for each in SAMPLES.iterdir() if each.is_file()):
        found = extract(file.read_bytes(), uri=file.as_uri())
        rows += [Row(found.title, passage.text) for passage in found.passages]
    return rows


def spread(rows: Sequence[Row], count: int) -> list[Row]:
    """Return so many, evenly over all; all where there are fewer."""
    count = min(count, len(rows))
    return [rows[place * len(rows) // count] for place in range(count)]


async def make(
    rows: list[Row], summaries: TextGenerator, questions: TextGenerator, embedder: Embedder
) -> float:
    """Fill in summaries and questions; return the seconds it took."""

    async def one(row: Row) -> None:
        row.summary = await summarize(row.passage, summaries, title=row.title)
        row.question = await ask(row.passage, row.summary, questions, embedder, title=row.title)
        row.reasons = (await judged(row.question, row.summary, row, embedder)).reasons

    begun = time.perf_counter()
    await asyncio.gather(*(one(row) for row in rows))
    return time.perf_counter() - begun


async def judged(question: str, answer: str, row: Row, embedder: Embedder) -> Verdict:
    """Check a pair as the curator does, with what the question generator finds about it."""
    (reading,) = await read([question], answer, row.passage, embedder)
    return check(question, answer, row.passage, given=reading.scores, headings=row.title)


async def ranks(questions: list[str], places: list[int], embedder: Embedder, corpus: np.ndarray):
    """Return where each question's own paragraph stands, from 1."""
    scores = await embedder.embed(questions) @ corpus.T
    own = scores[np.arange(len(places)), places]
    return (scores > own[:, None]).sum(axis=1) + 1


async def figures(
    pairs: list[tuple[str, str]], rows: list[Row], embedder: Embedder
) -> dict[str, float]:
    """Return the shares that need no ranks."""
    verdicts = [await judged(q, a, row, embedder) for (q, a), row in zip(pairs, rows, strict=True)]
    reasons = [verdict.reasons for verdict in verdicts]
    return {
        "rows": len(pairs),
        "accepted": sum(not some for some in reasons) / len(pairs),
        "ends with ?": sum(q.endswith("?") for q, _ in pairs) / len(pairs),
        "repeats": len(pairs) - len({q.lower() for q, _ in pairs}),
        "leaked": sum("answer_leaked" in some for some in reasons) / len(pairs),
        "grounded": sum("answer_ungrounded" not in some for some in reasons) / len(pairs),
        "round trip": sum("round_trip_failed" not in some for some in reasons) / len(pairs),
        "stands alone": sum(not LEANS & set(some) for some in reasons) / len(pairs),
    }


async def bench(limit: int, cache: Path) -> tuple[dict[str, dict[str, float]], list[Row]]:
    """Return the table by column, and the rows."""
    everything = paragraphs()
    chosen = spread([row for row in everything if row.article >= LEARNED], limit)
    settings = GenerationSettings(cache_dir=cache)
    summarizer, asker = (open_generator(each, settings=settings) for each in PRESETS["tiny"])
    embedder = open_embedder()
    await summarizer.load()
    await asker.load()
    corpus = await embedder.embed([row.passage for row in everything])
    table: dict[str, dict[str, float]] = {}
    samples = sample_rows()
    for name, rows in (("paragraphs", chosen), ("samples", samples)):
        if rows:
            seconds = await make(rows, summarizer, asker, embedder)
            pairs = [(row.question, row.summary) for row in rows]
            table[name] = await figures(pairs, rows, embedder)
            table[name]["rows a minute"] = 60 * len(rows) / seconds
    asked = [row for row in chosen if row.human]
    table["human"] = await figures([row.human[0] for row in asked], asked, embedder)
    for name, questions, rows in (
        ("paragraphs", [row.question for row in chosen], chosen),
        ("human", [row.human[0][0] for row in asked], asked),
    ):
        found = await ranks(questions, [row.place for row in rows], embedder, corpus)
        table[name]["rank 1"] = float((found <= 1).mean())
        table[name]["rank 10"] = float((found <= 10).mean())
        if name == "paragraphs":
            kept = found[[not row.reasons for row in rows]]
            table[name]["accepted: rank 1"] = float((kept <= 1).mean())
            table[name]["accepted: rank 10"] = float((kept <= 10).mean())
    await summarizer.aclose()
    await asker.aclose()
    await embedder.close()
    return table, [*chosen, *samples]


def misses(got: dict[str, float]) -> list[str]:
    """Return the targets that the figures do not reach."""
    missed = [
        name
        for name, target in TARGETS.items()
        if (got[name] > target if name == "leaked" else got[name] < target)
    ]
    return missed + (["repeats"] if got["repeats"] else [])


def show(table: dict[str, dict[str, float]]) -> None:
    names = list(table["paragraphs"])
    print(f"{'':18}" + "".join(f"{column:>12}" for column in table) + f"{'target':>12}")
    for name in names:
        cells = (column.get(name) for column in table.values())
        texts = ("" if cell is None else f"{cell:.2f}".removesuffix(".00") for cell in cells)
        target = {"leaked": "<= 0.02", "repeats": "0"}.get(name) or TARGETS.get(name, "")
        print(f"{name:18}" + "".join(f"{text:>12}" for text in texts) + f"{target!s:>12}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print N rows to read")
    parser.add_argument("--rows", type=int, default=1000, help="most paragraphs")
    parser.add_argument("--cache", type=Path, default=ROOT / ".gristmill" / "models")
    options = parser.parse_args()
    table, rows = asyncio.run(bench(options.rows, options.cache))
    show(table)
    step = max(len(rows) // options.show, 1) if options.show else 1
    for row in rows[::step][: options.show]:
        print(f"\n{row.title}: {row.passage}\n  Q: {row.question}\n  A: {row.summary}")
        print(f"  {', '.join(row.reasons) or 'accepted'}")
    missed = misses(table["paragraphs"])
    print(f"\nMissed: {', '.join(missed)}" if missed else "\nAll targets reached.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
