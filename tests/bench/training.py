"""Training speed as ratios: our loop against plain PEFT + transformers, and cached against not.

`python -m tests.bench.training` alternates the sides in one process, on SST-2 sentences and SQuAD
questions (`GRISTMILL_DATA`), and prints medians and ranges: tokens per second, prompt and answer
counted, padding not; and seconds of an epoch. An epoch of `feature-based` is one iteration of its
solver, which sees every row once; without the cache the body would have to run before each.
"""

import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from services.trainer.data import DataSettings, load_data
from services.trainer.job import Job, method_named
from shared.answering import features
from shared.answering.network import Network
from shared.settings import SMOLLM2

DATA = Path(os.environ.get("GRISTMILL_DATA", "../shared/data"))
ROWS, BATCH, ROUNDS = 48, 8, 3
SPEED_TARGET, CACHE_TARGET = 1.0, 10.0


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


def solver_seconds(data):
    """Return the seconds of the body's pass over all rows, and of one iteration of the solver."""
    with tempfile.TemporaryDirectory() as folder:
        job = Job(data, SMOLLM2, Path(folder), "feature-based")
        _ = job.network
        queries = [item.query for item in data.train]
        began = time.perf_counter()
        if data.task.labels:
            found = features.of_texts(job.network, job.template, queries, -1, "both")
            wanted = [data.task.labels.index(item.answers[0]) for item in data.train]
        else:
            _, found, owners = features.of_sentences(job.network, queries, -1)
            wanted = np.arange(len(owners)) % 2  # which sentence is right costs the same
        body = time.perf_counter() - began
    regression = LogisticRegression(C=0.01, max_iter=2000)
    began = time.perf_counter()
    regression.fit((found - found.mean(0)) / (found.std(0) + 1e-6), wanted)
    return body, (time.perf_counter() - began) / int(regression.n_iter_[0])


def show(name, sides, *, target):
    """Print both sides; returns whether the first over the second is at least the target."""
    middles = []
    for side, values in sides.items():
        middles.append(statistics.median(values))
        spread = f"{min(values):.4g} to {max(values):.4g}"
        print(f"{name:20s} {side:24s} {middles[-1]:10.4g}  ({spread})", flush=True)
    ratio = middles[0] / middles[1]
    print(f"{name:20s} ratio {ratio:.2f}x, wanted {target:g}x", flush=True)
    return ratio >= target


def speed(source, data, method):
    sides = {"gristmill tok/s": [], "PEFT + Trainer tok/s": []}
    for _ in range(ROUNDS):
        sides["gristmill tok/s"].append(ours(data, method))
        sides["PEFT + Trainer tok/s"].append(plain(data, method))
    return show(f"{source} {method}", sides, target=SPEED_TARGET)


def caching(source, data, epochs):
    good = []
    sides = {"without cache s/epoch": [], "cached s/epoch": []}
    for _ in range(ROUNDS):
        # The difference of few and many epochs leaves out what is done once.
        without = epoch_seconds(data, 2, cached=False) - epoch_seconds(data, 1, cached=False)
        more = epoch_seconds(data, epochs + 1, cached=True) - epoch_seconds(data, 1, cached=True)
        sides["without cache s/epoch"].append(without)
        sides["cached s/epoch"].append(max(more / epochs, 1e-6))
    good.append(show(f"{source} output-layers", sides, target=CACHE_TARGET))
    sides = {"without cache s/epoch": [], "cached s/epoch": []}
    for _ in range(ROUNDS):
        body, iteration = solver_seconds(data)
        sides["without cache s/epoch"].append(body + iteration)
        sides["cached s/epoch"].append(iteration)
    good.append(show(f"{source} feature-based", sides, target=CACHE_TARGET))
    return all(good)


def main():
    """Measure and print; 1 where a target is missed."""
    good = []
    for source, rows in (("squad", ROWS // 2), ("sst2", ROWS * 2)):
        data = data_of(source, rows)
        good += [speed(source, data, method) for method in ("lora", "full")]
    good.append(caching("sst2", data_of("sst2", ROWS * 2), 100))
    good.append(caching("squad", data_of("squad", ROWS // 2), 5))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
