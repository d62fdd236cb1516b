"""Bodies under their hash: what is too large for a message."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from shared import ids
from shared.errors import DocumentNotFound
from shared.storage.reach import reaching


class BlobStore:
    """Immutable bodies, each stored under the hex SHA-256 of its bytes.

    Args:
        location: a folder, made where it does not exist, or the URL of an object store: `s3://`,
            `gs://`, `az://`, or `memory://` for tests.
        options: the object store's own, such as `endpoint`; keys and regions come from the
            environment as its tools have them (`AWS_ACCESS_KEY_ID`, ...).

    Every method raises `StorageUnreachable` where the disk or the object store fails.
    """

    def __init__(self, location: str, **options: Any) -> None:
        self._location = location
        self._store = open_store(location, **options)

    async def put(self, body: bytes) -> str:
        """Store the body and return its hash; storing it again changes nothing.

        Readers see all of it or nothing, also where the writer is killed half-way.
        """
        sha256 = ids.sha256(body)
        with reaching(self._location, BaseError), contextlib.suppress(AlreadyExistsError):
            await obstore.put_async(self._store, _key(sha256), body, mode="create")
        return sha256

    async def get(self, sha256: str) -> bytes:
        """Return the body with this hash.

        Raises:
            DocumentNotFound: it was never stored here, or is damaged.
        """
        try:
            with reaching(self._location, BaseError):
                found = await obstore.get_async(self._store, _key(sha256))
                body = bytes(await found.bytes_async())
        except FileNotFoundError as error:
            raise DocumentNotFound(
                f"There is no body {sha256} in {self._location}.",
                "Submit the document again; do all services use the same blob store?",
            ) from error
        if ids.sha256(body) != sha256:
            raise DocumentNotFound(
                f"The body {sha256} in {self._location} is damaged.",
                "Delete its file and submit the document again.",
            )
        return body

    async def has(self, sha256: str) -> bool:
        """Return whether there is a body with this hash."""
        try:
            with reaching(self._location, BaseError):
                await obstore.head_async(self._store, _key(sha256))
        except FileNotFoundError:
            return False
        return True


def open_store(location: str, **options: Any) -> ObjectStore:
    """Open a folder or an object store; see `BlobStore` for the arguments."""
    if "://" in location and not location.startswith("file://"):
        return from_url(location, **options)
    folder = Path(location.removeprefix("file://")).expanduser().resolve()
    return LocalStore(folder, mkdir=True)


def _key(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"  # a folder with a million files is slow to list
