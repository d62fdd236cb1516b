"""Learning by gradient: the one training loop, with checkpoints that it can be resumed from.

Everything that is drawn depends on the seed and the step alone, so a run that was killed and
resumed ends with the same parameters as one that was not. Several processes share each batch and
add their gradients up; see `services.trainer.ranks`.
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs
from pydantic import Field

from services.trainer.checkpoints import Checkpoints
from services.trainer.job import Job, MethodSettings, Tuned, TuningFailed

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

    by_gradient: ClassVar[bool] = True

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

    @property
    def pace(self) -> float:
        """Tokens a second."""
        return self.tokens / max(self.seconds, 1e-9)


class Learner:
    """Trains named parameters, then leaves them as they were when validation was best."""

    def __init__(
        self, job: Job, parameters: Mapping[str, torch.nn.Parameter], settings: GradientSettings
    ) -> None:
        self._job = job
        self._named = dict(parameters)
        self._settings = settings
        self._accelerator = Accelerator(
            cpu=torch.device(job.network.device).type == "cpu",
            mixed_precision="bf16" if job.precision == "bfloat16" else "no",
            # A process that is gone is noticed from outside; one that scores may take its time.
            kwargs_handlers=[InitProcessGroupKwargs(timeout=timedelta(days=30))],
        )
        self._optimizer = torch.optim.AdamW(
            self._named.values(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            foreach=False,
        )
        self._checkpoints = Checkpoints(job.folder / "checkpoint", self._named, self._optimizer)
        self._state = _State()
        self._late = False

    def learn(self, objective: Objective) -> Tuned:
        """Run to the last step, or until the job's time is over; of several processes one returns.

        Raises:
            TuningFailed: the loss, or how it changes, is not a number any more.
        """
        state = self._resume()
        earlier = state.seconds
        each_epoch = math.ceil(len(objective.sizes) / self._settings.batch_size)
        steps = each_epoch * self._settings.epochs
        saved = time.monotonic()
        notes: tuple[str, ...] = ()
        while state.step < steps:
            if self._late:
                notes = (f"Stopped by its time limit after {state.step} of {steps} steps.",)
                break
            began = time.monotonic()
            batch = self._batch(state.step, each_epoch, len(objective.sizes), objective.sizes)
            loss = self._step(batch, objective, steps)
            state.step += 1
            state.seconds += time.monotonic() - began
            state.tokens += sum(objective.sizes[at] for at in batch)
            state.curve.append((state.step, loss))
            self._tell(loss, steps)
            if state.step % each_epoch == 0:
                self._validate(objective)
            due = time.monotonic() - saved > CHECKPOINT_SECONDS and state.step < steps
            if due and self._accelerator.is_main_process:
                self._checkpoints.save(state.step, vars(state))
                saved = time.monotonic()
        self._accelerator.end_training()
        if not self._accelerator.is_main_process:
            sys.exit()  # all have learned the same, and the first one sees to the rest
        if notes:
            self._validate(objective)
        if objective.validation is not None:
            self._checkpoints.restore_best()
        return Tuned(
            trainable=sum(p.numel() for p in self._named.values()),
            curve=_thinned(state.curve),
            validation_curve=state.validation,
            tokens_per_second=round(state.pace, 1),
            earlier_seconds=earlier,
            notes=notes,
        )

    def _tell(self, loss: float, steps: int) -> None:
        state = self._state
        self._job.progress(
            "training",
            state.step,
            steps,
            loss=loss,
            tokens_per_second=state.pace,
            seconds_left=state.seconds / state.step * (steps - state.step),
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
        total = torch.zeros(3)
        for rows in _within(mine, objective):
            with accelerator.autocast():
                loss, scored = objective.loss(rows)
            accelerator.backward(loss)
            total += torch.tensor([loss.item(), float(scored), 0.0])
        total[2] = float(self._job.late)
        summed, tokens, late = map(float, self._add_up(total))
        self._late = late > 0
        mean = summed / tokens
        for parameter in self._named.values():
            if parameter.grad is not None:
                parameter.grad /= tokens
        slope = torch.nn.utils.clip_grad_norm_(self._named.values(), _CLIP).item()
        for what, value in (("loss", mean), ("loss's gradient", slope)):
            if not math.isfinite(value):
                raise TuningFailed(
                    f"The {what} became {value} at step {self._state.step + 1}.",
                    "Lower the learning rate (--set learning_rate=...); it is "
                    f"{self._settings.learning_rate:g} now.",
                )
        self._optimizer.step()
        self._optimizer.zero_grad()
        return mean

    def _add_up(self, total: torch.Tensor) -> torch.Tensor:
        """Return the sum over all processes of what each found; their gradients are summed too."""
        accelerator = self._accelerator
        if accelerator.num_processes == 1:
            return total
        for parameter in self._named.values():
            # A process has no gradient where it had no row of a short batch.
            own = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            shared = accelerator.reduce(own.to(accelerator.device), "sum")
            parameter.grad = shared.to(parameter.device)
        summed: torch.Tensor = accelerator.reduce(total.to(accelerator.device), "sum").cpu()
        return summed

    def _validate(self, objective: Objective) -> None:
        if not self._accelerator.is_main_process:
            return
        state = self._state
        if objective.validation is None or (
            state.validation and state.validation[-1][0] == state.step
        ):
            return
        loss = objective.validation()
        state.validation.append((state.step, loss))
        if loss < state.best:
            state.best = loss
            self._checkpoints.save_best()

    def _resume(self) -> _State:
        found = self._checkpoints.load()
        if found is not None:
            self._state = _State(**found)
            self._state.curve = [(int(at), loss) for at, loss in self._state.curve]
            self._state.validation = [(int(at), loss) for at, loss in self._state.validation]
        return self._state


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
