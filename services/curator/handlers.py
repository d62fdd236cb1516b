"""From questions to judged examples, and from those to dataset versions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from services.curator.curate import build, curate
from services.curator.settings import CuratorSettings
from shared.messages import (
    DatasetBuilt,
    DatasetRequested,
    ExampleCurated,
    PassageRetracted,
    QuestionGenerated,
)
from shared.storage.dataset import Dataset
from shared.storage.examples import ExampleLog


class Curator:
    """The curator's handlers and what they need."""

    def __init__(self, log: ExampleLog, dataset: Dataset, settings: CuratorSettings) -> None:
        self.log = log
        self.dataset = dataset
        self.settings = settings

    async def on_generated(self, message: QuestionGenerated) -> list[ExampleCurated]:
        """Judge one example and write it down, accepted or rejected with the reasons."""
        example = curate(message, self.settings.checks)
        await self.log.append(example)
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
        await self.log.retract(str(message.passage_id), message.sequence)
        return ()

    async def on_requested(self, message: DatasetRequested) -> list[DatasetBuilt]:
        """Build a version of what stands now; the same content is the same version.

        Where nothing was ever curated there is nothing to build: the answer names version 0.
        """
        examples = await self.log.read()
        if not examples and not await self.dataset.versions():
            return [DatasetBuilt(request_id=message.request_id, version=0, accepted=0, rejected=0)]
        rows = await asyncio.to_thread(build, examples, self.settings.build)
        version = await self.dataset.build(rows)
        return [
            DatasetBuilt(
                request_id=message.request_id,
                version=version.number,
                accepted=version.accepted,
                rejected=version.rejected,
            )
        ]
