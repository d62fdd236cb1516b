"""Dead letters: what could not be processed, with its error, kept until a person decides."""

from __future__ import annotations

import time
import traceback
from collections.abc import AsyncIterator
from dataclasses import dataclass

from shared import messages as m
from shared.delivery.envelope import body_of, decode
from shared.delivery.plan import subject_of
from shared.delivery.scripts import Scripts
from shared.errors import GristmillError, InvalidMessage
from shared.topology import STREAMS, stream_named

TRACEBACK_CHARACTERS = 4000


class DeadLetterNotFound(GristmillError):
    """No dead letter has this id."""


@dataclass(frozen=True)
class DeadLetter:
    """A message that was given up on.

    Attributes:
        id: `STREAM/ENTRY`, as the command line names it.
        service: whose handler failed.
        at: when, in seconds since 1970.
        body: the message as JSON.
    """

    id: str
    stream: str
    entry_id: str
    service: str
    uri: str
    error_type: str
    error: str
    deliveries: int
    at: float
    sequence: str
    traceback: str
    body: str


def new_letter(
    error: Exception, *, service: str, uri: str, entry_id: str, sequence: str, deliveries: int
) -> dict[str, str]:
    """Return the fields of a letter about an error, to be stored beside the message."""
    letter = {
        "error": str(error),
        "error_type": type(error).__name__,
        "service": service,
        "uri": uri,
        "entry_id": entry_id,
        "sequence": sequence,
        "deliveries": str(deliveries),
        "at": f"{time.time():.3f}",
    }
    if not isinstance(error, GristmillError):
        letter["traceback"] = "".join(traceback.format_exception(error))[-TRACEBACK_CHARACTERS:]
    # An error about a broken document may quote lone surrogates, which Redis cannot store.
    return {name: text.encode(errors="replace").decode() for name, text in letter.items()}


class DeadLetters:
    """Lists, replays and discards the dead letters of a pipeline."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts
        self.client = scripts.client
        self.keys = scripts.keys

    async def all(self) -> AsyncIterator[DeadLetter]:
        """Yield every dead letter, stream by stream, oldest first."""
        for stream in STREAMS:
            start = "-"
            while entries := await self.client.xrange(
                self.keys.dead(stream.name), min=start, count=100
            ):
                for entry_id, fields in entries:
                    yield _letter(stream.name, entry_id.decode(), fields)
                start = f"({entries[-1][0].decode()}"

    async def count(self) -> int:
        """Return how many dead letters there are."""
        return sum([await self.client.xlen(self.keys.dead(stream.name)) for stream in STREAMS])

    async def get(self, letter_id: str) -> DeadLetter:
        """Return one dead letter.

        Raises:
            DeadLetterNotFound: there is none of this id.
        """
        name, _, entry_id = letter_id.partition("/")
        if name in {stream.name for stream in STREAMS} and entry_id.replace("-", "").isdigit():
            entries = await self.client.xrange(self.keys.dead(name), entry_id, entry_id)
            if entries:
                return _letter(name, entry_id, entries[0][1])
        raise DeadLetterNotFound(
            f"There is no dead letter {letter_id}.", "See `gristmill dead list`."
        )

    async def replay(self, letter: DeadLetter) -> str:
        """Put the message back on its stream as it was; returns its new entry id."""
        stream = stream_named(letter.stream)
        try:
            message = decode(stream.message, letter.body.encode())
        except InvalidMessage:
            message = None
        subject = subject_of(message, letter.service, self.keys)
        is_document = isinstance(message, m.DocumentMessage)
        return await self.scripts.replay(
            letter.stream, letter.entry_id, subject, letter.sequence if is_document else ""
        )

    async def discard(self, letter: DeadLetter) -> None:
        """Forget the letter. What it is a letter of stays marked as dead in the ledger."""
        await self.client.xdel(self.keys.dead(letter.stream), letter.entry_id)


def _letter(stream: str, entry_id: str, fields: dict[bytes, bytes]) -> DeadLetter:
    def text(name: str) -> str:
        return fields.get(name.encode(), b"").decode(errors="replace")

    return DeadLetter(
        id=f"{stream}/{entry_id}",
        stream=stream,
        entry_id=entry_id,
        service=text("service"),
        uri=text("uri"),
        error_type=text("error_type"),
        error=text("error"),
        deliveries=int(text("deliveries") or 0),
        at=float(text("at") or 0),
        sequence=text("sequence"),
        traceback=text("traceback"),
        body=body_of({b"__data__": fields.get(b"__data__", b"")}).decode(errors="replace"),
    )
