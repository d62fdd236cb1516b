"""The AsyncAPI document of the flow: which service receives and sends which message.

`make asyncapi` writes it to infra/asyncapi.json. It is made of the table in `shared/topology.py`,
not by FastStream: its document has a channel for each subscriber and changes with every start.
"""

from __future__ import annotations

import inspect
import json
from importlib.metadata import version
from typing import Any

from pydantic.json_schema import models_json_schema

from shared.topology import STREAMS, Keys, Stream

HOW_TO_READ = """\
Messages are JSON on Redis streams, one message an entry. All keys of a pipeline begin with its
namespace in braces, so that they share one slot of a Redis Cluster.

Write an entry with the message in the field `__data__`, as JSON or in FastStream's binary envelope,
or with the message's fields as the entry's fields: XADD {gristmill}:document.submitted * uri
https://example.org/page. What the services write is in the envelope; its headers carry
`correlation_id` and, in a trace, `traceparent`.

What nobody could process is on the stream's dead letters, as it was, with the fields `error`,
`error_type`, `service`, `uri`, `deliveries` and `at` beside it.
"""


def document() -> dict[str, Any]:
    """Return the document, as JSON types."""
    _, schemas = models_json_schema(
        [(stream.message, "validation") for stream in STREAMS],
        ref_template="#/components/schemas/{model}",
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Gristmill",
            "version": version("gristmill"),
            "description": HOW_TO_READ,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"redis": {"host": "localhost:6379", "protocol": "redis"}},
        "channels": _channels(),
        "operations": _operations(),
        "components": {
            "messages": {stream.message.__name__: _message(stream) for stream in STREAMS},
            "parameters": {
                "pipeline": {
                    "default": Keys().stream("").rstrip(":"),
                    "description": "The pipeline's namespace, in braces that are part of the key.",
                }
            },
            "schemas": schemas["$defs"],
        },
    }


def _channels() -> dict[str, Any]:
    channels = {}
    for stream in STREAMS:
        channels[stream.name] = _channel(stream.name, stream, _summary(stream))
        if stream.groups:
            dead = f"{stream.name}.dead"
            channels[dead] = _channel(dead, stream, f"Dead letters of {stream.name}.")
    return channels


def _channel(name: str, stream: Stream, description: str) -> dict[str, Any]:
    message = stream.message.__name__
    return {
        "address": f"{{pipeline}}:{name}",
        "description": description,
        "parameters": {"pipeline": {"$ref": "#/components/parameters/pipeline"}},
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
    }


def _operations() -> dict[str, Any]:
    operations = {}
    for stream in STREAMS:
        for writer in stream.writers:
            operations[f"{writer}.sends.{stream.name}"] = _operation("send", writer, stream)
        for group in stream.groups:
            operations[f"{group}.receives.{stream.name}"] = _operation("receive", group, stream)
    return operations


def _operation(action: str, service: str, stream: Stream) -> dict[str, Any]:
    channel = f"#/channels/{stream.name}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{stream.message.__name__}"}],
        "tags": [{"name": service}],
    }


def _message(stream: Stream) -> dict[str, Any]:
    name = stream.message.__name__
    return {
        "name": name,
        "summary": _summary(stream),
        "correlationId": {"location": "$message.header#/correlation_id"},
        "payload": {"$ref": f"#/components/schemas/{name}"},
    }


def _summary(stream: Stream) -> str:
    return (inspect.getdoc(stream.message) or "").partition("\n\n")[0].replace("\n", " ")


if __name__ == "__main__":
    print(json.dumps(document(), indent=2))  # noqa: T201 - what it is for
