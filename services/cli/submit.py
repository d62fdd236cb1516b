"""Handing documents in, and waiting until everything made of them is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

from services.cli.access import Access
from services.cli.discover import FoundDocument
from services.extractor.settings import ExtractorSettings
from shared.delivery.envelope import sortable
from shared.delivery.ledger import COUNTED, DocumentState
from shared.errors import DocumentError, DocumentNotFound, DocumentTooLarge
from shared.ids import document_id, sha256
from shared.messages import DocumentSubmitted
from shared.settings import section
from shared.storage.blobs import BlobStore

POLL_SECONDS = 0.25
POLL_BATCH = 500


@dataclass(frozen=True)
class Submission:
    """What became of handing in one document.

    Attributes:
        sequence: the submission to wait for; empty where there is nothing to do.
        before: the document's state when it was handed in.
        error: why it could not be handed in; empty where it could.
    """

    document_id: UUID
    uri: str
    before: DocumentState
    sequence: str = ""
    error: str = ""


async def submit(
    documents: Sequence[FoundDocument], access: Access, blobs: BlobStore, recipe: str
) -> AsyncIterator[Submission]:
    """Hand the documents in, those that are not in already; yields each as it is handed in."""
    max_bytes = section("extractor", ExtractorSettings).max_bytes
    for document in documents:
        identity = document_id(document.uri)
        state = await access.ledger.document(identity)
        submission = Submission(identity, document.uri, state)
        try:
            body = None
            if document.path is not None:
                body = await asyncio.to_thread(read_file, document.path, max_bytes)
            yield await _submit(submission, body, access, blobs, recipe)
        except DocumentError as error:
            yield replace(submission, error=str(error))


async def resubmit(state: DocumentState, access: Access, recipe: str) -> Submission:
    """Hand in again what the pipeline has the body of; an address is fetched anew."""
    submission = Submission(state.document_id, state.uri, state)
    if document_id(state.uri) != state.document_id:
        error = f"{state.uri} was published under a key of its own. Publish it again with its key."
        return replace(submission, error=error)
    fetched = state.uri.startswith(("http://", "https://"))
    blob = None if fetched else state.revision
    message = DocumentSubmitted(uri=state.uri, blob=blob, recipe=recipe)
    return replace(submission, sequence=sortable(await access.publisher.publish(message)))


async def _submit(
    submission: Submission, body: bytes | None, access: Access, blobs: BlobStore, recipe: str
) -> Submission:
    state = submission.before
    blob = None
    if body is not None:
        revision = sha256(body)
        if (state.status, state.revision, state.recipe) == ("active", revision, recipe):
            return submission if state.open <= 0 else replace(submission, sequence=state.sequence)
        blob = await blobs.put(body)
    message = DocumentSubmitted(uri=submission.uri, blob=blob, recipe=recipe)
    entry_id = await access.publisher.publish(message)
    return replace(submission, sequence=sortable(entry_id))


def read_file(path: Path, max_bytes: int) -> bytes:
    """Return the bytes of a file.

    Raises:
        DocumentTooLarge: it has more than `max_bytes`; it was not read.
        DocumentNotFound: it is not there, or must not be read.
    """
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise DocumentTooLarge(
                f"{path} has {size:,} bytes; the limit is {max_bytes:,}.",
                "Split it, or raise GRISTMILL_EXTRACTOR_MAX_BYTES.",
            )
        return path.read_bytes()
    except OSError as error:
        raise DocumentNotFound(f"{path} cannot be read: {error.strerror}.") from error


@dataclass
class Progress:
    """How far the submitted documents are, counted from when they were handed in."""

    documents: int = 0
    settled: int = 0
    passages: int = 0
    done: int = 0
    made: dict[str, int] = field(default_factory=dict)


async def wait(
    submissions: Sequence[Submission],
    access: Access,
    show: Callable[[Progress], None],
    check: Callable[[], None],
) -> list[DocumentState]:
    """Wait until every submission is settled; returns the states of all documents.

    Args:
        submissions: what was handed in.
        access: the pipeline.
        show: is told how far it is, several times a second.
        check: raises where nobody is left to do the work.
    """
    waited = {s.document_id: s for s in submissions}
    latest = {s.document_id: s.before for s in submissions}
    open_ids = [s.document_id for s in submissions if s.sequence]
    while True:
        for start in range(0, len(open_ids), POLL_BATCH):
            ids = open_ids[start : start + POLL_BATCH]
            latest |= dict(zip(ids, await access.ledger.documents(ids), strict=True))
        open_ids = [i for i in open_ids if not latest[i].settled_since(waited[i].sequence)]
        show(_progress(submissions, latest, len(open_ids)))
        if not open_ids:
            return [latest[s.document_id] for s in submissions]
        check()
        await asyncio.sleep(POLL_SECONDS)


def made_since(before: DocumentState, after: DocumentState) -> dict[str, int]:
    """Return what was made of a document between two looks at it."""
    return {
        name: after.made.get(name, 0) - before.made.get(name, 0) for name in (*COUNTED, "retracted")
    }


def is_unchanged(submission: Submission, after: DocumentState) -> bool:
    """Whether the document was in already, as it is: known before, or found when it was fetched."""
    if not submission.sequence:
        return not submission.error
    before = submission.before
    same = (before.status, before.revision, before.recipe) == (
        after.status,
        after.revision,
        after.recipe,
    )
    return same and before.open <= 0 and not after.failed


def _progress(
    submissions: Sequence[Submission], latest: dict[UUID, DocumentState], still_open: int
) -> Progress:
    progress = Progress(documents=len(submissions), settled=len(submissions) - still_open)
    for submission in submissions:
        if not submission.sequence:
            continue
        state = latest[submission.document_id]
        progress.passages += state.now.get("passages", 0)
        progress.done += min(state.now.get("questioned", 0), state.now.get("indexed", 0))
        for name, count in made_since(submission.before, state).items():
            progress.made[name] = progress.made.get(name, 0) + count
    return progress
