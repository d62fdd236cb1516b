"""Fine-tuning of all layers."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from services.trainer.gradient import GradientSettings, Learner
from services.trainer.job import Job, Tuned
from services.trainer.text_loss import answers_objective


class FullSettings(GradientSettings):
    """Settings of full fine-tuning."""

    epochs: int = Field(default=2, ge=1)
    learning_rate: float = Field(default=5e-5, gt=0)


class Full:
    """Trains every parameter and saves the whole model."""

    settings = FullSettings
    words_only = False
    labels_only = False

    def __init__(self, settings: FullSettings) -> None:
        self._settings = settings

    def tune(self, job: Job) -> Tuned:
        """Train and save as `save_pretrained` does, tokenizer included."""
        network = job.network
        network.model.requires_grad_(requires_grad=True)
        parameters = dict(network.model.named_parameters())
        tuned = Learner(job, parameters, self._settings).learn(answers_objective(job))
        network.model.save_pretrained(job.artifact_folder)
        network.tokenizer.save_pretrained(job.artifact_folder)
        job.save("weights")
        return replace(tuned, total=tuned.trainable)
