"""Live progress of trainings: bars on a terminal, plain lines in a pipe; on standard error."""

from __future__ import annotations

import time

from rich.progress import BarColumn, TaskID, TimeElapsedColumn

from services.cli.progress import LINE_EVERY_SECONDS, Bars
from services.trainer.report.words import duration
from shared.messages import TrainingCompleted, TrainingProgressed


class TrainingReporter(Bars):
    """Says how far each training is. Without `loud` it says nothing."""

    def __init__(self, *, loud: bool = True) -> None:
        super().__init__(BarColumn(bar_width=20), TimeElapsedColumn(), loud=loud)
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, tuple[str, float]] = {}

    def say(self, text: str) -> None:
        """Say something once."""
        self.console.print(text, highlight=False, soft_wrap=True, markup=False)

    def show(self, event: TrainingProgressed) -> None:
        """A training is so far."""
        if self._bars is None:
            phase, said = self._said.get(event.run, ("", 0.0))
            if phase != event.phase or time.monotonic() - said >= LINE_EVERY_SECONDS:
                self._said[event.run] = event.phase, time.monotonic()
                self.say(f"{event.run}  {event.phase}  {_note(event)}".rstrip())
            return
        if event.run not in self._tasks:
            self._tasks[event.run] = self._bars.add_task(event.run, note="")
        self._bars.update(
            self._tasks[event.run],
            description=f"{event.run}  {event.phase}",
            completed=event.step,
            total=event.steps or None,
            note=_note(event),
        )

    def ended(self, answer: TrainingCompleted, number: int, of: int) -> None:
        """A training has ended, as the `number`-th `of` all."""
        if self._bars and answer.run in self._tasks:
            self._bars.remove_task(self._tasks.pop(answer.run))
        count = f"  ({number} of {of})" if of > 1 else ""
        self.say(f"{answer.run}  {answer.status}{count}")


def _note(event: TrainingProgressed) -> str:
    parts = [f"{event.step}/{event.steps}"] if event.steps else []
    if event.loss is not None:
        parts.append(f"loss {event.loss:.3f}")
    if event.tokens_per_second is not None:
        parts.append(f"{event.tokens_per_second:,.0f} tokens/s")
    if event.seconds_left is not None:
        parts.append(f"{duration(event.seconds_left)} left")
    return "  ".join(parts)
