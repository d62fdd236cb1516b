"""Answering with a model in this process, as a tuning method left it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file

from shared.answering.artifact import Artifact, ArtifactInvalid
from shared.answering.demonstrations import Demonstrations
from shared.answering.network import Network
from shared.answering.port import Answerer, Example, Query

TENSORS_FILE = "tensors.safetensors"


class LanguageModelAnswerer:
    """A model that writes its answers, or chooses among the labels.

    Args:
        network: the model with whatever was added to it.
        artifact: the template and the task.
        demonstrations: worked examples to put before each query.
    """

    def __init__(
        self, network: Network, artifact: Artifact, demonstrations: Demonstrations | None = None
    ) -> None:
        self.network = network
        self._artifact = artifact
        self._demonstrations = demonstrations
        network.model.eval()

    def answer(self, queries: Sequence[Query]) -> list[str]:
        """Return one answer for each query; see `Answerer`."""
        worked = self._worked(queries)
        template = self._artifact.template
        if self._artifact.labels:
            return self.network.choose(template, queries, self._artifact.labels, worked)
        encoded = [
            self.network.encode(template, query, worked=shown)
            for query, shown in zip(queries, worked, strict=True)
        ]
        return self.network.generate(encoded, template)

    def likelihood(self, examples: Sequence[Example]) -> list[float] | None:
        """Return the mean negative log-likelihood per token; see `Answerer`."""
        worked = self._worked([each.query for each in examples])
        encoded = [
            self.network.encode(self._artifact.template, each.query, each.answer, shown)
            for each, shown in zip(examples, worked, strict=True)
        ]
        return self.network.mean_losses(encoded)

    def _worked(self, queries: Sequence[Query]) -> list[list[Example]]:
        if self._demonstrations is None:
            return [[] for _ in queries]
        return self._demonstrations.choose(queries)


def open_local(artifact: Artifact, folder: Path) -> Answerer:
    """Open an artifact that holds weights; see `open_answerer`."""
    if artifact.kind == "weights":
        return LanguageModelAnswerer(Network.open(str(folder)), artifact)
    network = Network.open(artifact.model)
    if artifact.kind in {"label-head", "sentence-head"}:
        from shared.answering.heads import open_head

        return open_head(network, artifact, folder)
    if artifact.kind == "adapter":
        add_adapter(network, folder)
    else:
        add_tensors(network, folder / TENSORS_FILE)
    return LanguageModelAnswerer(network, artifact)


def add_adapter(network: Network, folder: Path) -> None:
    """Put a PEFT adapter around the model."""
    from peft import PeftModel

    try:
        network.wrap(PeftModel.from_pretrained(network.model, str(folder)).eval())
    except (OSError, ValueError, RuntimeError) as error:
        raise ArtifactInvalid(f"The adapter in {folder} cannot be loaded: {error}.") from error


def add_tensors(network: Network, file: Path) -> None:
    """Put trained parameters in the place of the base model's; an output layer of its own too."""
    tensors = load_file(file)
    untie(network, tensors)
    unknown = network.model.load_state_dict(tensors, strict=False).unexpected_keys
    if unknown:
        raise ArtifactInvalid(f"The base model has no {', '.join(unknown)}, which {file} holds.")


def untie(network: Network, names: object) -> None:
    """Give the model an output layer of its own where `names` holds one and it has none."""
    import torch

    model = network.model
    head = model.get_output_embeddings()
    wanted = next(n for n, p in model.named_modules() if p is head) + ".weight"
    if wanted in names and head.weight is model.get_input_embeddings().weight:  # type: ignore[operator]
        head.weight = torch.nn.Parameter(head.weight.detach().clone())
        model.config.tie_word_embeddings = False
