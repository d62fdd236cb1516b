"""Low-rank adapters: small matrices beside the frozen ones."""

from __future__ import annotations

from peft import LoraConfig
from pydantic import Field

from services.trainer.adapters import tune_adapter
from services.trainer.gradient import GradientSettings
from services.trainer.job import Job, Tuned


class LoraSettings(GradientSettings):
    """Settings of LoRA.

    Attributes:
        rank: inner width of the added matrices.
        alpha: their weight is alpha / rank.
        dropout: on their input.
        targets: names of the layers they are added to; `all-linear` for all but the output layer.
    """

    epochs: int = Field(default=2, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    rank: int = Field(default=16, ge=1)
    alpha: float = Field(default=32, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: str | list[str] = "all-linear"


class Lora:
    """Trains a PEFT LoRA adapter."""

    settings = LoraSettings
    words_only = False
    labels_only = False

    def __init__(self, settings: LoraSettings) -> None:
        self._settings = settings

    def tune(self, job: Job) -> Tuned:
        """Train and save the adapter folder."""
        own = self._settings
        config = LoraConfig(
            r=own.rank, lora_alpha=own.alpha, lora_dropout=own.dropout, target_modules=own.targets
        )
        return tune_adapter(job, config, own)
