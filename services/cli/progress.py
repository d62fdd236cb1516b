"""Live progress: bars on a terminal, a plain line now and then in a pipe; on standard error."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from services.cli import submit

LINE_EVERY_SECONDS = 5.0


class Bars:
    """A console, with bars on it where it is a terminal; `with` shows them.

    Args:
        columns: what stands between a bar's description and its note.
        loud: False to say nothing at all.
    """

    def __init__(self, *columns: ProgressColumn, loud: bool) -> None:
        self.console = Console(stderr=True, quiet=not loud)
        self._bars: Progress | None = None
        if loud and self.console.is_terminal:
            self._bars = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                *columns,
                TextColumn("[dim]{task.fields[note]}"),
                console=self.console,
                transient=True,
            )

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars:
            self._bars.stop()


class Reporter(Bars):
    """Says how far a run is. Without `loud` it says nothing."""

    def __init__(self, *, loud: bool = True) -> None:
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        super().__init__(*columns, loud=loud)
        self._said = 0.0
        self._last = ""
        if self._bars:
            self._task = self._bars.add_task("starting", total=None, note="")

    def starting(self) -> None:
        """The local stack is being started."""
        self._say("starting the broker, the index and the services", now=True)

    def handed_in(self, number: int, of: int) -> None:
        """So many documents are handed in."""
        self._say(f"handed in {number} of {of} documents")

    def show(self, progress: submit.Progress) -> None:
        """The pipeline is so far."""
        made = progress.made
        note = (
            f"{progress.settled}/{progress.documents} documents, "
            f"{made.get('summarized', 0)} summaries, {made.get('questions', 0)} questions, "
            f"{made.get('indexed', 0)} indexed"
            + (f", {made['dead']} dead" if made.get("dead") else "")
        )
        if self._bars:
            self._bars.update(
                self._task,
                description="passages",
                completed=progress.done,
                total=progress.passages or None,
                note=note,
            )
        else:
            self._say(f"{progress.done}/{progress.passages} passages; {note}")

    def building(self) -> None:
        """The dataset version is being built."""
        self._say("building the dataset version", now=True)

    def _say(self, text: str, *, now: bool = False) -> None:
        if self._bars:
            self._bars.update(self._task, description=text)
            return
        if text != self._last and (now or time.monotonic() - self._said >= LINE_EVERY_SECONDS):
            self.console.print(text, highlight=False, soft_wrap=True)
            self._said, self._last = time.monotonic(), text
