"""How local models are run and endpoints are called."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr


class GenerationSettings(BaseModel):
    """Settings of the engines.

    Attributes:
        engine: `auto` takes CTranslate2 on a CPU and transformers on a GPU.
        compute_type: `auto` is int8 in CTranslate2 and float32 in transformers. bfloat16 is for
            transformers on a GPU: faster, and near-ties may fall differently in another batch.
        threads: CPU threads; 0 is one for each core this process may use.
        batch_size: most requests handed to the engine at once.
        batch_wait_seconds: how long an idle engine waits for a second request to join the first.
        max_input_tokens: longest prompt, where the model's own context is not shorter still.
        cache_dir: where converted models are kept; `.gristmill/models` when not set.
        api_key: sent to endpoints as a bearer token; never written anywhere.
        endpoint_timeout_seconds: how long an endpoint may take for one answer.
        endpoint_concurrency: most requests to an endpoint at the same time.
    """

    engine: Literal["auto", "ctranslate2", "transformers"] = "auto"
    compute_type: Literal["auto", "int8", "float32", "bfloat16"] = "auto"
    threads: int = Field(default=0, ge=0)
    batch_size: int = Field(default=16, ge=1)
    batch_wait_seconds: float = Field(default=0.02, ge=0)
    max_input_tokens: int = Field(default=2048, ge=64)
    cache_dir: Path | None = None
    api_key: SecretStr | None = None
    endpoint_timeout_seconds: float = Field(default=120.0, gt=0)
    endpoint_concurrency: int = Field(default=8, ge=1)
