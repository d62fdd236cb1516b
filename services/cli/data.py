"""Commands that read what came out: the dataset and the index."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from services.cli.access import NothingHere, reach, running_stack
from services.cli.discover import discover
from services.cli.output import JsonOption, emit
from services.curator.export import FORMATS, export
from shared import settings as configuration
from shared.errors import DatasetNotFound, GristmillError, IndexUnreachable
from shared.ids import document_id
from shared.settings import Settings, section
from shared.storage.dataset import Dataset
from shared.storage.rows import Example

SEARCH_SECONDS = 60.0

dataset_app = typer.Typer(help="Build, list, show and export dataset versions.")

VersionOption = Annotated[
    int | None, typer.Option("--version", "-v", help="Which version; the newest if not given.")
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(search)
    app.add_typer(dataset_app, name="dataset")


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
    if settings.search_url:
        return await _ask(httpx.AsyncHTTPTransport(), settings.search_url, query, k, documents)
    if running := running_stack(settings):
        transport = httpx.AsyncHTTPTransport(uds=running.http_socket)
        return await _ask(transport, "http://stack", query, k, documents)
    from uuid import UUID

    from services.indexer.search import search as search_index
    from services.indexer.settings import IndexerSettings
    from shared import models

    own = section("indexer", IndexerSettings)
    if not own.index and not Path(own.location(settings.home)).is_dir():
        raise NothingHere(
            f"There is no index in {settings.home}.", "Run `gristmill run DOCUMENTS` first."
        )
    embedder = await models.embedder()
    index = await own.open(settings.home, embedder)
    try:
        found = await search_index(index, embedder, query, k, [UUID(each) for each in documents])
    finally:
        await index.close()
    return [hit.model_dump(mode="json") for hit in found]


async def _ask(
    transport: httpx.AsyncHTTPTransport, url: str, query: str, k: int, documents: list[str]
) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(transport=transport, timeout=SEARCH_SECONDS) as client:
        try:
            params: dict[str, Any] = {"q": query, "k": k, "document_id": documents}
            response = await client.get(f"{url.rstrip('/')}/search", params=params)
        except httpx.HTTPError as error:
            raise IndexUnreachable(
                f"The search at {url} does not answer: {error!r}.",
                "Check that the indexer runs and that GRISTMILL_SEARCH_URL names it.",
            ) from error
    if response.is_error:
        raise GristmillError(response.json().get("error", response.text))
    hits: list[dict[str, Any]] = response.json()
    return hits


def print_hits(hits: list[dict[str, Any]]) -> None:
    """Print hits for reading."""
    for place, hit in enumerate(hits, 1):
        where = _place(hit["title"] or hit["source_uri"], hit["heading_path"])
        typer.secho(f"{place}. {where}  ({hit['score']:.3f})", bold=True)
        typer.echo(f"   {_shortened(hit['text'], 300)}")
    if not hits:
        typer.echo("Nothing found.", err=True)


@dataset_app.command("list")
def dataset_list(json: JsonOption = False) -> None:
    """List the dataset versions."""
    versions = asyncio.run(_dataset().versions())
    if json:
        emit([asdict(version) for version in versions])
        return
    for version in versions:
        typer.echo(
            f"v{version.number}  {version.created:%Y-%m-%d %H:%M}  {version.accepted} accepted, "
            f"{version.rejected} rejected, {version.documents} documents"
        )
    if not versions:
        typer.echo("No versions yet: `gristmill run DOCUMENTS` makes the first.")


@dataset_app.command("show")
def dataset_show(
    version: VersionOption = None,
    limit: Annotated[int, typer.Option(help="How many examples.")] = 5,
    json: JsonOption = False,
) -> None:
    """Show examples of a version with their sources, and why others were rejected."""
    rows = asyncio.run(_dataset().read(version))
    if json:
        emit([row.as_dict() for row in rows])
        return
    accepted = [row for row in rows if row.status == "accepted"]
    print_rows(accepted[:limit])
    reasons = Counter(reason for row in rows for reason in row.reasons)
    why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    typer.echo(
        f"{len(accepted)} accepted, {len(rows) - len(accepted)} rejected{f': {why}' * bool(why)}."
    )


@dataset_app.command("export")
def dataset_export(
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")],
    format_name: Annotated[
        str, typer.Option("--format", "-f", help=f"One of {', '.join(FORMATS)}.")
    ] = "bam",
    version: VersionOption = None,
    rejected: Annotated[bool, typer.Option("--rejected", help="Rejected examples too.")] = False,
) -> None:
    """Write the accepted examples of a version in a format that trainers read."""
    rows = asyncio.run(_dataset().read(version))
    done = export(rows, format_name, output, include_rejected=rejected)
    typer.echo(f"{done.rows} examples in {done.path}", err=True)
    if done.left_out:
        typer.echo(f"{done.left_out} left out: {format_name} cannot hold them.", err=True)


@dataset_app.command("build")
def dataset_build(json: JsonOption = False) -> None:
    """Build a version of all that has been curated, on the services that are running."""
    settings = configuration.load()

    async def work() -> dict[str, Any]:
        from services.cli.run import build_version

        async with reach(settings) as access:
            if not access.served:
                raise DatasetNotFound(
                    "No services are running.", "Use `gristmill run`, or `gristmill up` first."
                )
            return (await build_version(access, lambda: None)).model_dump(mode="json")

    built = asyncio.run(work())
    if json:
        emit(built)
    else:
        typer.echo(f"v{built['version']}: {built['accepted']} accepted.")


def print_rows(rows: list[Example]) -> None:
    """Print examples for reading, each with its source."""
    for row in rows:
        where = _place(row.title or row.source_uri, row.heading_path)
        typer.secho(f"Q: {row.question}", bold=True)
        typer.echo(f"A: {row.answer}")
        typer.echo(f"   {_shortened(row.context, 200)}")
        typer.secho(f"   {where}, characters {row.char_start} to {row.char_end}\n", dim=True)


def _place(title: str, heading_path: Iterable[str]) -> str:
    """A document's first heading is often its title: that is said once."""
    return " > ".join(dict.fromkeys((title, *heading_path)))


def _shortened(text: str, length: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= length else f"{flat[:length].rsplit(' ', 1)[0]} ..."


def _dataset() -> Dataset:
    return Dataset(configuration.load().versions_location)
