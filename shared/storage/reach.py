"""When the disk or the object store fails: an error that says so and may be tried again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from shared.errors import GristmillError


class StorageUnreachable(GristmillError):
    """The disk or the object store does not read or write."""

    retryable = True


@contextlib.contextmanager
def reaching(location: str, *errors: type[Exception]) -> Iterator[None]:
    """Turn `errors`, and those of the operating system, into `StorageUnreachable`.

    A `FileNotFoundError` passes: that is an answer.
    """
    failures: tuple[type[Exception], ...] = (OSError, *errors)
    try:
        yield
    except FileNotFoundError:
        raise
    except failures as error:
        raise StorageUnreachable(
            f"Reading or writing {location} failed: {error}.",
            "Is there space on the disk, and is the object store there with its keys set?",
        ) from error
