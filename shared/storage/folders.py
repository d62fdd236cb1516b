"""Small files of known names, in a folder or an object store."""

from __future__ import annotations

from collections.abc import Mapping

import obstore
from obstore.exceptions import BaseError

from shared.storage.blobs import open_store
from shared.storage.reach import reaching


async def write_files(location: str, files: Mapping[str, str]) -> None:
    """Write texts under their paths in a folder, or below the URL of an object store.

    Raises:
        StorageUnreachable: the disk or the object store fails.
    """
    with reaching(location, BaseError):
        store = open_store(location)
        for path, text in files.items():
            await obstore.put_async(store, path, text.encode())
