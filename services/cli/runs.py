"""Commands about trainings: what runs there are, how they stand, and how to end or delete them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from services.cli.output import JsonOption, emit
from services.trainer.runs import ENDED, RunFolder, Runs
from services.trainer.settings import TrainerSettings
from shared import settings as configuration
from shared.errors import GristmillError
from shared.runs import RunNotFound
from shared.settings import section

MAIN_SCORES = ("accuracy", "f1")

runs_app = typer.Typer(help="List, show, cancel and delete training runs.")

RunArgument = Annotated[str, typer.Argument(metavar="ID", help="A run, or how its name begins.")]


class RunHasEnded(GristmillError):
    """There is nothing left to cancel."""


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(runs_app, name="runs")


@runs_app.callback(invoke_without_command=True)
def runs(context: typer.Context, json: JsonOption = False) -> None:
    """List, show, cancel and delete training runs; without a command: list them."""
    if context.invoked_subcommand is None:
        _list(json=json)


@runs_app.command("list")
def runs_list(json: JsonOption = False) -> None:
    """List the runs, the newest last."""
    _list(json=json)


@runs_app.command("show")
def runs_show(run: RunArgument, json: JsonOption = False) -> None:
    """Show one run: what was asked for, how far it is, and what it came to."""
    folder = _runs().find(run)
    about = _about(folder)
    if json:
        emit({**about, "request": folder.request(), "result": folder.result()})
        return
    result = folder.result() or {}
    typer.secho(f"{folder.name}  {about['status']}", bold=True)
    for name in ("method", "model", "dataset"):
        if about[name]:
            typer.echo(f"  {name:9} {about[name]}")
    for name, value in folder.request().get("settings", {}).items():
        typer.echo(f"  {name:9} {value}")
    if about["progress"] and about["status"] == "running":
        progress = about["progress"]
        typer.echo(f"  {progress.get('phase')} {progress.get('step')}/{progress.get('steps')}")
    if result.get("scores"):
        typer.echo(f"  {scores_of(result)}")
    for text in (result.get("error"), result.get("hint"), *(result.get("notes") or ())):
        if text:
            typer.echo(f"  {text}")
    typer.echo(f"  folder    {folder.path}")


@runs_app.command("cancel")
def runs_cancel(run: RunArgument) -> None:
    """End a run that is under way or waits; asked for again, it goes on from its checkpoint."""
    folder = _wanted(run)
    if folder.status() in ENDED:
        raise RunHasEnded(f"{folder.name} is {folder.status()} already.")
    folder.request_cancel()
    typer.echo(f"{folder.name} is being cancelled.")


@runs_app.command("delete")
def runs_delete(run: RunArgument) -> None:
    """Delete a run with all it made: its model is gone then."""
    folder = _runs().find(run)
    folder.delete()
    typer.echo(f"{folder.name} is deleted.")


def scores_of(result: Mapping[str, Any]) -> str:
    """Return the scores of a result as one line."""
    scores = result.get("scores") or {}
    return "  ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in scores.items())


def _list(*, json: bool) -> None:
    found = [_about(folder) for folder in _runs().all()]
    if json:
        emit(found)
        return
    for run in found:
        at = time.strftime("%Y-%m-%d %H:%M", time.localtime(run["asked"]))
        main = next((name for name in MAIN_SCORES if name in run["scores"]), "")
        score = f"{main} {run['scores'][main]:.3f}" if main else ""
        line = f"{run['run']:24} {run['status']:10} {at}  {score:14} {run['dataset']}"
        typer.echo(line.rstrip())
    if not found:
        typer.echo("No runs yet: `gristmill tune METHOD` makes one.")


def _about(folder: RunFolder) -> dict[str, Any]:
    request, result = folder.request(), folder.result() or {}
    lines, _ = folder.progress()
    return {
        "run": folder.name,
        "status": folder.status(),
        "method": request.get("method", ""),
        "model": result.get("model") or request.get("model", ""),
        "dataset": request.get("dataset", ""),
        "asked": folder.asked,
        "scores": result.get("scores") or {},
        "error": result.get("error", ""),
        "artifact": result.get("artifact", ""),
        "progress": lines[-1] if lines else None,
        "folder": str(folder.path),
    }


def _wanted(beginning: str) -> RunFolder:
    """Return a run, be it one that waits for its trainer and has no folder yet."""
    found = _runs()
    try:
        return found.find(beginning)
    except RunNotFound:
        from services.cli.queued import write_down

        asyncio.run(write_down(beginning, found, configuration.load()))
        return found.find(beginning)


def _runs() -> Runs:
    own = section("trainer", TrainerSettings)
    return Runs(own.location(configuration.load().home))
