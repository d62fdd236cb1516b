"""Traces: one document followed across processes, from its submission to its row and its point.

What a message says of its trace rides in its envelope as W3C `traceparent`. Spans are made and sent
(OTLP over HTTP) where `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is set;
the other `OTEL_*` variables mean what they always mean. Where neither is, no span is made, and a
trace that others have begun is passed on as it came. infra/decisions/0018 says why the spans are
ours and not FastStream's.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

Attributes = Mapping[str, str | int]

TRACEPARENT = "traceparent"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_FORM = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

_current: ContextVar[str] = ContextVar("traceparent", default="")


def current() -> str:
    """Return the `traceparent` for what is written now; empty outside of every trace."""
    return _current.get()


def trace_id() -> str:
    """Return the id of the trace we are in, 32 hex digits; empty outside of every trace."""
    found = _FORM.fullmatch(_current.get())
    return found[1] if found else ""


@contextmanager
def span(
    service: str,
    name: str,
    kind: Literal["producer", "consumer"],
    parent: str,
    attributes: Attributes,
) -> Iterator[None]:
    """Do something as a part of a trace.

    Args:
        service: who does it.
        name: what is done.
        kind: whether it writes a message or handles one.
        parent: the `traceparent` to go on from; anything else begins a trace.
        attributes: what to say of it.
    """
    parent = parent if _FORM.fullmatch(parent) else ""
    provider = _provider(service)
    if provider is None:
        with _carrying(parent):
            yield
        return
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    w3c, carrier = TraceContextTextMapPropagator(), {TRACEPARENT: parent}
    with provider.get_tracer("gristmill").start_as_current_span(
        name,
        context=w3c.extract(carrier, Context()),
        kind=SpanKind[kind.upper()],
        attributes=attributes,
    ):
        w3c.inject(carrier)
        with _carrying(carrier[TRACEPARENT]):
            yield


def note(attributes: Attributes, error: BaseException | None = None) -> None:
    """Say more of the span we are in: attributes, and the error that it comes to."""
    if not _on():
        return
    from opentelemetry.trace import StatusCode, get_current_span

    here = get_current_span()
    here.set_attributes(attributes)
    if error is not None:
        here.record_exception(error)
        here.set_status(StatusCode.ERROR, str(error))


def flush(service: str) -> None:
    """Send the spans of a service that ends; takes as long as the exporter's timeout at most."""
    provider = _provider(service)
    if provider is not None:
        provider.force_flush()


@contextmanager
def _carrying(traceparent: str) -> Iterator[None]:
    token = _current.set(traceparent)
    try:
        yield
    finally:
        _current.reset(token)


def _on() -> bool:
    return any(os.environ.get(name) for name in _ENDPOINTS)


@functools.cache
def _provider(service: str) -> TracerProvider | None:
    if not _on():
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": f"gristmill-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
