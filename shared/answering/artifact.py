"""What a tuning method leaves behind: a folder that says how to answer with it.

`gristmill.json` holds the base model's reference, the task, the template and the kind:

prompt         nothing but words: the template, and worked examples in `demonstrations.jsonl`
adapter        a PEFT adapter folder: `adapter_config.json`, `adapter_model.safetensors`
weights        a whole model as `save_pretrained` writes it
tensors        `tensors.safetensors`: the parameters that were trained, by the base model's names
label-head     `head.safetensors`: a linear layer from hidden states to labels
sentence-head  `head.safetensors`: a linear layer that scores the sentences of the context
words          `head.safetensors` and `vocabulary.json`: a linear layer over TF-IDF, no model at all
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from shared.answering.port import Answerer, Example, Query, Task
from shared.answering.template import Template, default_template
from shared.errors import GristmillError
from shared.generation import references

if TYPE_CHECKING:
    from shared.answering.network import Network

Kind = Literal["prompt", "adapter", "weights", "tensors", "label-head", "sentence-head", "words"]
_FILE = "gristmill.json"
_DEMONSTRATIONS = "demonstrations.jsonl"


class ArtifactInvalid(GristmillError):
    """The folder is not what a tuning run leaves behind."""


@dataclass(frozen=True)
class Artifact:
    """What `gristmill.json` says.

    Attributes:
        method: the tuning method's name.
        model: reference of the base model.
        labels: the labels to choose from; empty for question answering.
        details: what else the kind needs, such as a layer's number.
    """

    kind: Kind
    method: str
    model: str
    template: Template
    labels: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        """The task it was tuned for."""
        return Task(self.labels)

    def save(self, folder: Path) -> None:
        """Write it into a folder, made if needed."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), ensure_ascii=False, indent=2)
        (folder / _FILE).write_text(f"{text}\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Artifact:
        """Read it from a folder.

        Raises:
            ArtifactInvalid: there is none.
        """
        try:
            found = json.loads((folder / _FILE).read_text(encoding="utf-8"))
            template = Template(**found.pop("template"))
            return cls(template=template, labels=tuple(found.pop("labels")), **found)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ArtifactInvalid(
                f"There is no tuned model in {folder}: {error}.",
                "`gristmill runs` lists the runs and what became of them.",
            ) from error


def write_demonstrations(folder: Path, pool: list[Example]) -> None:
    """Keep worked examples beside the artifact."""
    lines = [
        json.dumps(asdict(each.query) | {"answer": each.answer}, ensure_ascii=False) + "\n"
        for each in pool
    ]
    (folder / _DEMONSTRATIONS).write_text("".join(lines), encoding="utf-8")


def read_demonstrations(folder: Path) -> list[Example]:
    """Return the worked examples of an artifact; none where it has none."""
    file = folder / _DEMONSTRATIONS
    if not file.is_file():
        return []
    found = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]
    return [Example(Query(each["question"], each["context"]), each["answer"]) for each in found]


def open_answerer(folder: Path) -> Answerer:
    """Open what a run left behind, with the base model it needs.

    Raises:
        ArtifactInvalid: it is not there or not whole.
        ModelNotFound: its base model is not there any more.
    """
    artifact = Artifact.read(folder)
    if artifact.kind == "words":
        from shared.answering.heads import WordsAnswerer

        return WordsAnswerer(artifact, folder)
    if artifact.kind == "prompt":
        return prompted(artifact, read_demonstrations(folder))
    from shared.answering.local import open_local

    return open_local(artifact, folder)


def untuned(model: str) -> Answerer:
    """Open a model as it is, to be asked with the default template.

    Raises:
        ModelNotFound: nothing there.
    """
    return prompted(Artifact("prompt", "untuned", model, default_template(Task(), chat=True)))


def prompted(
    artifact: Artifact,
    pool: Sequence[Example] = (),
    network: Callable[[], Network] | None = None,
) -> Answerer:
    """Open a model that only words were tuned of: behind its endpoint, or in this process.

    Args:
        artifact: names the model and holds the template.
        pool: worked examples to choose from.
        network: gives the model where it is open in this process already.

    Raises:
        ModelNotFound: nothing there.
    """
    if references.endpoint(artifact.model) is not None:
        from shared.answering.endpoint import EndpointAnswerer

        return EndpointAnswerer(artifact, pool)
    from shared.answering.demonstrations import Demonstrations
    from shared.answering.local import LanguageModelAnswerer
    from shared.answering.network import Network

    opened = network() if network else Network.open(artifact.model)
    return LanguageModelAnswerer(opened, artifact, Demonstrations.of(artifact, pool))
