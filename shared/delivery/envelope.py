"""A message to and from the bytes of a stream entry.

Written in FastStream's binary envelope; read from that, from plain JSON in the field `__data__`,
or from an entry whose fields are the message's fields, which is what `redis-cli XADD` writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from faststream.redis import BinaryMessageFormatV1
from pydantic import ValidationError

from shared import tracing
from shared.errors import InvalidMessage, UnknownSchemaVersion
from shared.messages import Message

DATA = b"__data__"
SEQUENCE = b"__sequence__"
KNOWN_SCHEMA_VERSION = 1
HEADER_CHARACTERS = 200

_SEQUENCE = re.compile(rb"\d{15,}-\d{6,}")

M = TypeVar("M", bound=Message)


async def encode(message: Message, correlation_id: str = "") -> bytes:
    """Return the envelope of `message`, which says what trace it is written in.

    Args:
        message: the message.
        correlation_id: the document's or the request's where it is empty.
    """
    headers = {"content-type": "application/json"}
    if traceparent := tracing.current():
        headers[tracing.TRACEPARENT] = traceparent
    return await BinaryMessageFormatV1.encode(
        message=message.model_dump_json(),
        reply_to=None,
        headers=headers,
        correlation_id=correlation_id or subject_id(message),
    )


def header(headers: Mapping[str, Any], name: str) -> str:
    """Return a header as a client may have written it; empty where it cannot be passed on."""
    value = headers.get(name)
    fit = isinstance(value, str) and value.isascii() and len(value) <= HEADER_CHARACTERS
    return str(value) if fit else ""


def subject_id(message: Message) -> str:
    """Return the id of what the message is about: its document, or the request itself."""
    source = getattr(message, "source", None)
    about = source if source is not None else message
    return str(getattr(about, "document_id", None) or getattr(about, "request_id", ""))


def decode(message_type: type[M], body: bytes) -> M:
    """Parse a message.

    Raises:
        UnknownSchemaVersion: it was written by another version of Gristmill.
        InvalidMessage: it is not JSON, or lacks what the message needs.
    """
    name = message_type.__name__
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidMessage(
            f"This {name} is not JSON: {error}.", "Publish the message as UTF-8 JSON."
        ) from error
    if not isinstance(fields, dict):
        raise InvalidMessage(f"This {name} is JSON and not an object.", "Publish a JSON object.")
    version = fields.get("schema_version", KNOWN_SCHEMA_VERSION)
    if str(version) != str(KNOWN_SCHEMA_VERSION):
        raise UnknownSchemaVersion(
            f"This {name} has schema version {version!r}; this Gristmill reads "
            f"{KNOWN_SCHEMA_VERSION}.",
            "Upgrade the service, then replay the dead letter.",
        )
    fields["schema_version"] = KNOWN_SCHEMA_VERSION
    try:
        return message_type.model_validate_json(json.dumps(fields))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'message'}: {e['msg']}" for e in error.errors()
        )
        raise InvalidMessage(f"This {name} does not fit its schema: {problems}.") from error


def body_of(fields: Mapping[bytes, bytes]) -> bytes:
    """Return the JSON in a stream entry, in whichever of the three ways it was written."""
    data = fields.get(DATA)
    if data is not None:
        body: bytes = BinaryMessageFormatV1.parse(data)[0]
        return body
    flat: dict[str, Any] = {
        name.decode(errors="replace"): value.decode(errors="replace")
        for name, value in fields.items()
    }
    return json.dumps(flat).encode()


def sequence_of(entry_id: str, fields: Mapping[bytes, bytes]) -> str:
    """Return where an entry stands among all submissions, as text that sorts that way.

    Raises:
        InvalidMessage: the entry claims a place that is none.
    """
    if SEQUENCE in fields:
        if not _SEQUENCE.fullmatch(fields[SEQUENCE]):
            raise InvalidMessage(f"{fields[SEQUENCE]!r} is no sequence.", "Leave the field out.")
        return fields[SEQUENCE].decode()
    return sortable(entry_id)


def sortable(entry_id: str) -> str:
    """Return a stream entry's id (`1718000000000-3`) as text of fixed width."""
    milliseconds, _, number = entry_id.partition("-")
    return f"{int(milliseconds):015d}-{int(number or 0):06d}"
