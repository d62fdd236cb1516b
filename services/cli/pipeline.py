"""Commands that hand documents in and watch what becomes of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.access import reach
from services.cli.discover import discover
from services.cli.output import JsonOption, emit
from services.cli.recipe import recipe_of
from services.cli.reconcile import reconcile as set_right
from services.cli.submit import Submission, read_file, resubmit, submit
from services.extractor.extract import Extraction
from services.extractor.extract import extract as extract_document
from services.extractor.fetch import fetch
from services.extractor.settings import ExtractorSettings
from shared import settings as configuration
from shared.delivery.ledger import COUNTED, DocumentState
from shared.errors import DocumentNotFound, NoDocumentsFound
from shared.ids import document_id
from shared.messages import DocumentRemoved
from shared.settings import section
from shared.storage.blobs import BlobStore

WATCH_SECONDS = 1.0
STATUS_COLUMNS = ("state", "passages", "summaries", "questions", "accepted", "indexed")
STATUS_WIDTH = 110


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(publish)
    app.command()(remove)
    app.command()(status)


def publish(
    paths: Annotated[
        list[str] | None, typer.Argument(help="Files, folders, patterns and http(s) addresses.")
    ] = None,
    reconcile: Annotated[
        bool,
        typer.Option(
            "--reconcile",
            help="After the broker lost data: take out what is stale, and hand in again what is "
            "unfinished, named or not.",
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Hand documents in and return at once; the services do the rest."""
    settings = configuration.load()
    if not paths and not reconcile:
        raise NoDocumentsFound("No paths were given.", "Name what to hand in.")

    async def work() -> tuple[list[dict[str, Any]], bool, int]:
        async with reach(settings, create=True) as access:
            blobs, recipe = BlobStore(settings.blobs_location), recipe_of(settings)
            documents, rows, unknown = discover(paths) if paths else [], [], 0
            if reconcile:
                unfinished, unknown = await set_right(documents, access, settings)
                rows = [_row(await resubmit(each, access, recipe)) for each in unfinished]
            rows += [_row(each) async for each in submit(documents, access, blobs, recipe)]
            return rows, access.served, unknown

    rows, served, unknown = asyncio.run(work())
    if json:
        emit(rows)
    else:
        for row in rows:
            typer.echo(f"{row['status']:9}  {row['uri']}  {row['error']}".rstrip())
        if unknown:
            typer.echo(f"{unknown} documents of the dataset are not known here: they stay as is.")
        if not served:
            typer.echo("No services are running: `gristmill up` or `gristmill run` goes on.")
    if any(row["error"] for row in rows):
        raise typer.Exit(3)


def _row(submission: Submission) -> dict[str, Any]:
    status = "in" if submission.sequence else "unchanged"
    return {
        "document_id": str(submission.document_id),
        "uri": submission.uri,
        "status": "failed" if submission.error else status,
        "error": submission.error,
    }


def remove(
    documents: Annotated[list[str], typer.Argument(help="Their paths or addresses.")],
    json: JsonOption = False,
) -> None:
    """Take documents out, with every passage, example and index point made of them."""
    settings = configuration.load()

    async def work() -> tuple[list[dict[str, str]], bool]:
        async with reach(settings) as access:
            rows = []
            for uri in map(_uri_of, documents):
                message = DocumentRemoved(uri=uri)
                state = await access.ledger.document(message.document_id)
                if not state.sequence:
                    raise DocumentNotFound(
                        f"{uri} is not in the pipeline.", "`gristmill status` lists what is."
                    )
                await access.publisher.publish(message)
                rows.append({"document_id": str(message.document_id), "uri": uri})
            return rows, access.served

    rows, served = asyncio.run(work())
    if json:
        emit(rows)
        return
    for row in rows:
        typer.echo(f"removing  {row['uri']}")
    if not served:
        typer.echo("No services are running: `gristmill up` or `gristmill run` carries it out.")


def status(
    document: Annotated[
        str | None, typer.Argument(help="One path or address: tells of each of its passages.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until all is done.")] = False,
    json: JsonOption = False,
) -> None:
    """Show for each document how many passages it has and how far they are."""
    settings = configuration.load()

    async def work() -> None:
        async with reach(settings) as access:
            if document is not None:
                stages = await access.ledger.stages(document_id(_uri_of(document)))
                _show_stages({str(passage): done for passage, done in stages.items()}, json=json)
                return
            while True:
                states = [state async for state in access.ledger.all()]
                letters = await access.dead.count()
                if json:
                    emit(_status(states, letters))
                else:
                    _print_status(states, letters)
                if not watch or all(state.open <= 0 for state in states):
                    return
                await asyncio.sleep(WATCH_SECONDS)

    asyncio.run(work())


async def extract_one(file: str) -> Extraction:
    """Extract one file or address with the settings in force."""
    own = section("extractor", ExtractorSettings)
    if file.startswith(("http://", "https://")):
        fetched = await fetch(file, limits=own.fetch_limits, allow_private=own.allow_private_urls)
        return extract_document(
            fetched.body, uri=file, media_type=fetched.media_type, limits=own.limits
        )
    path = Path(file)
    if not path.is_file():
        raise DocumentNotFound(f"{file} is not a file.", "Give the path of one document.")
    return extract_document(
        read_file(path, own.max_bytes), uri=path.resolve().as_uri(), limits=own.limits
    )


def _uri_of(document: str) -> str:
    return document if "://" in document else Path(document).resolve().as_uri()


def _status(states: list[DocumentState], letters: int) -> dict[str, Any]:
    return {
        "documents": [
            {
                "document_id": str(state.document_id),
                "uri": state.uri,
                "title": state.title,
                "status": "failed" if state.failed else state.status,
                "open": state.open,
                "error": state.error,
                **{name: state.now[name] for name in COUNTED},
            }
            for state in states
        ],
        "dead_letters": letters,
    }


def _show_stages(stages: dict[str, dict[str, str]], *, json: bool) -> None:
    if json:
        emit(stages)
        return
    for passage, done in stages.items():
        typer.echo(f"{passage}  {', '.join(done.values()) or 'extracted'}")
    if not stages:
        typer.echo("It has no passages in the pipeline.")


def _print_status(states: list[DocumentState], letters: int) -> None:
    from rich.console import Console
    from rich.table import Column, Table

    table = Table(Column("document", no_wrap=True, max_width=40), *STATUS_COLUMNS)
    for state in states:
        now = state.now
        what = "failed" if state.failed else state.status
        if what == "active":
            what = f"{state.open} under way" if state.open > 0 else "complete"
        counts = ("passages", "summarized", "questions", "accepted", "indexed")
        name = state.title or state.uri.rsplit("/", 1)[-1]
        table.add_row(name, what, *(str(now[count]) for count in counts))
    console = Console()
    console.width = max(console.width, STATUS_WIDTH)
    console.print(table)
    if letters:
        typer.echo(f"Dead letters: {letters}, see `gristmill dead list`.")
