"""The command that searches, and how rows and passages are printed for reading."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from services.cli.access import NothingHere, indexer_address, opened_index
from services.cli.discover import discover
from services.cli.output import JsonOption, emit
from shared import settings as configuration
from shared.ids import document_id
from shared.index.remote import searching
from shared.settings import Settings
from shared.storage.rows import Example


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(search)


def search(
    query: Annotated[str, typer.Argument(help="What to look for, in words.")],
    k: Annotated[int, typer.Option("-k", help="How many passages.")] = 5,
    document: Annotated[
        list[str] | None, typer.Option(help="Look in these files or addresses only.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Find passages by meaning and by words."""
    settings = configuration.load()
    documents = [str(document_id(each.uri)) for each in discover(document)] if document else []
    hits = asyncio.run(find(settings, query, k, documents))
    if json:
        emit(hits)
    else:
        print_hits(hits)
    if not hits:
        raise typer.Exit(1)


async def find(
    settings: Settings, query: str, k: int, documents: list[str]
) -> list[dict[str, Any]]:
    """Ask the stack that is up, or open the index where none is."""
    if address := indexer_address(settings):
        async with searching(*address) as ask:
            return [hit.model_dump(mode="json") for hit in await ask(query, k, documents)]
    from uuid import UUID

    from services.indexer.search import search as search_index
    from shared import models

    async with opened_index(settings) as index:
        if index is None:
            raise NothingHere(
                f"There is no index in {settings.home}.", "Run `gristmill run DOCUMENTS` first."
            )
        embedder = await models.embedder()
        found = await search_index(index, embedder, query, k, [UUID(each) for each in documents])
    return [hit.model_dump(mode="json") for hit in found]


def print_hits(hits: list[dict[str, Any]]) -> None:
    """Print hits for reading."""
    for place, hit in enumerate(hits, 1):
        where = place_of(hit["title"] or hit["source_uri"], hit["heading_path"])
        typer.secho(f"{place}. {where}  ({hit['score']:.3f})", bold=True)
        typer.echo(f"   {shortened(hit['text'], 300)}")
    if not hits:
        typer.echo("Nothing found.", err=True)


def print_rows(rows: list[Example]) -> None:
    """Print examples for reading, each with its source."""
    for row in rows:
        where = place_of(row.title or row.source_uri, row.heading_path)
        typer.secho(f"Q: {row.question}", bold=True)
        typer.echo(f"A: {row.answer}")
        typer.echo(f"   {shortened(row.context, 200)}")
        typer.secho(f"   {where}, characters {row.char_start} to {row.char_end}\n", dim=True)


def place_of(title: str, heading_path: Iterable[str]) -> str:
    """Return where a passage stands; a document's first heading, often its title, is said once."""
    return " > ".join(dict.fromkeys((title, *heading_path)))


def shortened(text: str, length: int) -> str:
    """Return the text on one line, cut at a word where it is longer."""
    flat = " ".join(text.split())
    return flat if len(flat) <= length else f"{flat[:length].rsplit(' ', 1)[0]} ..."
