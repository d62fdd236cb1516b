"""The flow, once: which stream carries which message, who writes it and who reads it.

Everything that needs to know (groups, the AsyncAPI document, `gristmill topology`, the picture in
the README, the first line of each service's `app.py`) is derived from this table or tested
against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from shared import messages as m


@dataclass(frozen=True)
class Stream:
    """One stream: its name, the message it carries, its writers and its consumer groups.

    A stream without groups carries events: nobody has to act on them, so it is cut to length.
    """

    name: str
    message: type[m.Message]
    writers: tuple[str, ...]
    groups: tuple[str, ...] = ()


STREAMS: tuple[Stream, ...] = (
    Stream("document.submitted", m.DocumentSubmitted, ("gateway", "cli"), ("extractor",)),
    Stream("document.removed", m.DocumentRemoved, ("gateway", "cli"), ("extractor",)),
    Stream("passage.extracted", m.PassageExtracted, ("extractor",), ("summarizer", "indexer")),
    Stream("passage.retracted", m.PassageRetracted, ("extractor",), ("curator", "indexer")),
    Stream("passage.summarized", m.PassageSummarized, ("summarizer",), ("question_generator",)),
    Stream("question.generated", m.QuestionGenerated, ("question_generator",), ("curator",)),
    Stream("dataset.requested", m.DatasetRequested, ("gateway", "cli"), ("curator",)),
    Stream("training.requested", m.TrainingRequested, ("gateway", "cli"), ("trainer",)),
    Stream("passage.indexed", m.PassageIndexed, ("indexer",)),
    Stream("example.curated", m.ExampleCurated, ("curator",)),
    Stream(
        "document.completed",
        m.DocumentCompleted,
        ("extractor", "summarizer", "question_generator", "indexer", "curator"),
    ),
    Stream("dataset.built", m.DatasetBuilt, ("curator",)),
    Stream("training.progressed", m.TrainingProgressed, ("trainer",)),
    Stream("training.completed", m.TrainingCompleted, ("trainer",)),
)

_BY_NAME = {stream.name: stream for stream in STREAMS}
_BY_MESSAGE = {stream.message: stream for stream in STREAMS}

SERVICES: tuple[str, ...] = tuple(
    dict.fromkeys(group for stream in STREAMS for group in stream.groups)
)
"""Every service that consumes a stream, in pipeline order."""


def stream_named(name: str) -> Stream:
    """Return the stream of this name. Raises KeyError for a name that is not in the table."""
    return _BY_NAME[name]


def stream_of(message: m.Message | type[m.Message]) -> Stream:
    """Return the stream that carries this message."""
    return _BY_MESSAGE[message if isinstance(message, type) else type(message)]


def read_by(service: str) -> tuple[Stream, ...]:
    """Return the streams this service consumes, in pipeline order."""
    return tuple(stream for stream in STREAMS if service in stream.groups)


def written_by(service: str) -> tuple[Stream, ...]:
    """Return the streams this service writes to, in pipeline order."""
    return tuple(stream for stream in STREAMS if service in stream.writers)


def row_of(service: str) -> str:
    """Return the service's row as one line: the streams it reads `->` the streams it writes."""
    written = [s.name for s in written_by(service) if s.message is not m.DocumentCompleted]
    return f"{', '.join(s.name for s in read_by(service))} -> {', '.join(written)}"


@dataclass(frozen=True)
class Keys:
    """The Redis keys of one pipeline. All share the hash tag `{namespace}`: one cluster slot."""

    namespace: str = "gristmill"

    def stream(self, name: str) -> str:
        """Key of a stream."""
        return f"{{{self.namespace}}}:{name}"

    def dead(self, stream: str) -> str:
        """Key of the dead letters of a stream."""
        return self.stream(f"{stream}.dead")

    def ledger(self, subject: UUID | str) -> str:
        """Key of the ledger of a document or a request."""
        return f"{{{self.namespace}}}:ledger:{subject}"

    @property
    def documents(self) -> str:
        """Key of the sorted set of document ids, by the time of their last submission."""
        return f"{{{self.namespace}}}:documents"

    def published(self, token: str) -> str:
        """Key that remembers that a publication was made, so that a client's retry makes none."""
        return f"{{{self.namespace}}}:published:{token}"
