"""What a tuning method is given, and what it gives back."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from services.trainer.data import TaskData
from services.trainer.methods import METHODS, check_name
from shared.answering.artifact import Artifact, Kind
from shared.answering.network import Network
from shared.answering.port import Task
from shared.answering.template import Template, default_template
from shared.errors import ConfigurationInvalid, GristmillError
from shared.generation import references

Progress = Callable[..., None]
"""Called with phase, step, steps, and by name loss, tokens_per_second and seconds_left."""

_LONGEST_ANSWER = 128


class TuningFailed(GristmillError):
    """A run that cannot give a useful model; the message says why."""


class MethodSettings(BaseModel):
    """What every method can be told; each adds its own.

    Attributes:
        by_gradient: whether the method learns by gradient, so that several processes can share it.
    """

    by_gradient: ClassVar[bool] = False
    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Tuned:
    """What a method found out, beside the artifact it saved.

    Attributes:
        trainable, total: numbers of parameters.
        curve, validation_curve: (step, mean loss per token in nats).
        tokens_per_second: while training.
        earlier_seconds: of training before this process took the run up from a checkpoint.
        notes: what a reader of the scores should know.
    """

    trainable: int = 0
    total: int = 0
    curve: Sequence[tuple[int, float]] = ()
    validation_curve: Sequence[tuple[int, float]] = ()
    tokens_per_second: float | None = None
    earlier_seconds: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass
class Job:
    """One run of one method.

    Attributes:
        data: the split to learn from.
        model: the base model's reference.
        folder: the run's folder; `artifact` and `checkpoint` lie in it.
        seed: decides everything that is drawn.
        deadline: the time (monotonic seconds) to stop learning at; infinity for none.
        device: where the model runs; the best there is where it is empty.
        precision: `float32`, or `bfloat16` for the arithmetic while the weights stay float32.
    """

    data: TaskData
    model: str
    folder: Path
    method: str
    seed: int = 0
    deadline: float = float("inf")
    precision: str = "float32"
    device: str = ""
    progress: Progress = field(default=lambda *_, **__: None)

    @property
    def task(self) -> Task:
        """What kind of answers are wanted."""
        return self.data.task

    @property
    def artifact_folder(self) -> Path:
        """Where the method saves what it made."""
        return self.folder / "artifact"

    @property
    def late(self) -> bool:
        """Whether the time for learning is over."""
        return time.monotonic() >= self.deadline

    @property
    def behind_endpoint(self) -> bool:
        """Whether the model is asked over HTTP."""
        return references.endpoint(self.model) is not None

    @cached_property
    def network(self) -> Network:
        """The base model, loaded at first use."""
        self.progress("loading", 0, 1)
        return Network.open(self.model, device=self.device)

    @property
    def parameters(self) -> int:
        """How many the base model has; 0 behind an endpoint, which does not tell."""
        return 0 if self.behind_endpoint else int(self.network.model.num_parameters())

    @cached_property
    def template(self) -> Template:
        """The default template, with the answers' length measured on the training rows."""
        chat = self.behind_endpoint or self.network.chats
        base = default_template(self.task, chat=chat)
        answers = [item.answers[0] for item in self.data.train]
        if self.task.labels:
            return base
        lines = any("\n" in answer for answer in answers)
        longest = max(len(answer) for answer in answers) // 3
        if not self.behind_endpoint:
            ids = self.network.tokenizer(answers, add_special_tokens=False)["input_ids"]
            longest = sorted(map(len, ids))[int(len(ids) * 0.98)]
        length = min(max(longest + 4, 16), _LONGEST_ANSWER)
        changed = base.as_dict() | {"stop": "" if lines else "\n", "max_new_tokens": length}
        return Template(**changed)

    def save(
        self, kind: Kind, template: Template | None = None, details: dict[str, Any] | None = None
    ) -> None:
        """Write `gristmill.json` of the artifact."""
        artifact = Artifact(
            kind,
            self.method,
            self.model,
            template or self.template,
            self.task.labels,
            details or {},
        )
        artifact.save(self.artifact_folder)


class Method(Protocol):
    """A tuning method: `tune` learns from the job's data and saves an artifact.

    Attributes:
        settings: what it can be told.
        words_only: whether it needs no weights, so that a model behind an endpoint will do.
        labels_only: whether it can only choose among labels.
    """

    settings: ClassVar[type[MethodSettings]]
    words_only: ClassVar[bool] = False
    labels_only: ClassVar[bool] = False

    def __init__(self, settings: Any) -> None: ...

    def tune(self, job: Job) -> Tuned:
        """Learn, save the artifact and say what it took."""
        ...


def method_named(name: str, settings: dict[str, Any]) -> Method:
    """Return a method with its settings.

    Raises:
        MethodUnknown: there is none of this name.
        ConfigurationInvalid: a setting that it does not have, or not with this value.
    """
    check_name(name)
    module, _, class_name = METHODS[name].partition(":")
    found = getattr(importlib.import_module(f"services.trainer.methods.{module}"), class_name)
    try:
        method: Method = found(found.settings(**settings))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
        )
        known = ", ".join(found.settings.model_fields) or "none"
        raise ConfigurationInvalid(
            f"These settings of {name} cannot be used: {problems}.", f"Its settings: {known}."
        ) from error
    return method


def check(method: Method, name: str, job: Job) -> None:
    """Refuse what the method cannot do before anything is loaded.

    Raises:
        ConfigurationInvalid: an endpoint where weights are needed, or the wrong kind of data.
    """
    if job.behind_endpoint and not method.words_only:
        raise ConfigurationInvalid(
            f"{name} needs the model's weights, and {job.model} is behind an endpoint.",
            "in-context, hard-prompt and untuned work there; the others need a local model.",
        )
    if method.labels_only and not job.task.labels:
        raise ConfigurationInvalid(f"{name} is for labelled data only.", "Give a TSV or CSV file.")
