"""Results that a child could not write itself."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.trainer.process import Ended
from services.trainer.runs import RunFolder


def ending(folder: RunFolder, ended: Ended, started: datetime) -> dict[str, Any] | None:
    """Return the result to write for a run whose child has ended; None where the child's stands."""
    written = folder.result()
    if written is not None and (written["status"] == "completed" or not ended.cancelled):
        return None
    if ended.cancelled:
        return result_of(folder.request(), "cancelled", started)
    error, hint = reason(folder, ended.code)
    return result_of(folder.request(), "failed", started, error=error, hint=hint)


def result_of(
    request: Mapping[str, Any], status: str, started: datetime, *, error: str = "", hint: str = ""
) -> dict[str, Any]:
    """Return a result that tells of no training."""
    settings = request.get("settings", {})
    return {
        "run": request.get("run", ""),
        "method": request.get("method", ""),
        "model": request.get("model", ""),
        "status": status,
        "error": error,
        "hint": hint,
        "dataset": {"name": request.get("dataset", "")},
        "settings": settings,
        "seed": settings.get("seed", 0),
        "scores": {},
        "curve": [],
        "validation_curve": [],
        "examples": [],
        "notes": [],
        "artifact": "",
        "started": started.isoformat(),
        "ended": datetime.now(UTC).isoformat(),
    }


def reason(folder: RunFolder, code: int, what: str = "The training") -> tuple[str, str]:
    """Return why a process of a run ended without a result, and what to do about it.

    Args:
        folder: the run.
        code: the process's exit code; negative for the signal that killed it.
        what: the process in words.
    """
    said = folder.last_lines()
    where = f"All it said is in {folder.log}."
    if code == -signal.SIGKILL:
        return (
            f"{what} was killed; memory may have run out.",
            f"Try a smaller model or fewer rows, or a method that trains less. {where}",
        )
    if code < 0:
        how = f"was ended by {signal.Signals(-code).name}"
    else:
        how = f"ended with exit code {code} and without a result"
    return f"{what} {how}{f': {said}' if said else '.'}", where
