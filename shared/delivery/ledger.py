"""The ledger, read: for a document, how many passages, and where is each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from shared.topology import Keys

DEAD = "dead"
"""What the mark of a stage says that gave up on a passage."""

COUNTED = (
    "passages",
    "summarized",
    "questions",
    "questioned",
    "indexed",
    "accepted",
    "rejected",
    DEAD,
)
"""What the ledger counts, as it stands (`now`) and since ever (`made`)."""


@dataclass(frozen=True)
class DocumentState:
    """A document as the ledger has it.

    Attributes:
        sequence: of the submission that its passages come from; empty before the first.
        failed_sequence: of the last submission that failed; empty where none did.
        open: messages about it that are under way.
        now: how many passages, summaries and so on it has.
        made: how many were ever made of it, for telling what a run did.
    """

    document_id: UUID
    uri: str = ""
    title: str = ""
    revision: str = ""
    recipe: str = ""
    status: str = "unknown"
    sequence: str = ""
    failed_sequence: str = ""
    error: str = ""
    open: int = 0
    now: dict[str, int] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether its last submission is a dead letter."""
        return bool(self.failed_sequence) and self.failed_sequence > self.sequence

    def settled_since(self, sequence: str) -> bool:
        """Whether the submission `sequence` has been through everything."""
        if self.sequence >= sequence:
            return self.open <= 0
        return self.failed_sequence >= sequence


_FIELDS = (
    "uri",
    "title",
    "revision",
    "recipe",
    "status",
    "sequence",
    "failed_sequence",
    "error",
)
_COUNTERS = (
    "open",
    *(f"now:{name}" for name in COUNTED),
    *(f"made:{name}" for name in (*COUNTED, "retracted")),
)


class Ledger:
    """Reads the ledger of a pipeline."""

    def __init__(self, client: Any, keys: Keys) -> None:
        self.client = client
        self.keys = keys

    async def documents(self, ids: Sequence[UUID]) -> list[DocumentState]:
        """Return the state of each document, in the order asked for."""
        pipeline = self.client.pipeline(transaction=False)
        for document_id in ids:
            pipeline.hmget(self.keys.ledger(document_id), [*_FIELDS, *_COUNTERS])
        return [_state(i, row) for i, row in zip(ids, await pipeline.execute(), strict=True)]

    async def document(self, document_id: UUID) -> DocumentState:
        """Return the state of one document."""
        return (await self.documents([document_id]))[0]

    async def passages(self, document_id: UUID) -> dict[UUID, str]:
        """Return the passages now in a document, each with the sequence it came in with."""
        found: dict[UUID, str] = {}
        async for name, value in self.client.hscan_iter(
            self.keys.ledger(document_id), match="passage:*", count=1000
        ):
            found[UUID(name.decode().removeprefix("passage:"))] = value.decode()
        return found

    async def stages(self, document_id: UUID) -> dict[UUID, dict[str, str]]:
        """Return, for each passage, what each stage has made of it: stage -> mark."""
        found: dict[UUID, dict[str, str]] = {
            passage: {} for passage in await self.passages(document_id)
        }
        async for name, value in self.client.hscan_iter(
            self.keys.ledger(document_id), match="mark:*", count=1000
        ):
            _, passage, stage = name.decode().split(":", 2)
            found.setdefault(UUID(passage), {})[stage] = value.decode()
        return found

    async def unfinished(self, document_id: UUID) -> bool:
        """Whether a passage has not been through every stage: under way, or lost with the broker.

        A passage with a dead letter is finished where its letter lies: what follows never was.
        """
        for passage, marks in (await self.stages(document_id)).items():
            if "indexer" not in marks or "summarizer" not in marks:
                return True
            if marks["summarizer"] != DEAD and "question_generator" not in marks:
                return True
            asked = await self.client.hget(self.keys.ledger(document_id), f"asked:{passage}")
            if any(f"curator:{ordinal}" not in marks for ordinal in range(int(asked or 0))):
                return True
        return False

    async def all(self, batch: int = 500) -> AsyncIterator[DocumentState]:
        """Yield every document the pipeline knows, oldest submission first."""
        start = 0
        while True:
            ids = await self.client.zrange(self.keys.documents, start, start + batch - 1)
            for state in await self.documents([UUID(i.decode()) for i in ids]):
                yield state
            if len(ids) < batch:
                return
            start += batch


def _state(document_id: UUID, row: Sequence[bytes | None]) -> DocumentState:
    texts = {
        name: value.decode() for name, value in zip(_FIELDS, row, strict=False) if value is not None
    }
    counts = {
        name: int(value or 0) for name, value in zip(_COUNTERS, row[len(_FIELDS) :], strict=True)
    }
    return DocumentState(
        document_id=document_id,
        open=counts["open"],
        now={name: counts[f"now:{name}"] for name in COUNTED},
        made={name: counts[f"made:{name}"] for name in (*COUNTED, "retracted")},
        **texts,
    )
