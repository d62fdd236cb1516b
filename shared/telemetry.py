"""Logs and metrics: the same names in every service."""

from __future__ import annotations

import logging
import sys

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

DELIVERIES = Counter(
    "gristmill_deliveries",
    "Messages settled, by what became of them.",
    ["service", "stream", "verdict"],
    registry=REGISTRY,
)
HANDLER_SECONDS = Histogram(
    "gristmill_handler_seconds",
    "Seconds from taking a message up to settling it.",
    ["service", "stream"],
    buckets=(0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300, 1800),
    registry=REGISTRY,
)
BACKLOG = Gauge(
    "gristmill_backlog",
    "Entries of a stream that a service has not been given yet.",
    ["service", "stream"],
    registry=REGISTRY,
)
PENDING = Gauge(
    "gristmill_pending",
    "Entries a service has been given and has not settled.",
    ["service", "stream"],
    registry=REGISTRY,
)


def configure_logging(level: str = "INFO", *, json: bool | None = None) -> None:
    """Send logs to standard error: readable on a terminal, JSON elsewhere unless `json` says."""
    as_json = not sys.stderr.isatty() if json is None else json
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(stream=sys.stderr, level=max(number, logging.WARNING), force=True)
