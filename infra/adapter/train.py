"""Makes the adapter that asks questions: `python infra/adapter/train.py SQUAD_JSON FOLDER`.

Each row is a paragraph, the sentence of it that holds the gold answer, and the question that a
person asked. Rows come from the first 12 articles. Left out is what the curator's checks would
throw out, and what does not name its subject well enough to find its own paragraph first among all
of these (by MiniLM): who learns from questions like "When did he die?" asks such questions. The
other articles stay unseen, for `make bench-quality` and `make bench-usefulness`.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from services.curator.checks import check
from services.trainer.data import Item, TaskData
from services.trainer.job import Job, method_named
from shared.answering.port import Query, Task
from shared.answering.template import Template
from shared.embedding.engines import open_embedder
from shared.ids import fingerprint
from shared.settings import SMOLLM2
from shared.text import sentence_at

ARTICLES, SEED = 12, 0
TEMPLATE = Template("", passage="Passage", question="Answer", cue="Question", max_new_tokens=40)
SETTINGS = {"epochs": 1, "batch_size": 16, "learning_rate": 1e-3, "rank": 16, "alpha": 32.0}


async def items(articles: list[dict[str, Any]]) -> list[Item]:
    """Return what there is to learn from, in the order of the articles."""
    found = []
    passages: list[str] = []
    for article in articles:
        title = article["title"].replace("_", " ")
        for paragraph in article["paragraphs"]:
            passage = paragraph["context"]
            passages.append(passage)
            for each in paragraph["qas"]:
                if each["is_impossible"]:
                    continue
                gold, question = each["answers"][0], each["question"].strip()
                start, end = gold["answer_start"], gold["answer_start"] + len(gold["text"])
                answer = sentence_at(passage, start, end)
                if not answer or check(question, answer, passage, headings=title).reasons:
                    continue
                query = Query(answer, passage)
                found.append(Item(fingerprint(answer, question), query, (question,), title))
    embedder = open_embedder()
    corpus = await embedder.embed(passages)
    asked = await embedder.embed([str(item.answers[0]) for item in found])
    await embedder.close()
    nearest = (asked @ corpus.T).argmax(axis=1)
    return [
        item for item, at in zip(found, nearest, strict=True) if item.query.context == passages[at]
    ]


def say(phase: str, step: int, steps: int, **figures: float) -> None:
    """Print progress now and then."""
    if step % 5 == 0:
        print(phase, f"{step}/{steps}", figures, flush=True)


def main() -> None:
    """Train, and keep the adapter alone, in bfloat16."""
    import torch
    from safetensors.torch import load_file, save_file

    source, target = map(Path, sys.argv[1:])
    articles = json.loads(source.read_text("utf-8"))["data"][:ARTICLES]
    rows = tuple(asyncio.run(items(articles)))
    print(f"{len(rows)} rows to learn from", flush=True)
    name = fingerprint(*(row.item_id for row in rows))
    with tempfile.TemporaryDirectory() as folder:
        data = TaskData(source.name, name, Task(), rows, (), ())
        job = Job(data, SMOLLM2, Path(folder), "lora", SEED, progress=say)
        job.__dict__["template"] = TEMPLATE
        method_named("lora", SETTINGS).tune(job)
        target.mkdir(parents=True, exist_ok=True)
        tensors = load_file(job.artifact_folder / "adapter_model.safetensors")
        halves = {key: value.to(torch.bfloat16) for key, value in tensors.items()}
        save_file(halves, target / "adapter_model.safetensors", {"format": "pt"})
        shutil.copy(job.artifact_folder / "adapter_config.json", target)


if __name__ == "__main__":
    main()
