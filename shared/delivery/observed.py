"""What logs and traces say while one message is handled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from structlog.contextvars import bind_contextvars, bound_contextvars, unbind_contextvars

from shared import tracing
from shared.delivery.envelope import header
from shared.delivery.ledger import COUNTED
from shared.delivery.scripts import Lease
from shared.telemetry import LEDGER_CHANGES


@contextmanager
def observed(lease: Lease, stream: str, headers: Mapping[str, Any]) -> Iterator[None]:
    """Be a span of the message's trace; every line logged meanwhile says of which message it is."""
    attributes = {
        "messaging.system": "redis",
        "messaging.destination.name": lease.stream,
        "messaging.consumer.group.name": lease.group,
        "messaging.message.id": lease.entry_id,
    }
    parent = header(headers, tracing.TRACEPARENT)
    with (
        tracing.span(lease.group, f"process {stream}", "consumer", parent, attributes),
        bound_contextvars(service=lease.group, stream=stream, entry=lease.entry_id),
    ):
        if trace_id := tracing.trace_id():
            bind_contextvars(trace_id=trace_id)
        try:
            yield
        finally:
            unbind_contextvars("document", "correlation_id", "trace_id")


def is_about(document: str, correlation_id: str) -> None:
    """Say from now on which document, or which request, the message is about."""
    bind_contextvars(document=document, correlation_id=correlation_id)
    tracing.note(
        {
            "gristmill.document": document,
            "messaging.message.conversation_id": correlation_id,
        }
    )


def count_changes(service: str, plan: Mapping[str, Any]) -> None:
    """Count what a commit plan that was carried out has written into the ledger."""
    _, mark = plan.get("mark", ("", ""))
    _, questions = plan.get("questions", ("", 0))
    changes = {
        "passages": len(plan.get("introduced", ())),
        "retracted": len(plan.get("retracted", ())),
        "questions": questions,
        mark: int(mark in COUNTED),
    }
    for stage, number in changes.items():
        if number:
            LEDGER_CHANGES.labels(service, stage).inc(number)
