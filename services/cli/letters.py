"""Commands about dead letters: what could not be processed, and what to do with it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from typing import Annotated

import typer

from services.cli.access import reach
from services.cli.output import JsonOption, emit
from shared import settings as configuration
from shared.delivery.dead import DeadLetter
from shared.settings import Settings

dead_app = typer.Typer(help="What could not be processed, and what to do with it.")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(dead_app, name="dead")


@dead_app.command("list")
def dead_list(json: JsonOption = False) -> None:
    """List the dead letters."""
    letters = asyncio.run(_letters(configuration.load()))
    if json:
        emit([asdict(letter) for letter in letters])
        return
    for letter in letters:
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(letter.at))
        typer.echo(f"{letter.id}  {at}  {letter.service}  {letter.error_type}")
        typer.echo(f"    {letter.error}")
    if not letters:
        typer.echo("No dead letters.")


@dead_app.command("show")
def dead_show(letter_id: Annotated[str, typer.Argument()], json: JsonOption = False) -> None:
    """Show one dead letter with its message."""

    async def work(settings: Settings) -> DeadLetter:
        async with reach(settings) as access:
            return await access.dead.get(letter_id)

    letter = asyncio.run(work(configuration.load()))
    if json:
        emit(asdict(letter))
        return
    for name, value in asdict(letter).items():
        typer.echo(f"{name}: {value}")


@dead_app.command("replay")
def dead_replay(
    letter_ids: Annotated[
        list[str] | None, typer.Argument(help="All, where none is named.")
    ] = None,
) -> None:
    """Put dead letters back on their streams."""

    async def work(settings: Settings) -> int:
        async with reach(settings) as access:
            if letter_ids:
                letters = [await access.dead.get(letter_id) for letter_id in letter_ids]
            else:
                letters = [letter async for letter in access.dead.all()]
            return len([await access.dead.replay(letter) for letter in letters])

    typer.echo(f"{asyncio.run(work(configuration.load()))} put back.")


@dead_app.command("discard")
def dead_discard(letter_ids: Annotated[list[str], typer.Argument()]) -> None:
    """Forget dead letters for good."""

    async def work(settings: Settings) -> None:
        async with reach(settings) as access:
            for letter_id in letter_ids:
                await access.dead.discard(await access.dead.get(letter_id))

    asyncio.run(work(configuration.load()))
    typer.echo(f"{len(letter_ids)} discarded.")


async def _letters(settings: Settings) -> list[DeadLetter]:
    async with reach(settings) as access:
        return [letter async for letter in access.dead.all()]
