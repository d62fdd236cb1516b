"""Training speed as ratios: our loop against plain PEFT + transformers, and cached against not.

`python -m tests.bench.training` alternates the sides in one process, on SST-2 sentences and SQuAD
questions (`GRISTMILL_DATA`), and prints medians and ranges of tokens per second, prompt and answer
counted, padding not.
"""

import math
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from services.trainer.data import DataSettings, load_data
from services.trainer.job import Job, method_named
from shared.answering.network import Network
from shared.settings import SMOLLM2

DATA = Path(os.environ.get("GRISTMILL_DATA", "../shared/data"))
ROWS, BATCH, ROUNDS = 48, 8, 3


def data_of(name, rows):
    file = {
        "sst2": DATA / "classification/sst2/train.tsv",
        "squad": DATA / "squad/squad2-half-dev.json",
    }[name]
    settings = DataSettings(train_rows=rows, validation_rows=0, test_rows=1)
    return load_data(str(file), settings, "")


def ours(data, method, **settings):
    """Return tokens per second of one epoch, validation left out."""
    with tempfile.TemporaryDirectory() as folder:
        job = Job(data, SMOLLM2, Path(folder), method)
        job.data = _without_validation(data)
        tuned = method_named(method, {"epochs": 1, "batch_size": BATCH, **settings}).tune(job)
    return tuned.tokens_per_second


def _without_validation(data):
    from dataclasses import replace

    return replace(data, validation=())


class Rows(torch.utils.data.Dataset):
    def __init__(self, encoded):
        self.rows = [
            {
                "input_ids": [*each.prompt, *each.answer],
                "labels": [-100] * len(each.prompt) + list(each.answer),
            }
            for each in encoded
        ]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, at):
        return self.rows[at]


def plain(data, method):
    """Return the same for transformers' Trainer as its documentation shows it."""
    from peft import LoraConfig, get_peft_model
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    with tempfile.TemporaryDirectory() as folder:
        job = Job(data, SMOLLM2, Path(folder), method)
        network = Network.open(SMOLLM2)
        job.__dict__["network"] = network
        rows = [network.encode(job.template, i.query, i.answers[0]) for i in data.train]
        model = network.model
        if method == "lora":
            config = LoraConfig(
                r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"
            )
            model = get_peft_model(model, config)
        model.train()
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=1,
            per_device_train_batch_size=BATCH,
            learning_rate=1e-4,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
        )
        trainer = Trainer(
            model,
            arguments,
            train_dataset=Rows(rows),
            data_collator=DataCollatorForSeq2Seq(network.tokenizer, padding=True),
        )
        began = time.perf_counter()
        trainer.train()
        return sum(map(len, rows)) / (time.perf_counter() - began)


def epoch_seconds(data, epochs, *, cached):
    """Return the seconds of tuning the output layer for so many epochs."""
    with tempfile.TemporaryDirectory() as folder:
        job = Job(_without_validation(data), SMOLLM2, Path(folder), "output-layers")
        _ = job.network
        began = time.perf_counter()
        method_named("output-layers", {"epochs": epochs, "cached": cached}).tune(job)
        return time.perf_counter() - began


def show(name, sides):
    middles = []
    for side, values in sides.items():
        middles.append(statistics.median(values))
        spread = f"{min(values):.1f} to {max(values):.1f}"
        print(f"{name:14s} {side:24s} {middles[-1]:8.1f}  ({spread})", flush=True)
    print(f"{name:14s} ratio {middles[0] / middles[1]:.2f}x", flush=True)


def main():
    for source, rows in (("squad", ROWS // 2), ("sst2", ROWS * 2)):
        data = data_of(source, rows)
        for method in ("lora", "full"):
            sides = {"gristmill tok/s": [], "PEFT + Trainer tok/s": []}
            for _ in range(ROUNDS):
                sides["gristmill tok/s"].append(ours(data, method))
                sides["PEFT + Trainer tok/s"].append(plain(data, method))
            show(f"{source} {method}", sides)
    data = data_of("sst2", ROWS * 2)
    sides = {"without cache s/epoch": [], "cached s/epoch": []}
    for _ in range(ROUNDS):
        # The difference of few and many epochs leaves out what is done once.
        without = epoch_seconds(data, 2, cached=False) - epoch_seconds(data, 1, cached=False)
        cached = (epoch_seconds(data, 101, cached=True) - epoch_seconds(data, 1, cached=True)) / 100
        sides["without cache s/epoch"].append(without)
        sides["cached s/epoch"].append(max(cached, 1e-6))
    show("output-layers", sides)
    return 0 if math.isfinite(sum(sides["cached s/epoch"])) else 1


if __name__ == "__main__":
    sys.exit(main())
