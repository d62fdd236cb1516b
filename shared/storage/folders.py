"""Small files of known names, in a folder or an object store."""

from __future__ import annotations

from collections.abc import Mapping

import obstore
from obstore.exceptions import BaseError

from shared.storage.blobs import open_store
from shared.storage.reach import reaching


def write_files(location: str, files: Mapping[str, str]) -> None:
    """Write texts under their paths in a folder, or below the URL of an object store; this blocks.

    (The library's awaitable calls abort the interpreter now and then if it ends right after one.)

    Raises:
        StorageUnreachable: the disk or the object store fails.
    """
    with reaching(location, BaseError):
        store = open_store(location)
        for path, text in files.items():
            obstore.put(store, path, text.encode())
