"""Commands for dataset versions: list, show, build, export, card."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.access import NothingHere
from services.cli.data import print_rows
from services.cli.output import JsonOption, emit
from services.curator.card import card
from services.curator.export import FORMATS, export, export_card
from services.trainer.naming import VERSION
from shared import settings as configuration
from shared.errors import ConfigurationInvalid
from shared.storage.blobs import BlobStore
from shared.storage.dataset import Dataset, DatasetVersion
from shared.storage.folders import write_files
from shared.storage.rows import Example
from shared.telemetry import configure_logging

dataset_app = typer.Typer(help="Build, list, show and export dataset versions.")

VersionOption = Annotated[
    int | None, typer.Option("--version", "-v", help="Which version; the newest if not given.")
]
VersionArgument = Annotated[
    str | None, typer.Argument(metavar="[VERSION]", help="Such as v3; the newest if not given.")
]


class Which(StrEnum):
    """Which rows of a version."""

    accepted = "accepted"
    rejected = "rejected"
    all = "all"


WhichOption = Annotated[Which, typer.Option("--status", help="Which rows.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(dataset_app, name="dataset")


def number_of(version: str | None) -> int | None:
    """Return the number in "v3" or "3", None for the newest.

    Raises:
        ConfigurationInvalid: it is neither.
    """
    if version is None:
        return None
    match = VERSION.fullmatch(version)
    if match is None:
        raise ConfigurationInvalid(
            f"{version!r} is no dataset version.", "`gristmill dataset list` lists them, as v1, v2."
        )
    return int(match[1]) if match[1] else None


async def read_version(
    dataset: Dataset, number: int | None
) -> tuple[DatasetVersion, list[Example]]:
    """Return a version, or the newest, with its rows.

    Raises:
        DatasetNotFound: there is no such version.
    """
    rows = await dataset.read(number)
    versions = await dataset.versions()
    version = next((v for v in versions if v.number == number), versions[-1])
    return version, rows


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
    which: WhichOption = Which.accepted,
) -> None:
    """Write the examples of a version in a format that trainers read, with a card beside it."""
    made, rows = asyncio.run(read_version(_dataset(), version))
    done = export(rows, format_name, output, status=which.value)
    about = export_card(rows, made, output)
    typer.echo(f"{done.rows} examples in {done.path}, told of in {about}", err=True)
    if done.left_out:
        typer.echo(f"{done.left_out} left out: {format_name} cannot hold them.", err=True)


@dataset_app.command("card")
def dataset_card(
    version: VersionArgument = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder to write it to, with its plots.")
    ] = None,
) -> None:
    """Print the card of a version: what is in it, what was left out and why, how it was made."""
    made, rows = asyncio.run(read_version(_dataset(), number_of(version)))
    files = card(rows, made)
    if output is None:
        typer.echo(files["README.md"])
        return
    write_files(str(output), files)
    typer.echo(f"Written to {output / 'README.md'}.", err=True)


@dataset_app.command("build")
def dataset_build(
    decontaminate: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Leave out what shares text with this test set (JSON lines, SQuAD JSON, text).",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Build a version of all that has been curated, with people's verdicts."""
    built = asyncio.run(_build(decontaminate or [], loud=not json))
    if json:
        emit(built)
    else:
        typer.echo(f"v{built['version']}: {built['accepted']} accepted, {built['rejected']} not.")


async def _build(files: list[Path], *, loud: bool) -> dict[str, Any]:
    """Build on the services that are up, or on the two that it takes, for as long as it takes."""
    from services.cli.progress import Reporter
    from services.cli.run import build_version, pipeline

    settings = configuration.load()
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise ConfigurationInvalid(f"There is no file {', '.join(missing)}.", "Check the path.")
    local = not settings.redis_url
    if local and not (settings.home / "broker").is_dir():
        raise NothingHere(
            f"There is no pipeline in {settings.home} yet.",
            "Run `gristmill run DOCUMENTS` first, or set GRISTMILL_HOME.",
        )
    configure_logging("CRITICAL")
    blobs = BlobStore(settings.blobs_location)
    with Reporter(loud=loud) as reporter:
        async with AsyncExitStack() as exits:
            access, check, _, _ = await pipeline(settings, exits, reporter, ("indexer", "curator"))
            against = {await blobs.put(path.read_bytes()): path.name for path in files}
            reporter.building()
            return (await build_version(access, check, against)).model_dump(mode="json")


def _dataset() -> Dataset:
    return Dataset(configuration.load().versions_location)
