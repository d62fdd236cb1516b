"""`gristmill run`: documents in, dataset and index out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

from services.cli.access import Access, reach, running_stack
from services.cli.dataset import read_version
from services.cli.discover import FoundDocument, discover
from services.cli.progress import Reporter
from services.cli.recipe import recipe_of
from services.cli.submit import Submission, is_unchanged, made_since, submit, wait
from services.curator.export import export, export_card
from services.local.stack import Stack
from shared.delivery.envelope import body_of, decode
from shared.delivery.housekeeping import drained
from shared.errors import DocumentError, GristmillError, NoDocumentsFound
from shared.messages import DatasetBuilt, DatasetRequested
from shared.settings import Settings
from shared.storage.blobs import BlobStore
from shared.storage.dataset import Dataset

BUILD_SECONDS = 3600.0  # a search for each accepted question is part of it
DRAIN_POLL_SECONDS = 0.1


class ServiceStopped(GristmillError):
    """A service of the local stack no longer reads its stream."""


@dataclass
class RunReport:
    """What one run did; `run --json` prints it.

    Attributes:
        documents: looked at.
        passages, summaries, questions, indexed: made in this run.
        accepted, rejected: of the questions made in this run, by the streaming checks.
        unchanged: documents that were in already, as they are.
        retracted: passages that left their documents.
        dead: documents and passages that could not be processed.
        dataset_version: the version that holds the result; None where nothing was ever made.
        dataset_accepted: examples in that version, of all documents.
        problems: one line for each document that failed.
    """

    documents: int = 0
    passages: int = 0
    summaries: int = 0
    questions: int = 0
    accepted: int = 0
    rejected: int = 0
    indexed: int = 0
    unchanged: int = 0
    retracted: int = 0
    dead: int = 0
    seconds: float = 0.0
    dataset_version: int | None = None
    dataset_accepted: int = 0
    problems: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON types."""
        return asdict(self)


async def run(
    paths: Sequence[str], settings: Settings, out: Path | None, reporter: Reporter
) -> RunReport:
    """Process the documents and build a dataset version.

    Raises:
        NoDocumentsFound: none of the paths holds a document.
        GristmillError: the pipeline cannot be started or reached.
    """
    started = time.monotonic()
    report = RunReport()
    documents = _discover(paths, report)
    async with AsyncExitStack() as exits:
        access, check, used, own = await pipeline(settings, exits, reporter)
        blobs = BlobStore(used.blobs_location)
        submissions: list[Submission] = []
        async for submission in submit(documents, access, blobs, recipe_of(used)):
            submissions.append(submission)
            reporter.handed_in(len(submissions), len(documents))
        states = await wait(submissions, access, reporter.show, check)
        for submission, state in zip(submissions, states, strict=True):
            _count(report, made_since(submission.before, state))
            report.unchanged += is_unchanged(submission, state)
            error = submission.error
            if submission.sequence and state.failed:
                error = state.error
                report.dead += 1
            if error:
                report.problems.append(error)
        while own and not await drained(access.publisher.scripts, own):
            check()
            await asyncio.sleep(DRAIN_POLL_SECONDS)
        reporter.building()
        built = await build_version(access, check)
        report.dataset_version = built.version or None
        report.dataset_accepted = built.accepted
    report.dead += sum(bool(s.error) for s in submissions)
    if out is not None and report.dataset_accepted:
        await write_out(used, out)
    report.seconds = round(time.monotonic() - started, 2)
    return report


async def build_version(
    access: Access, check: Callable[[], None], decontaminate: Mapping[str, str] | None = None
) -> DatasetBuilt:
    """Ask for a dataset version, without what is in the named blobs, and wait for it."""
    request = DatasetRequested(decontaminate=dict(decontaminate or {}))
    stream = access.publisher.keys.stream("dataset.built")
    await access.publisher.publish(request)
    async with asyncio.timeout(BUILD_SECONDS):
        while True:
            for _, fields in await access.publisher.client.xrevrange(stream, count=20):
                built = decode(DatasetBuilt, body_of(fields))
                if built.request_id == request.request_id:
                    return built
            check()
            await asyncio.sleep(0.1)


async def write_out(settings: Settings, out: Path) -> None:
    """Write the newest dataset version to a folder: all columns, ready for a trainer, its card."""
    out.mkdir(parents=True, exist_ok=True)
    made, rows = await read_version(Dataset(settings.versions_location), None)
    whole = out / "dataset.parquet"
    for name, file in (("bam", out / "dataset.jsonl"), ("parquet", whole)):
        await asyncio.to_thread(export, rows, name, file)
    await asyncio.to_thread(export_card, rows, made, whole)


def _discover(paths: Sequence[str], report: RunReport) -> list[FoundDocument]:
    """Find the documents; a path that is not there is a problem, and the others go on."""
    found: dict[str, FoundDocument] = {}
    for path in paths:
        try:
            found |= {document.uri: document for document in discover([path])}
        except (DocumentError, NoDocumentsFound) as error:
            report.problems.append(str(error))
    if not found:
        raise NoDocumentsFound(" ".join(report.problems) or "No paths were given.")
    report.documents = len(found) + len(report.problems)
    report.dead = len(report.problems)
    return list(found.values())


async def pipeline(
    settings: Settings,
    exits: AsyncExitStack,
    reporter: Reporter,
    only: Sequence[str] | None = None,
) -> tuple[Access, Callable[[], None], Settings, list[str]]:
    """Reach the pipeline that is up, or start one, of these services alone: then they are named.

    What was left over in it from earlier (a removal, an interrupted run) is part of the run.
    """
    if settings.redis_url or running_stack(settings):
        return await exits.enter_async_context(reach(settings)), lambda: None, settings, []
    reporter.starting()
    stack = await exits.enter_async_context(Stack(settings, only=only))
    access = Access.to(stack.settings, stack.settings.redis_url, served=True)
    await exits.enter_async_context(access.publisher)

    def check() -> None:
        stopped = [service.name for service in stack.services if not service.alive()]
        if stopped:
            raise ServiceStopped(
                f"The {', '.join(stopped)} stopped reading.",
                "Run the same command again: it continues where it stopped.",
            )

    return access, check, stack.settings, [service.name for service in stack.services]


def _count(report: RunReport, made: dict[str, int]) -> None:
    report.passages += made["passages"]
    report.summaries += made["summarized"]
    report.questions += made["questions"]
    report.accepted += made["accepted"]
    report.rejected += made["rejected"]
    report.indexed += made["indexed"]
    report.retracted += made["retracted"]
    report.dead += made["dead"]
