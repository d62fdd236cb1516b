"""Which documents the arguments of a command mean: paths, folders, patterns and web addresses."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.extractor.formats.detect import ENDINGS
from shared.errors import DocumentNotFound, NoDocumentsFound


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """A document to take in: a file where `path` is set, else a web address.

    Attributes:
        uri: `file://...` or the web address; names the document from here on.
        path: the file, as it was given or found.
    """

    uri: str
    path: Path | None = None


def discover(args: Sequence[str]) -> list[FoundDocument]:
    """Return the documents that `args` mean, each once, in the order given.

    A folder means every file below it that can be read and is not hidden, in alphabetical order;
    a file named outright is taken whatever its ending.

    Raises:
        DocumentNotFound: a path does not exist, or a pattern matches nothing.
        NoDocumentsFound: there is nothing to take in at all.
    """
    found: dict[str, FoundDocument] = {}
    for arg in args:
        for document in _of(arg):
            found.setdefault(document.uri, document)
    if not found:
        where = ", ".join(args) or "no paths"
        raise NoDocumentsFound(
            f"There is no document in {where}.",
            f"Files with these endings are read: {', '.join(ENDINGS)}.",
        )
    return list(found.values())


def _of(arg: str) -> Iterator[FoundDocument]:
    if arg.lower().startswith(("http://", "https://")):
        yield FoundDocument(arg)
        return
    path = Path(arg).expanduser()
    if path.exists():
        yield from _of_path(path)
        return
    matches = sorted(glob.glob(str(path), recursive=True)) if glob.has_magic(arg) else []  # noqa: PTH207 - patterns may be absolute
    if not matches:
        what = "matches no file" if glob.has_magic(arg) else "does not exist"
        raise DocumentNotFound(f"{arg} {what}.", "Check the path; quote patterns for the shell.")
    for match in matches:
        yield from _of_path(Path(match))


def _of_path(path: Path) -> Iterator[FoundDocument]:
    if not path.is_dir():
        yield FoundDocument(path.resolve().as_uri(), path)
        return
    for file in _files_below(path):
        yield FoundDocument(file.resolve().as_uri(), file)


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield files with our endings; links to folders are followed, each folder entered once."""
    entered: set[Path] = set()
    for where, folders, files in os.walk(folder, followlinks=True):
        real = Path(where).resolve()
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            file = Path(where, name)
            if not name.startswith(".") and file.suffix.lower() in ENDINGS and file.is_file():
                yield file
