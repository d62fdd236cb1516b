"""What our rows are worth to learn from: `python -m tests.bench.usefulness [--rows 240]`.

The default model is tuned by LoRA on rows of the first 12 articles of squad2-half-dev.json and
asked human questions about the 4 others, which nothing has seen: neither the rows nor the adapter
that asks questions. The sides have the same number of rows from the same paragraphs: ours, and what
people asked there, answered by the sentence that holds the gold answer, as ours are, or by the gold
answer itself. Token F1 against both. The share is our gain over the untuned model, divided by the
gain that people's rows give with the same kind of answer.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from services.trainer.data import Item, TaskData
from services.trainer.job import Job, method_named
from services.trainer.scores import per_item
from shared.answering.artifact import open_answerer, untuned
from shared.answering.port import Answerer, Query, Task
from shared.embedding.engines import open_embedder
from shared.generation.engines import open_generator
from shared.generation.settings import GenerationSettings
from shared.ids import fingerprint
from shared.settings import PRESETS, SMOLLM2
from tests.bench.quality import make
from tests.bench.squad import LEARNED, ROOT, Row, paragraphs, spread

Pair = tuple[str, str]


def items(rows: Sequence[Row], pair: Callable[[Row], Pair]) -> tuple[Item, ...]:
    found = []
    for row in rows:
        question, answer = pair(row)
        key = fingerprint(row.passage, question, answer)
        found.append(Item(key, Query(question, row.passage), (answer,), row.title))
    return tuple(found)


def asked(row: Row) -> Pair:
    """Return one of the human questions, not always the first, with its gold answer."""
    question, gold, _ = row.human[row.place % len(row.human)]
    return question, gold


def asked_whole(row: Row) -> Pair:
    question, _, sentence = row.human[row.place % len(row.human)]
    return question, sentence


def tuned_on(rows: tuple[Item, ...], folder: Path) -> Answerer:
    data = TaskData("bench", fingerprint(*(row.item_id for row in rows)), Task(), rows, (), ())
    job = Job(data, SMOLLM2, folder, "lora")
    method_named("lora", {}).tune(job)
    return open_answerer(job.artifact_folder)


async def generated(rows: list[Row], cache: Path) -> list[Row]:
    """Fill in what the pipeline makes of the paragraphs; return those it accepts."""
    settings = GenerationSettings(cache_dir=cache)
    summaries, questions = PRESETS["tiny"]
    models = (
        open_generator(summaries, settings=settings),
        open_generator(questions, settings=settings),
    )
    embedder = open_embedder()
    made, _ = await make(rows, models, embedder)
    for model in models:
        await model.aclose()
    await embedder.close()
    return [row for row in made if not row.reasons]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=240, help="paragraphs to learn from")
    parser.add_argument("--test", type=int, default=120, help="human questions to measure by")
    parser.add_argument("--cache", type=Path, default=ROOT / ".gristmill" / "models")
    options = parser.parse_args()
    everything = [row for row in paragraphs() if row.human]
    kept = spread([row for row in everything if row.article >= LEARNED], options.test)
    seen = spread([row for row in everything if row.article < LEARNED], options.rows)
    rows = asyncio.run(generated(seen, options.cache))
    print(
        f"{len(rows)} of {len(seen)} rows accepted; {len(kept)} questions to measure by", flush=True
    )
    sides: dict[str, tuple[Item, ...]] = {
        "untuned": (),
        "our rows": items(rows, lambda row: (row.question, row.summary)),
        "people's, sentences": items(rows, asked_whole),
        "people's, gold answers": items(rows, asked),
    }
    tests = {"sentence": items(kept, asked_whole), "gold": items(kept, asked)}
    found: dict[tuple[str, str], float] = {}
    for side, learned in sides.items():
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            answerer = tuned_on(learned, Path(folder)) if learned else untuned(SMOLLM2)
            answers = answerer.answer([item.query for item in tests["gold"]])
            del answerer
            gc.collect()
        for name, wanted in tests.items():
            found[side, name] = statistics.mean(per_item(Task(), wanted, answers))
        figures = "  ".join(f"F1 by {name} {found[side, name]:.3f}" for name in tests)
        print(f"{side:24} {figures}  ({time.perf_counter() - began:.0f} s)", flush=True)
    for name, people in (("sentence", "people's, sentences"), ("gold", "people's, gold answers")):
        floor = found["untuned", name]
        share = (found["our rows", name] - floor) / (found[people, name] - floor)
        print(f"share of the gain of {people}, by {name}: {share:.2f}")


if __name__ == "__main__":
    main()
