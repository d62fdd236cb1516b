"""The models that answer: found by the run that tuned them, opened when they are first asked."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from services.answerer.answer import QuestionInvalid
from shared.answering.artifact import Artifact, open_answerer, untuned
from shared.answering.port import Answerer, Example, Query
from shared.errors import GristmillError
from shared.runs import find

KEPT = 2


class RunNotCompleted(GristmillError):
    """The run has left no model behind, or not yet."""


@dataclass(frozen=True)
class Chosen:
    """A model that is to answer.

    Attributes:
        run: the run that tuned it; empty for a model as it is.
        model: reference of the model, for a run of its base model.
        answerer: opens it at its first answer.
    """

    run: str
    model: str
    answerer: Answerer


class Models:
    """Tuned and untuned models; the last few that answered stay open.

    Args:
        runs: the folder of the runs.
    """

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._opened: OrderedDict[Hashable, Answerer] = OrderedDict()

    def untuned(self, model: str) -> Chosen:
        """Return a model as it is."""
        return Chosen("", model, _Lazy(self, model, partial(untuned, model)))

    def tuned(self, run: str, k: int) -> Chosen:
        """Return what a run left behind.

        Args:
            run: the run's name, or how it alone begins.
            k: how many passages it will be given.

        Raises:
            RunNotFound: no run, or several, have this name.
            RunNotCompleted: it has left no model behind.
            QuestionInvalid: it labels texts, and is to be given passages.
            NoContext: it answers with a sentence of the passages, and is to be given none.
            ArtifactInvalid: what it left is not whole.
        """
        folder = find_run(self._runs, run)
        artifact = Artifact.read(folder / "artifact")
        _check_fits(folder.name, artifact, k)
        made = (folder / "result.json").stat().st_mtime_ns
        opening = partial(open_answerer, folder / "artifact")
        return Chosen(folder.name, artifact.model, _Lazy(self, (folder.name, made), opening))

    def opened(self, key: Hashable, opening: Callable[[], Answerer]) -> Answerer:
        """Return the model kept under a key, opened if needed; one call at a time."""
        if key not in self._opened:
            while len(self._opened) >= KEPT:
                self._opened.popitem(last=False)
            self._opened[key] = opening()
        self._opened.move_to_end(key)
        return self._opened[key]


class _Lazy:
    """An answerer that is opened when it is asked."""

    def __init__(self, models: Models, key: Hashable, opening: Callable[[], Answerer]) -> None:
        self._models, self._key, self._opening = models, key, opening

    def answer(self, queries: Sequence[Query]) -> list[str]:
        return self._models.opened(self._key, self._opening).answer(queries)

    def likelihood(self, examples: Sequence[Example]) -> list[float] | None:
        return self._models.opened(self._key, self._opening).likelihood(examples)


def find_run(runs: Path, beginning: str) -> Path:
    """Return the folder of the completed run whose name is, or alone begins with, `beginning`.

    Raises:
        RunNotFound: none does, or several do.
        RunNotCompleted: it has left no model behind.
    """
    folder = find(runs, beginning)
    status = _result(folder).get("status")
    if status != "completed":
        stands = f"is {status}" if status else "is not completed"
        raise RunNotCompleted(
            f"{folder.name} {stands}.", f"`gristmill runs show {folder.name}` tells more."
        )
    return folder


def _result(folder: Path) -> dict[str, Any]:
    try:
        result = json.loads((folder / "result.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return result if isinstance(result, dict) else {}


def _check_fits(run: str, artifact: Artifact, k: int) -> None:
    if artifact.labels and k:
        raise QuestionInvalid(
            f"{run} labels texts; it does not answer questions from passages.",
            "Give it the text to label with k = 0, or name a run tuned to answer questions.",
        )
    if artifact.kind == "sentence-head" and not k:
        from shared.answering.heads import NoContext

        raise NoContext(
            f"{run} answers with a sentence of the passages, and k = 0 gives it none.",
            "Ask with k = 1 or more.",
        )
