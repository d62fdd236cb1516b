"""What a run is called: the same work always gets the same name."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.errors import DatasetNotFound

VERSION = re.compile(r"latest|v?(\d+)")


def run_id(method: str, dataset: str, model: str, settings: Mapping[str, Any]) -> str:
    """Return the name of a run, such as `lora-3f2a91c0`.

    Args:
        method: how is tuned.
        dataset: a file, which counts with its content, or any text that names the content.
        model: reference of the model.
        settings: of the run; a file under `test` counts with its content too.
    """
    counted = dict(settings)
    if counted.get("test"):
        counted["test"] = _identity(str(counted["test"]))
    content = json.dumps(
        [method, _identity(dataset), model, counted], sort_keys=True, separators=(",", ":")
    )
    return f"{method}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


async def settle(reference: str, versions_location: str) -> tuple[str, str]:
    """Return the dataset meant, in words that stay true, and what stands for its content.

    `latest` becomes the version it is now and a path becomes absolute.

    Raises:
        DatasetNotFound: there is no such version.
    """
    match = VERSION.fullmatch(reference)
    if match is None:
        settled = absolute(reference)
        return settled, settled
    from shared.storage.dataset import Dataset

    versions = {
        str(version.number): version for version in await Dataset(versions_location).versions()
    }
    if not versions:
        raise DatasetNotFound(
            f"No dataset has been built in {versions_location}.",
            "`gristmill run DOCUMENTS` makes one; --dataset FILE takes another.",
        )
    number = str(int(match[1])) if match[1] else list(versions)[-1]
    if number not in versions:
        raise DatasetNotFound(
            f"There is no dataset version {number}.", f"The newest is v{list(versions)[-1]}."
        )
    return f"v{number}", f"v{number}:{versions[number].fingerprint}"


def absolute(reference: str) -> str:
    """Return a path that exists in full, and any other reference as it is."""
    path = Path(reference)
    return str(path.absolute()) if path.exists() else reference


def _identity(reference: str) -> str:
    path = Path(reference)
    if not path.is_file():
        return reference
    with path.open("rb") as file:
        return f"{path.absolute()}:{hashlib.file_digest(file, 'sha256').hexdigest()}"
