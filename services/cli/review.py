"""`gristmill review`: a person looks at rows one by one, the passage beside the question."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from services.cli.data import place_of
from services.cli.dataset import VersionArgument, Which, WhichOption, number_of
from services.cli.exchange import read_verdicts, write_rows
from services.cli.keys import END, Keys
from services.curator.squad import find_answer
from shared import settings as configuration
from shared.errors import ConfigurationInvalid
from shared.storage.dataset import Dataset
from shared.storage.rows import Example
from shared.storage.verdicts import Decision, Verdict, Verdicts, key_of

WIDE = 100  # columns from which on the question stands beside the passage
COMPACT_FROM = 20
KEYS = "  ".join(
    f"[b]{key[0]}[/b] {key}" for key in ("accept", "edit", "reject", "skip", "back", "quit")
)
_DECISIONS: dict[str, Decision] = {"a": "accept", "e": "edit", "r": "reject"}
_LEAVE = ("q", END)
_SHOWN = ("round_trip", "grounding_similarity", "own_passage_rank")


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(review)


def review(
    version: VersionArgument = None,
    which: WhichOption = Which.accepted,
    again: Annotated[
        bool, typer.Option("--again", help="Rows that were judged already too.")
    ] = False,
    export: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the rows to a file, to be judged elsewhere."),
    ] = None,
    given: Annotated[
        Path | None,
        typer.Option("--import", metavar="FILE", help="Take in the verdicts in such a file."),
    ] = None,
) -> None:
    """Accept, edit or reject rows; the verdicts are kept and every later build applies them."""
    settings = configuration.load()
    rows = asyncio.run(Dataset(settings.versions_location).read(number_of(version)))
    verdicts = Verdicts(settings.verdicts_location)
    if given is not None:
        read = read_verdicts(given, rows)
        asyncio.run(verdicts.add(read))
        _say(read)
        return
    known = asyncio.run(verdicts.read())
    wanted = [row for row in rows if which.value in ("all", row.status)]
    if export is not None:
        count = write_rows(wanted, known, export)
        typer.echo(f"{count} rows in {export}: fill in `verdict`, then --import it.", err=True)
        return
    if not again:
        wanted = [row for row in wanted if not row.human and key_of(row) not in known]
    if not wanted:
        typer.echo("Nothing is left to review; --again shows what was judged already.")
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigurationInvalid(
            "Reviewing needs a terminal.", "Elsewhere use --export FILE and --import FILE."
        )
    _say(Session(wanted, lambda verdict: asyncio.run(verdicts.add([verdict]))).run())
    if len(known) >= COMPACT_FROM:
        asyncio.run(verdicts.compact())


class Session:
    """One sitting.

    Args:
        rows: what to look at.
        keep: writes a verdict down; it is called for each at once, so that nothing is lost.
    """

    def __init__(self, rows: Sequence[Example], keep: Callable[[Verdict], None]) -> None:
        self._rows = rows
        self._keep = keep
        self._console = Console(highlight=False)
        self._given: dict[int, Verdict] = {}

    def run(self) -> list[Verdict]:
        """Show row after row until the last one or until it is enough; return the verdicts."""
        at = 0
        with Keys() as keys:
            while at < len(self._rows):
                self._show(at)
                key = keys.read()
                if key in _LEAVE:
                    break
                at = self._after(key, at, keys)
        self._console.clear()
        return list(self._given.values())

    def _after(self, key: str, at: int, keys: Keys) -> int:
        """Do what a key says; return which row is next."""
        if key == "b":
            return max(at - 1, 0)
        if key == "s":
            return at + 1
        if key not in _DECISIONS:
            return at
        row, decision = self._rows[at], _DECISIONS[key]
        question = answer = ""
        if decision == "edit":
            question = keys.edited("question: ", row.question)
            answer = question and keys.edited("answer: ", row.answer)
            if not answer:
                return at
        self._given[at] = Verdict.on(row, decision, question, answer)
        self._keep(self._given[at])
        return at + 1

    def _show(self, at: int) -> None:
        row = self._rows[at]
        passage = Panel(
            _passage(row), title=Text(place_of(row.title or row.source_uri, row.heading_path))
        )
        self._console.clear()
        if self._console.width >= WIDE:
            grid = Table.grid(expand=True, padding=(0, 1))
            grid.add_column(ratio=3)
            grid.add_column(ratio=2)
            grid.add_row(passage, Panel(self._question(at)))
            self._console.print(grid)
        else:
            self._console.print(passage)
            self._console.print(Panel(self._question(at)))
        self._console.print(f"{KEYS}   {at + 1}/{len(self._rows)}")

    def _question(self, at: int) -> RenderableType:
        row = self._rows[at]
        parts = [Text(row.question, style="bold"), Text(), Text(row.answer, style="green"), Text()]
        scores = [f"{name} {row.scores[name]:g}" for name in _SHOWN if name in row.scores]
        said = ", ".join((row.status, *row.reasons))
        parts += [Text(each, style="dim") for each in (said, *scores)]
        if at in self._given:
            parts.append(Text(f"your verdict: {self._given[at].decision}", style="yellow"))
        return Group(*parts)


def _passage(row: Example) -> Text:
    """Return the passage with the answer, or what supports it best, marked."""
    text = Text(row.context)
    span = find_answer(row)
    if span is not None:
        text.stylize("green", span.start, span.start + len(span.text))
    return text


def _say(given: Sequence[Verdict]) -> None:
    counts = Counter(verdict.decision for verdict in given)
    typer.echo(
        f"{len(given)} verdicts: {counts['accept']} accepted, {counts['edit']} edited, "
        f"{counts['reject']} rejected."
    )
    if given:
        typer.echo("`gristmill dataset build`, or the next run, makes a version with them.")
