"""Converts a model for CTranslate2, once, and keeps the result.

The cache holds one folder for each model and compute type, named by what the model is and not by
where it lies. A folder appears whole or not at all; whoever comes while another process converts
waits for it.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared import ids
from shared.errors import ModelUnsupported
from shared.generation import loading
from shared.generation.port import Kind
from shared.generation.references import Weights

_FORMAT = "1"  # rises when what a folder holds changes
_NOTES = "gristmill.json"


@dataclass(frozen=True, slots=True)
class Converted:
    """A model as CTranslate2 reads it, its tokenizer beside it.

    Attributes:
        folder: where it lies.
        kind: causal or seq2seq.
        context: longest prompt with its answer, in tokens.
    """

    folder: Path
    kind: Kind
    context: int


def converted(weights: Weights, compute_type: str, cache_dir: Path) -> Converted:
    """Return the model converted, from the cache if it is there.

    Raises:
        ModelUnsupported: transformers cannot load it or CTranslate2 cannot run it.
    """
    identity = ids.fingerprint(_FORMAT, weights.fingerprint)
    folder = cache_dir / f"{weights.path.stem.lower()}-{compute_type}-{identity}"
    if not (folder / _NOTES).is_file():
        cache_dir.mkdir(parents=True, exist_ok=True)
        with _alone(folder.with_suffix(".lock")):
            if not (folder / _NOTES).is_file():
                _convert(weights, compute_type, folder)
    notes = json.loads((folder / _NOTES).read_text(encoding="utf-8"))
    return Converted(folder, notes["kind"], notes["context"])


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # released when the file is closed, or its process dies
        yield


def _convert(weights: Weights, compute_type: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".converting-") as scratch:
        saved, result = Path(scratch) / "saved", Path(scratch) / "result"
        loaded = loading.load(weights)
        if hasattr(loaded.model.config, "quantization_config"):
            del loaded.model.config.quantization_config  # the weights are float32 by now
        loaded.model.save_pretrained(saved)
        loaded.tokenizer.save_pretrained(saved)
        _run_converter(saved, compute_type, result, weights)
        for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            if (saved / name).is_file():
                shutil.copy(saved / name, result / name)
        notes = {"kind": loaded.kind, "context": loaded.context, "source": str(weights.path)}
        (result / _NOTES).write_text(json.dumps(notes, indent=2), encoding="utf-8")
        result.rename(folder)


def _run_converter(saved: Path, compute_type: str, result: Path, weights: Weights) -> None:
    from ctranslate2.converters import TransformersConverter

    try:
        TransformersConverter(str(saved)).convert(str(result), quantization=compute_type)
    except (ValueError, KeyError, AttributeError, NotImplementedError) as error:
        raise ModelUnsupported(
            f"CTranslate2 cannot run the model at {weights.path}: {error}",
            "Set the engine to `transformers` for this model.",
        ) from error
    _name_missing_tokens(result / "config.json")


def _name_missing_tokens(file: Path) -> None:
    """Put the end token where a tokenizer has no other: CTranslate2 will not load a null."""
    config = json.loads(file.read_text(encoding="utf-8"))
    end = config.get("eos_token") or ""
    for name in ("bos_token", "unk_token"):
        if name in config and config[name] is None:
            config[name] = end
    file.write_text(json.dumps(config, indent=2), encoding="utf-8")
