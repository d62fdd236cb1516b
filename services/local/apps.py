"""The services by name: the one place that knows where each is wired."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Awaitable, Callable, Sequence

from starlette.applications import Starlette

from shared.delivery.service import Service
from shared.errors import ServiceUnknown
from shared.settings import Settings
from shared.topology import SERVICES

ANSWERER = "answerer"
"""Reads no stream, so the topology does not name it; it asks the indexer."""

SEARCHING = (ANSWERER, "curator")
"""Ask an indexer; their `build` takes the way to one in this process."""

Build = Callable[..., Awaitable[Service]]


def built_services() -> tuple[str, ...]:
    """Return the names of the services this installation has, in pipeline order."""
    names = (*SERVICES, ANSWERER)
    return tuple(name for name in names if importlib.util.find_spec(f"services.{name}"))


def build_of(name: str) -> Build:
    """Return the function that wires a service; its name may have hyphens, as its extra has.

    Raises:
        ServiceUnknown: there is none of this name, or its extra is not installed.
    """
    name = name.replace("-", "_")
    if name not in built_services():
        raise ServiceUnknown(
            f"There is no service {name!r}.", f"There are {', '.join(built_services())}."
        )
    try:
        build: Build = importlib.import_module(f"services.{name}.app").build
    except ModuleNotFoundError as error:
        raise ServiceUnknown(
            f"The service {name} needs {error.name}, which is not installed.",
            f"Install it with `pip install gristmill[{name.replace('_', '-')}]`.",
        ) from error
    return build


async def build_beside(name: str, settings: Settings, others: Sequence[Service]) -> Service:
    """Wire a service in a process with others: those that search ask the indexer that is there.

    Raises:
        ServiceUnknown: see `build_of`.
    """
    build = build_of(name)
    found = [other.routes for other in others if other.name == "indexer"]
    if name not in SEARCHING or not found:
        return await build(settings)
    import httpx

    return await build(settings, httpx.ASGITransport(Starlette(routes=found[0])))
