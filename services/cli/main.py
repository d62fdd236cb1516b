"""The `gristmill` command."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from redis.exceptions import ConnectionError as RedisConnectionError

from services.cli import about, ask, data, dataset, letters, pipeline, review, runs, tuning
from services.cli.interrupt import INTERRUPTED, interruptible
from services.cli.output import JsonOption, emit, fail
from shared import settings as configuration
from shared.errors import BrokerUnreachable, GristmillError
from shared.telemetry import configure_logging

app = typer.Typer(
    name="gristmill",
    help="Documents in; a question-answering dataset, a search index and tuned models out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
pipeline.register(app)
data.register(app)
dataset.register(app)
review.register(app)
ask.register(app)
tuning.register(app)
runs.register(app)
letters.register(app)
about.register(app)


@app.command()
def run(
    paths: Annotated[
        list[str], typer.Argument(help="Files, folders, patterns and http(s) addresses.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Also write the dataset to files in this folder.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make a dataset and an index of documents. Run again: only what changed is done.

    Exit codes: 0 all is well; 1 nothing came out, or it could not be run; 3 something came out
    and some documents or passages could not be processed.
    """
    from services.cli.progress import Reporter
    from services.cli.run import RunReport
    from services.cli.run import run as run_documents

    configure_logging("CRITICAL")
    settings = configuration.load()
    with Reporter(loud=not json) as reporter:
        report: RunReport = interruptible(run_documents(paths, settings, out, reporter))
    if json:
        emit(report.as_dict())
    else:
        about.print_report(report, settings, out)
    if not report.dataset_accepted:
        raise typer.Exit(1)
    if report.dead:
        raise typer.Exit(3)


@app.command()
def extract(
    file: Annotated[str, typer.Argument(help="A file or a http(s) address.")],
    json: JsonOption = False,
) -> None:
    """Show the passages of one document, with their spans, without keeping anything."""
    extraction = asyncio.run(pipeline.extract_one(file))
    if json:
        emit(extraction.to_json_dict())
        return
    about.print_extraction(extraction)


@app.command()
def up(
    port: Annotated[int, typer.Option(help="TCP port on 127.0.0.1 to answer HTTP on.")] = 8080,
) -> None:
    """Keep the local stack running, for `publish`, `search` and programs of your own."""
    from services.local.apps import built_services
    from services.local.stack import Stack

    settings = configuration.load()
    configure_logging(settings.log_level)

    async def keep_up() -> None:
        async with Stack(settings, port=port, only=built_services()) as stack:
            typer.echo(f"Up. Broker {stack.settings.redis_url}  HTTP http://127.0.0.1:{port}")
            typer.echo("Ctrl-C stops it; nothing is lost.")
            while all(service.alive() for service in stack.services):
                await asyncio.sleep(1)
            raise GristmillError("A service stopped reading.", "Start the stack again.")

    interruptible(keep_up())


@app.command()
def serve(
    service: Annotated[str, typer.Argument(help="Which one; see `gristmill topology`.")],
    host: Annotated[str, typer.Option(help="Address to answer HTTP on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to answer HTTP on.")] = 8000,
) -> None:
    """Run one service against the Redis that GRISTMILL_REDIS_URL names."""
    from services.local.serve import serve as serve_one

    serve_one(service, host, port)


def main() -> None:
    """Run the command; errors that Gristmill can explain are one line each, and exit code 1."""
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        app()
    except GristmillError as error:
        fail(error)
    except RedisConnectionError as error:
        fail(BrokerUnreachable(f"The broker does not answer: {error}.", "See `gristmill doctor`."))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
