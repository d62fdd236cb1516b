"""The command that asks: an answer, and the passages it was taken from."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import httpx
import typer

from services.answerer.http import Asking
from services.answerer.models import Models
from services.answerer.settings import AnswererSettings
from services.cli.access import running_stack
from services.cli.data import find, print_hits
from services.cli.output import JsonOption, emit
from services.local.home import RunningStack
from shared import settings as configuration
from shared.errors import ConfigurationInvalid, GristmillError
from shared.index.port import Hit
from shared.settings import Settings, section
from shared.telemetry import configure_logging

ANSWER_SECONDS = 600.0


class StackUnreachable(GristmillError):
    """The stack that is up does not answer."""


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(ask)


def ask(
    question: Annotated[str, typer.Argument(help="The question; what to label for a classifier.")],
    run: Annotated[
        str, typer.Option(metavar="ID", help="Ask what this training run made, not a model as is.")
    ] = "",
    k: Annotated[
        int | None, typer.Option("-k", help="How many passages (3); 0 to ask the model alone.")
    ] = None,
    model: Annotated[str, typer.Option(help="The model to ask as it is.")] = "",
    json: JsonOption = False,
) -> None:
    """Answer a question from the documents, with a tuned model or one as it is."""
    configure_logging("CRITICAL")
    if run and model:
        raise ConfigurationInvalid(
            "A run has a model of its own.", "Give --run or --model, not both."
        )
    settings = configuration.load()
    own = section("answerer", AnswererSettings)
    k = own.default_k if k is None else k
    stack = None if model else running_stack(settings)
    if stack:
        answered = asyncio.run(_ask_stack(stack, question, k, run))
    else:
        answered = asyncio.run(_ask_here(settings, own, question, k, run, model))
    if json:
        emit(answered)
    else:
        _print(answered)
    if not answered["answer"]:
        raise typer.Exit(1)


async def _ask_here(
    settings: Settings, own: AnswererSettings, question: str, k: int, run: str, model: str
) -> dict[str, Any]:
    async def search(text: str, k: int) -> Sequence[Hit]:
        return [Hit.model_validate(each) for each in await find(settings, text, k, [])]

    asking = Asking(Models(own.location(settings.home)), search, model or own.reference)
    return await asking.ask(question, k, run)


async def _ask_stack(stack: RunningStack, question: str, k: int, run: str) -> dict[str, Any]:
    transport = httpx.AsyncHTTPTransport(uds=stack.http_socket)
    async with httpx.AsyncClient(transport=transport, timeout=ANSWER_SECONDS) as client:
        try:
            params: dict[str, Any] = {"q": question, "k": k, "run": run}
            response = await client.get("http://stack/answer", params=params)
            answered: dict[str, Any] = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise StackUnreachable(
                f"The stack that is up (process {stack.pid}) does not answer: {error!r}.",
                "See what it says, or start it again with `gristmill up`.",
            ) from error
    if response.is_error:
        raise GristmillError(answered["error"])
    return answered


def _print(answered: dict[str, Any]) -> None:
    if not answered["answer"]:
        typer.echo("The model gave no answer.", err=True)
    else:
        typer.secho(answered["answer"], bold=True)
    if answered["sources"]:
        typer.echo()
        print_hits(answered["sources"])
