"""Makes the adapter that asks questions: `python infra/adapter/train.py SQUAD_JSON FOLDER`.

Each row is a paragraph, the sentence of it that holds the gold answer, and the question that a
person asked. Rows come from the first 12 articles; what the curator's checks would throw out is
left out. The other articles stay unseen, for `make bench-quality` and `make bench-usefulness`.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

from services.curator.checks import check
from services.trainer.data import Item, TaskData
from services.trainer.job import Job, method_named
from shared.answering.port import Query, Task
from shared.answering.template import Template
from shared.ids import fingerprint
from shared.settings import SMOLLM2
from shared.text import sentences

ARTICLES, ROWS, SEED = 12, 960, 0
TEMPLATE = Template("", passage="Passage", question="Answer", cue="Question", max_new_tokens=40)
SETTINGS = {"epochs": 1, "batch_size": 16, "learning_rate": 1e-3, "rank": 8, "alpha": 16.0}


def items(file: Path) -> list[Item]:
    """Return what there is to learn from, in the order of the file."""
    found = []
    for article in json.loads(file.read_text("utf-8"))["data"][:ARTICLES]:
        title = article["title"].replace("_", " ")
        for paragraph in article["paragraphs"]:
            passage = paragraph["context"].strip()
            parts = sentences(passage)
            for each in paragraph["qas"]:
                if each["is_impossible"]:
                    continue
                gold, question = each["answers"][0]["text"], each["question"].strip()
                answer = next((part for part in parts if gold in part), "")
                if not answer or check(question, answer, passage, headings=title).reasons:
                    continue
                query = Query(answer, passage)
                found.append(Item(fingerprint(answer, question), query, (question,), title))
    return found


def say(phase: str, step: int, steps: int, **figures: float) -> None:
    """Print progress now and then."""
    if step % 5 == 0:
        print(phase, f"{step}/{steps}", figures, flush=True)


def main() -> None:
    """Train, and keep the adapter alone, in bfloat16."""
    import torch
    from safetensors.torch import load_file, save_file

    source, target = map(Path, sys.argv[1:])
    there = items(source)
    rows = tuple(random.Random(SEED).sample(there, min(ROWS, len(there))))
    print(f"{len(there)} rows, of which {len(rows)} are learned from", flush=True)
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
