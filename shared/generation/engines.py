"""Chooses the engine for a model reference."""

from __future__ import annotations

from shared.generation import references
from shared.generation.port import TextGenerator
from shared.generation.settings import GenerationSettings


def open_generator(reference: str, *, settings: GenerationSettings | None = None) -> TextGenerator:
    """Return a generator for the model; it loads its weights at the first request.

    Args:
        reference: `pkg:NAME/FILE`, a Hugging Face id, a local folder or GGUF file, or
            `openai:URL#MODEL`; see `shared/generation/references.py`.
        settings: how to run it.

    Raises:
        ModelNotFound: nothing there.
        ConfigurationInvalid: not a reference.
    """
    chosen = settings or GenerationSettings()
    endpoint = references.endpoint(reference)
    if endpoint is not None:
        from shared.generation.openai_engine import OpenAIGenerator

        return OpenAIGenerator(reference, endpoint, chosen)
    weights = references.locate(reference)
    if engine_name(chosen) == "transformers":
        from shared.generation.transformers_engine import TransformersGenerator

        return TransformersGenerator(reference, weights, chosen)
    from shared.generation.ctranslate2_engine import CTranslate2Generator

    return CTranslate2Generator(reference, weights, chosen)


def engine_name(settings: GenerationSettings) -> str:
    """Return the engine for weights: as set, or by what this machine has."""
    if settings.engine != "auto":
        return settings.engine
    return "transformers" if _has_gpu() else "ctranslate2"


def _has_gpu() -> bool:
    import ctranslate2

    # CTranslate2 looks for the driver without the seconds that importing torch takes.
    if not ctranslate2.get_cuda_device_count():
        return False
    import torch

    return bool(torch.cuda.is_available())
