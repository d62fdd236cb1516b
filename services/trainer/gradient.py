"""Learning by gradient: the one training loop, with checkpoints that it can be resumed from.

Everything that is drawn depends on the seed and the step alone, so a run that was killed and
resumed ends with the same parameters as one that was not. Several processes (`accelerate launch`)
share each batch and add their gradients up.
"""

from __future__ import annotations

import json
import math
import random
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from accelerate import Accelerator
from pydantic import Field
from safetensors.torch import load_file, save_file

from services.trainer.job import Job, MethodSettings, Tuned, TuningFailed
from shared.files import write_atomically

CHECKPOINT_SECONDS = 60.0
_WARMUP = 0.1
_CLIP = 1.0
_CURVE_POINTS = 200


class GradientSettings(MethodSettings):
    """Settings of the methods that learn by gradient.

    Attributes:
        epochs: how often each row is seen.
        batch_size: rows for one step.
        learning_rate: at its highest; it rises over a tenth of the steps, then falls to 0.
        weight_decay: of AdamW.
    """

    epochs: int = Field(default=3, ge=1)
    batch_size: int = Field(default=16, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)


@dataclass(frozen=True)
class Objective:
    """What is learned.

    Attributes:
        sizes: how long each row is, in tokens; rows of like length share a batch.
        loss: (summed loss, scored tokens) of the rows at these indices; carries gradients.
        validation: mean loss on rows held back; None to do without.
        micro_tokens: most tokens, padding counted, that go forward and backward at once.
    """

    sizes: Sequence[int]
    loss: Callable[[Sequence[int]], tuple[torch.Tensor, int]]
    validation: Callable[[], float] | None = None
    micro_tokens: int = 2048


@dataclass
class _State:
    step: int = 0
    curve: list[tuple[int, float]] = field(default_factory=list)
    validation: list[tuple[int, float]] = field(default_factory=list)
    best: float = math.inf
    tokens: int = 0
    seconds: float = 0.0


class Learner:
    """Trains named parameters, then leaves them as they were when validation was best."""

    def __init__(
        self, job: Job, parameters: Mapping[str, torch.nn.Parameter], settings: GradientSettings
    ) -> None:
        self._job = job
        self._named = dict(parameters)
        self._settings = settings
        self._accelerator = Accelerator(
            cpu=job.device == "cpu",
            mixed_precision="bf16" if job.precision == "bfloat16" else "no",
        )
        self._optimizer = torch.optim.AdamW(
            self._named.values(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            foreach=False,
        )
        self._folder = job.folder / "checkpoint"
        self._state = _State()

    def learn(self, objective: Objective) -> Tuned:
        """Run to the last step, or until the job's time is over.

        Raises:
            TuningFailed: the loss is not a number any more.
        """
        state = self._resume()
        earlier = state.seconds
        each_epoch = math.ceil(len(objective.sizes) / self._settings.batch_size)
        steps = each_epoch * self._settings.epochs
        saved = time.monotonic()
        notes: tuple[str, ...] = ()
        while state.step < steps:
            if self._job.late and state.step:
                notes = (f"Stopped by its time limit after {state.step} of {steps} steps.",)
                break
            began = time.monotonic()
            batch = self._batch(state.step, each_epoch, len(objective.sizes), objective.sizes)
            loss = self._step(batch, objective, steps)
            state.step += 1
            state.seconds += time.monotonic() - began
            state.tokens += sum(objective.sizes[at] for at in batch)
            state.curve.append((state.step, loss))
            self._job.progress(
                "training",
                state.step,
                steps,
                loss=loss,
                tokens_per_second=state.tokens / max(state.seconds, 1e-9),
                seconds_left=state.seconds / state.step * (steps - state.step),
            )
            if state.step % each_epoch == 0:
                self._validate(objective)
            if time.monotonic() - saved > CHECKPOINT_SECONDS and state.step < steps:
                self._save()
                saved = time.monotonic()
        if notes:
            self._validate(objective)
        self._restore_best(objective)
        return Tuned(
            trainable=sum(p.numel() for p in self._named.values()),
            curve=_thinned(state.curve),
            validation_curve=state.validation,
            tokens_per_second=round(state.tokens / max(state.seconds, 1e-9), 1),
            earlier_seconds=earlier,
            notes=notes,
        )

    def _batch(self, step: int, each_epoch: int, count: int, sizes: Sequence[int]) -> list[int]:
        """Return the rows of a step: rows of like length together, the batches in drawn order."""
        epoch, place = divmod(step, each_epoch)
        draw = random.Random(f"{self._job.seed}/{epoch}")
        rows = list(range(count))
        draw.shuffle(rows)
        rows.sort(key=lambda at: sizes[at] // 16)  # stable: within a length the order is drawn
        width = self._settings.batch_size
        batches = [rows[at : at + width] for at in range(0, count, width)]
        draw.shuffle(batches)
        return batches[place]

    def _step(self, batch: Sequence[int], objective: Objective, steps: int) -> float:
        torch.manual_seed(self._job.seed * 1_000_003 + self._state.step)
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * _pace(self._state.step, steps)
        accelerator = self._accelerator
        mine = batch[accelerator.process_index :: accelerator.num_processes]
        total, tokens = torch.zeros(2), 0
        for rows in _within(mine, objective):
            with accelerator.autocast():
                loss, scored = objective.loss(rows)
            accelerator.backward(loss)
            total += torch.tensor([loss.item(), float(scored)])
        if accelerator.num_processes > 1:
            total = accelerator.reduce(total.to(accelerator.device), "sum").cpu()
            for parameter in self._named.values():
                if parameter.grad is None:  # this process had no row of a short batch
                    parameter.grad = torch.zeros_like(parameter)
                parameter.grad = accelerator.reduce(parameter.grad, "sum")
        tokens = int(total[1])
        mean = float(total[0]) / tokens
        if not math.isfinite(mean):
            raise TuningFailed(
                f"The loss became {mean} at step {self._state.step + 1}.",
                "Lower the learning rate (--set learning_rate=...); it is "
                f"{self._settings.learning_rate:g} now.",
            )
        for parameter in self._named.values():
            if parameter.grad is not None:
                parameter.grad /= tokens
        torch.nn.utils.clip_grad_norm_(self._named.values(), _CLIP)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return mean

    def _validate(self, objective: Objective) -> None:
        state = self._state
        if objective.validation is None or (
            state.validation and state.validation[-1][0] == state.step
        ):
            return
        loss = objective.validation()
        state.validation.append((state.step, loss))
        if loss < state.best:
            state.best = loss
            _write(self._tensors(), self._folder / "best.safetensors")

    def _restore_best(self, objective: Objective) -> None:
        if objective.validation is not None and (self._folder / "best.safetensors").is_file():
            self._put(load_file(self._folder / "best.safetensors"))

    def _tensors(self) -> dict[str, torch.Tensor]:
        return {name: p.detach().cpu().contiguous() for name, p in self._named.items()}

    def _put(self, tensors: Mapping[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self._named.items():
                parameter.copy_(tensors[name])

    def _save(self) -> None:
        """Write a checkpoint under a new name, then point to it: there is always a whole one."""
        if not self._accelerator.is_main_process:
            return
        folder = self._folder / f"step-{self._state.step}"
        moments = {
            f"{name}/{kind}": value.detach().cpu().contiguous()
            for name, parameter in self._named.items()
            for kind, value in self._optimizer.state[parameter].items()
        }
        _write(self._tensors(), folder / "parameters.safetensors")
        _write(moments, folder / "optimizer.safetensors")
        pointer = self._folder / "state.json"
        state = json.dumps({"folder": folder.name} | vars(self._state))
        write_atomically(pointer, lambda partial: partial.write_text(state))
        for old in self._folder.glob("step-*"):
            if old != folder:
                shutil.rmtree(old, ignore_errors=True)

    def _resume(self) -> _State:
        pointer = self._folder / "state.json"
        if not pointer.is_file():
            return self._state
        found = json.loads(pointer.read_text())
        folder = self._folder / found.pop("folder")
        self._put(load_file(folder / "parameters.safetensors"))
        moments = load_file(folder / "optimizer.safetensors")
        for name, parameter in self._named.items():
            kept = {
                key.removeprefix(f"{name}/"): value
                for key, value in moments.items()
                if key.rpartition("/")[0] == name
            }
            if kept:
                self._optimizer.state[parameter] = {
                    kind: value if kind == "step" else value.to(parameter.device)
                    for kind, value in kept.items()
                }
        self._state = _State(**found)
        self._state.curve = [(int(at), loss) for at, loss in self._state.curve]
        self._state.validation = [(int(at), loss) for at, loss in self._state.validation]
        return self._state


def _write(tensors: Mapping[str, torch.Tensor], file: Path) -> None:
    write_atomically(file, lambda partial: save_file(dict(tensors), partial))


def _within(rows: Sequence[int], objective: Objective) -> list[list[int]]:
    """Cut a batch into parts that fit `micro_tokens`."""
    parts: list[list[int]] = []
    for row in sorted(rows, key=lambda at: -objective.sizes[at]):
        longest = objective.sizes[parts[-1][0]] if parts else 0
        if parts and longest * (len(parts[-1]) + 1) <= objective.micro_tokens:
            parts[-1].append(row)
        else:
            parts.append([row])
    return parts


def _pace(step: int, steps: int) -> float:
    warm = max(int(steps * _WARMUP), 1)
    return (step + 1) / warm if step < warm else (steps - step) / max(steps - warm, 1)


def _thinned(curve: list[tuple[int, float]]) -> list[tuple[int, float]]:
    every = math.ceil(len(curve) / _CURVE_POINTS) or 1
    return [
        (part[-1][0], round(sum(loss for _, loss in part) / len(part), 5))
        for part in (curve[at : at + every] for at in range(0, len(curve), every))
    ]
