"""Commands that tune a model on a dataset: by one method, or by several to compare them."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Sequence
from json import loads
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.interrupt import interruptible
from services.cli.output import JsonOption, emit
from services.cli.tuning_options import data_settings, listed, numbers, parsed, seconds, variant
from services.trainer import methods as tuning_methods
from services.trainer.naming import absolute, run_id, settle
from shared import settings as configuration
from shared.errors import DatasetNotFound
from shared.messages import TrainingRequested
from shared.settings import Settings
from shared.telemetry import configure_logging

if TYPE_CHECKING:
    from services.cli.training import Trained

LABELS_ONLY = "tf-idf"

DatasetOption = Annotated[
    str, typer.Option(help="A dataset version (v3, latest) or a file: .jsonl, .json, .tsv, .csv.")
]
ModelOption = Annotated[str, typer.Option(help="The model to tune; the trainer's if not given.")]
TestOption = Annotated[
    str, typer.Option("--test", help="Another file of the same format, to test on.")
]
TrainRowsOption = Annotated[int, typer.Option(min=0, help="Train on so many rows; 0 for all.")]
TestRowsOption = Annotated[int, typer.Option(min=0, help="Test on so many rows; 0 for all.")]
LabelOption = Annotated[
    list[str] | None, typer.Option("--label", help="Rename a label, such as 0=negative.")
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(tune)
    app.command()(compare)


def tune(
    method: Annotated[str, typer.Argument(help="Such as lora, full, soft-prompt, in-context.")],
    dataset: DatasetOption = "latest",
    model: ModelOption = "",
    test: TestOption = "",
    train_rows: TrainRowsOption = 0,
    test_rows: TestRowsOption = 0,
    label: LabelOption = None,
    seed: Annotated[int, typer.Option(help="Another seed is another run.")] = 0,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of the method: key=value.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Stop training after so many minutes.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Tune a model by one method. Run again: what is done is kept, what was broken off goes on."""
    from services.cli.training_progress import TrainingReporter

    configure_logging("CRITICAL")
    settings = configuration.load()
    tuning_methods.check_name(method)
    given = data_settings(test, train_rows, test_rows, label)
    given |= {"seed": seed, **seconds(minutes), **parsed(setting)}
    requests = asyncio.run(_requests([(method, given)], dataset, model, settings))
    _check_data(requests, settings)
    with TrainingReporter(loud=not json) as reporter:
        (trained,) = _train(requests, settings, reporter)
    result = trained.answer.result
    if json:
        emit(result)
    elif trained.answer.status == "completed":
        _print_result(trained)
    else:
        typer.echo(f"error: {trained.answer.error or 'The run was cancelled.'}", err=True)
        typer.echo(f"       `gristmill runs show {requests[0].run}` tells more.", err=True)
    if trained.answer.status != "completed":
        raise typer.Exit(1)


def compare(
    methods: Annotated[
        str,
        typer.Option(
            help="Comma-separated, with settings such as soft-prompt:variant=prefix; "
            "untuned and the seven that tune if not given."
        ),
    ] = "",
    dataset: DatasetOption = "latest",
    model: ModelOption = "",
    test: TestOption = "",
    train_rows: TrainRowsOption = 0,
    test_rows: TestRowsOption = 0,
    label: LabelOption = None,
    seeds: Annotated[str, typer.Option(help="Comma-separated: each method is run with each.")] = (
        "0"
    ),
    budget: Annotated[
        float | None, typer.Option(min=0.01, help="Minutes of training for all runs together.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for report.json and .html.")] = None,
    json: JsonOption = False,
) -> None:
    """Run several methods on the same data and say which to pick. Runs done before are reused.

    Exit codes: 0 all completed; 1 none did; 3 some did not.
    """
    from services.cli.training_progress import TrainingReporter

    configure_logging("CRITICAL")
    settings = configuration.load()
    variants = [variant(each) for each in listed(methods) or _default_methods(dataset)]
    for name, _ in variants:
        tuning_methods.check_name(name)
    chosen = numbers(seeds)
    share = None if budget is None else budget / (len(variants) * len(chosen))
    data = data_settings(test, train_rows, test_rows, label) | seconds(share)
    each = [(name, {**data, **own, "seed": seed}) for name, own in variants for seed in chosen]
    requests = asyncio.run(_requests(each, dataset, model, settings))
    _check_data(requests, settings)
    with TrainingReporter(loud=not json) as reporter:
        trained = _train(requests, settings, reporter)
    _report(trained, out or _report_folder(requests, settings), json=json)
    completed = sum(each.answer.status == "completed" for each in trained)
    if completed < len(trained):
        raise typer.Exit(3 if completed else 1)


def _report(trained: Sequence[Trained], folder: Path, *, json: bool) -> None:
    from services.trainer.report.comparison import table, write_report

    file, page = write_report([each.answer.result for each in trained], folder)
    text = file.read_text(encoding="utf-8")
    if json:
        sys.stdout.write(text)
        return
    report = loads(text)
    typer.echo(table(report))
    typer.echo()
    for sentence in report["verdict"]:
        typer.echo(sentence)
    reused = sum(each.reused for each in trained)
    if reused:
        typer.echo(f"\n{reused} of {len(trained)} runs had been completed before and were reused.")
    typer.echo(f"\nThe whole report: {page}")


def _train(requests: Sequence[TrainingRequested], settings: Settings, reporter: Any) -> Any:
    from services.cli.training import train

    return interruptible(train(requests, settings, reporter))


async def _requests(
    runs: Sequence[tuple[str, dict[str, Any]]],
    dataset: str,
    model: str,
    settings: Settings,
) -> list[TrainingRequested]:
    """Return a request for each method with its settings."""
    reference, content = await settle(dataset, settings.versions_location)
    if reference == content and not Path(reference).exists():
        raise DatasetNotFound(
            f"{dataset} is neither a file nor a version of the dataset.",
            "`gristmill dataset list` lists the versions.",
        )
    model = absolute(model) if model else ""
    return [
        TrainingRequested(
            dataset=reference,
            method=method,
            model=model,
            settings=given,
            run=run_id(method, content, model, given),
        )
        for method, given in runs
    ]


def _check_data(requests: Sequence[TrainingRequested], settings: Settings) -> None:
    """Read the data once as the runs will, so that what is wrong with it is said once, and now."""
    from services.trainer.data import DataSettings, load_data, taken

    ways = [(request.dataset, taken(DataSettings, {**request.settings})) for request in requests]
    for at, (reference, way) in enumerate(ways):
        if (reference, way) not in ways[:at]:
            load_data(reference, way, settings.versions_location)


def _default_methods(dataset: str) -> list[str]:
    """Return every method that suits the data, and in-context learning both ways."""
    labelled = Path(dataset).suffix.lower() in {".tsv", ".csv"}
    known = [name for name in tuning_methods.METHODS if labelled or name != LABELS_ONLY]
    return [*known, "in-context:choose=random"]


def _report_folder(requests: Sequence[TrainingRequested], settings: Settings) -> Path:
    from services.cli.training import runs_of

    names = " ".join(request.run for request in requests)
    return runs_of(settings).path / f"compare-{hashlib.sha256(names.encode()).hexdigest()[:8]}"


def _print_result(trained: Trained) -> None:
    from services.cli.runs import scores_of
    from services.trainer.report.words import duration

    answer, result = trained.answer, trained.answer.result
    took = result.get("train_seconds")
    said = f"{answer.run}  was completed before" if trained.reused else f"{answer.run}  completed"
    typer.secho(said + (f", trained for {duration(took)}" if took else ""), bold=True)
    typer.echo(f"  {scores_of(result)}")
    for note in result.get("notes") or ():
        typer.echo(f"  {note}")
    typer.echo(f"  It lies in {answer.artifact}")
    alone = " -k 0" if result.get("dataset", {}).get("task") == "classification" else ""
    typer.echo(f'  Ask it: gristmill ask "..." --run {answer.run}{alone}')
