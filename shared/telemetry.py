"""Logs and metrics: the same names in every service."""

from __future__ import annotations

import logging
import sys

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

DELIVERIES = Counter(
    "gristmill_deliveries",
    "Messages settled, by what became of them: `done`, `parked` for another try, `dead`, ...",
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
OLDEST_PENDING_SECONDS = Gauge(
    "gristmill_oldest_pending_seconds",
    "Age of the oldest entry a service has been given and has not settled; 0 where there is none.",
    ["service", "stream"],
    registry=REGISTRY,
)
DEAD_LETTERS = Gauge(
    "gristmill_dead_letters",
    "Dead letters of a stream that nobody has replayed or discarded yet.",
    ["stream"],
    registry=REGISTRY,
)
LEDGER_CHANGES = Counter(
    "gristmill_ledger_changes",
    "What this process has written into the ledger: passages, summarized, indexed, accepted, ...",
    ["service", "stage"],
    registry=REGISTRY,
)
TOKENS = Counter(
    "gristmill_tokens",
    "Tokens that a language model has read (`prompt`) and written (`output`).",
    ["model", "kind"],
    registry=REGISTRY,
)
BATCH_SIZE = Histogram(
    "gristmill_batch_size",
    "Items in one call behind a micro-batcher.",
    ["batcher"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
    registry=REGISTRY,
)


def configure_logging(level: str = "INFO", *, json: bool | None = None) -> None:
    """Send logs to standard error: readable on a terminal, JSON elsewhere unless `json` says.

    What libraries log comes out the same way. Every line has what is bound at the time: while a
    message is handled its document, correlation id and trace id.
    """
    as_json = not sys.stderr.isatty() if json is None else json
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    )
    prepare: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*prepare, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *prepare],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)
