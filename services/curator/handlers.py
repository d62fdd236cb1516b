"""From questions to judged examples, and from those to dataset versions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeAlias

import structlog

from services.curator.build import build
from services.curator.card import card
from services.curator.contamination import Known, texts_in
from services.curator.curate import curate
from services.curator.ranks import corpus_of, known_ranks, ranks
from services.curator.reviewed import reviewed
from services.curator.settings import CuratorSettings
from shared import ids
from shared.errors import IndexUnreachable
from shared.index.remote import Search
from shared.messages import (
    DatasetBuilt,
    DatasetRequested,
    ExampleCurated,
    PassageRetracted,
    QuestionGenerated,
)
from shared.storage.blobs import BlobStore
from shared.storage.dataset import Dataset, DatasetVersion
from shared.storage.examples import ExampleLog
from shared.storage.folders import write_files
from shared.storage.rows import Example
from shared.storage.verdicts import Verdicts

log = structlog.get_logger()

OpenSearch: TypeAlias = Callable[[], AbstractAsyncContextManager[Search]]


@dataclass(frozen=True)
class Stores:
    """Where the curator reads and writes.

    Attributes:
        log: every example.
        verdicts: what people said of them.
        dataset: the versions.
        cards: folder or URL of the versions' cards.
        blobs: files to decontaminate against.
    """

    log: ExampleLog
    verdicts: Verdicts
    dataset: Dataset
    cards: str
    blobs: BlobStore


class Curator:
    """The curator's handlers and what they need.

    Args:
        stores: where it reads and writes.
        settings: what is accepted, and how versions are built.
        search: the way to the index; None where there is none.
    """

    def __init__(
        self, stores: Stores, settings: CuratorSettings, search: OpenSearch | None = None
    ) -> None:
        self.stores = stores
        self.settings = settings
        self.search = search

    async def on_generated(self, message: QuestionGenerated) -> list[ExampleCurated]:
        """Judge one example and write it down, accepted or rejected with the reasons."""
        example = curate(message, self.settings.checks)
        await self.stores.log.append(example)
        return [
            ExampleCurated(
                document_id=message.source.document_id,
                passage_id=message.passage.passage_id,
                sequence=message.source.sequence,
                example_id=message.example_id,
                status="accepted" if example.status == "accepted" else "rejected",
                reasons=tuple(example.reasons),
            )
        ]

    async def on_retracted(self, message: PassageRetracted) -> Sequence[ExampleCurated]:
        """Write down that the passage's examples no longer count."""
        await self.stores.log.retract(str(message.passage_id), message.sequence)
        return ()

    async def on_requested(self, message: DatasetRequested) -> list[DatasetBuilt]:
        """Build a version of what stands now; the same content is the same version.

        Where nothing was ever curated there is nothing to build: the answer names version 0.
        """
        examples = await self.stores.log.read()
        versions = await self.stores.dataset.versions()
        if not examples and not versions:
            return [DatasetBuilt(request_id=message.request_id, version=0, accepted=0, rejected=0)]
        version = await self._build(examples, versions, message.decontaminate)
        return [
            DatasetBuilt(
                request_id=message.request_id,
                version=version.number,
                accepted=version.accepted,
                rejected=version.rejected,
            )
        ]

    async def _build(
        self,
        examples: Sequence[Example],
        versions: Sequence[DatasetVersion],
        decontaminate: Mapping[str, str],
    ) -> DatasetVersion:
        settings = self.settings.build
        judged = reviewed(examples, await self.stores.verdicts.read())
        corpus = corpus_of(judged, settings.rank_depth)
        found = await self._ranks(judged, corpus, versions)
        files = await self._files(decontaminate)
        known = await asyncio.to_thread(_known, list(files)) if files else None
        rows = await asyncio.to_thread(build, judged, settings, ranks=found, known=known)
        made = {
            "checks": self.settings.checks.model_dump(mode="json"),
            "build": settings.model_dump(mode="json", exclude={"decontaminate"}),
            "corpus": corpus,
            "decontaminated": {ids.sha256(body): name for body, name in files.items()},
        }
        version = await self.stores.dataset.build(rows, made)
        place = f"{self.stores.cards}/v{version.number}"
        await asyncio.to_thread(write_files, place, card(rows, version))
        return version

    async def _ranks(
        self, rows: Sequence[Example], corpus: str, versions: Sequence[DatasetVersion]
    ) -> dict[str, int]:
        """Return where the own passages of the accepted rows stand; nothing without an index.

        What the newest version knows is not asked again where the passages are the same.
        """
        depth = self.settings.build.rank_depth
        if self.search is None or not depth:
            return {}
        wanted = [row for row in rows if row.status == "accepted"]
        found: dict[str, int] = {}
        if versions and versions[-1].made.get("corpus") == corpus:
            found = known_ranks(wanted, await self.stores.dataset.read())
        try:
            async with self.search() as search:
                rest = (row for row in wanted if row.example_id not in found)
                return found | await ranks(rest, search, depth)
        except IndexUnreachable as error:
            log.warning("built without the index", error=str(error))
            return {}

    async def _files(self, asked: Mapping[str, str]) -> dict[bytes, str]:
        """Return the bodies of the files that the request and the settings name, with the names."""
        files = {await self.stores.blobs.get(sha256): name for sha256, name in asked.items()}
        for path in self.settings.build.decontaminate:
            files[await asyncio.to_thread(path.read_bytes)] = path.name
        return files


def _known(bodies: Sequence[bytes]) -> Known:
    return Known(text for body in bodies for text in texts_in(body))
