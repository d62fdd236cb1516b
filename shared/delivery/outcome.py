"""What a handler gives back: messages, and for the extractor what it found of the document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from shared.messages import Message


@dataclass(frozen=True)
class DocumentRecord:
    """The state of a document after a submission or a removal.

    Attributes:
        base: the document's sequence when the handler looked; if it has moved on by the time of
            the commit, the handler runs again on what is there then.
        status: `active` or `removed`.
    """

    document_id: UUID
    uri: str
    sequence: str
    base: str
    title: str = ""
    revision: str = ""
    recipe: str = ""
    status: str = "active"

    def fields(self) -> dict[str, str]:
        """The fields to set in the document's ledger. A success clears an earlier failure."""
        return {
            "document_id": str(self.document_id),
            "uri": self.uri,
            "sequence": self.sequence,
            "title": self.title,
            "revision": self.revision,
            "recipe": self.recipe,
            "status": self.status,
            "error": "",
        }


@dataclass(frozen=True)
class Outcome:
    """The messages to publish and, from the extractor, the document's new state."""

    messages: Sequence[Message] = field(default_factory=tuple)
    document: DocumentRecord | None = None


Result = Outcome | Sequence[Message]
Handler = Callable[..., Awaitable[Result]]
"""`async def handler(message) -> Outcome | Sequence[Message]`."""
