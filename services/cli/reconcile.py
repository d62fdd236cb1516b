"""After the broker lost data: what is unfinished is handed in again, what is stale is taken out.

The ledger, which knows what has been done, lies in the broker. What else is known lies elsewhere:

- the documents themselves, on the command line;
- of a document that the ledger still knows, its revision, whose body is in the blob store;
- in the dataset's log and in the index, the stays of passages (see decision 3) that they hold.

A stay that the ledger does not know is nobody's any more: it is retracted like any other, exactly.
A document of which a passage has not been through every stage, with nothing of it under way, has
lost a message: it is made anew. A document that the ledger knows to be finished is left alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import httpx

from services.cli.access import Access, indexer_address, opened_index
from services.cli.discover import FoundDocument
from shared.delivery.envelope import encode
from shared.delivery.housekeeping import drained
from shared.delivery.ledger import DocumentState
from shared.delivery.plan import awaited_by
from shared.delivery.service import create_groups
from shared.errors import GristmillError, IndexUnreachable
from shared.ids import document_id
from shared.messages import PassageRetracted
from shared.settings import Settings
from shared.storage.examples import ExampleLog
from shared.topology import SERVICES, STREAMS

QUIET_SECONDS = 60.0
POLL_SECONDS = 0.2
HTTP_SECONDS = 60.0
LOST = "lost"
"""The recipe of a document that has to be made anew; no recipe is called so."""

StaysOf = Callable[[UUID], Awaitable[set[tuple[UUID, str]]]]


class StillAtWork(GristmillError):
    """What is under way cannot be told from what is lost."""


async def reconcile(
    documents: Sequence[FoundDocument], access: Access, settings: Settings
) -> tuple[list[DocumentState], int]:
    """Set ledger, dataset and index right; handing in `documents` as ever then completes them.

    Args:
        documents: those named; ones that the ledger has lost can only be set right when named.
        access: the pipeline.
        settings: say where dataset and index lie.

    Returns:
        The documents that are unfinished and were not named, and how many documents the dataset
        holds that were neither named nor are known to the ledger: they stay as they are.

    Raises:
        StillAtWork: services are busy with documents, or would be if they ran.
        IndexUnreachable, IndexInUse: the index cannot be asked.
    """
    await _quiet(access)
    named = {document_id(each.uri) for each in documents}
    logged = await ExampleLog(settings.examples_location).stays()
    known = {state.document_id async for state in access.ledger.all()}
    async with _index(settings) as stays_of:
        unfinished = []
        for identity in named | known:
            state = await access.ledger.document(identity)
            lost = state.status == "active" and await access.ledger.unfinished(identity)
            if lost and identity not in named:
                unfinished.append(state)
            if lost or identity in named:
                held = {(UUID(passage), stay) for passage, stay in logged.get(str(identity), ())}
                held |= await stays_of(identity)
                await _set_right(state, held, access, anew=lost)
    return unfinished, len({UUID(each) for each in logged} - named - known)


async def _quiet(access: Access) -> None:
    """Wait until nothing about documents is under way."""
    publisher = access.publisher
    for stream in STREAMS:
        await create_groups(publisher.client, publisher.keys, stream)
    services = set(SERVICES) - {"trainer"}
    end = time.monotonic() + (QUIET_SECONDS if access.served else 0)
    while not await drained(publisher.scripts, services):
        if time.monotonic() >= end:
            raise StillAtWork(
                "Messages about documents are under way.",
                "Wait until the services have settled them (`gristmill status`), all running.",
            )
        await asyncio.sleep(POLL_SECONDS)


async def _set_right(
    state: DocumentState, held: set[tuple[UUID, str]], access: Access, *, anew: bool
) -> None:
    current = set((await access.ledger.passages(state.document_id)).items())
    stale = [
        PassageRetracted(document_id=state.document_id, passage_id=passage, sequence=sequence)
        for passage, sequence in sorted(held - current)
    ]
    if not (stale or anew or state.open):
        return
    done = await access.publisher.scripts.reconcile(
        access.publisher.keys.ledger(state.document_id),
        state.sequence,
        LOST if anew else "",
        [(awaited_by(each), await encode(each)) for each in stale],
    )
    if not done:
        raise StillAtWork(f"{state.uri} is being handed in by somebody else.", "Start again.")


@asynccontextmanager
async def _index(settings: Settings) -> AsyncIterator[StaysOf]:
    """The index: asked over HTTP where an indexer is known, opened where none runs."""
    if address := indexer_address(settings):
        url, transport = address
        async with httpx.AsyncClient(transport=transport, timeout=HTTP_SECONDS) as client:
            yield lambda document: _asked(client, url, document)
        return
    async with opened_index(settings) as index:
        yield _nothing if index is None else index.stays


async def _asked(client: httpx.AsyncClient, url: str, document: UUID) -> set[tuple[UUID, str]]:
    try:
        answer = await client.get(f"{url}/stays", params={"document_id": str(document)})
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise IndexUnreachable(
            f"The indexer at {url} does not answer: {error!r}.",
            "Check that it runs and that GRISTMILL_SEARCH_URL names it.",
        ) from error
    return {(UUID(passage), sequence) for passage, sequence in answer.json()}


async def _nothing(_: UUID) -> set[tuple[UUID, str]]:
    return set()
