"""What every command prints: JSON for machines on standard output, errors on standard error."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any, NoReturn

import typer

from shared.errors import GristmillError

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON on standard output and nothing else.")
]


def emit(value: Any) -> None:
    """Print one JSON value."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write("\n")


def fail(error: GristmillError, code: int = 1) -> NoReturn:
    """Say what happened and what to do about it, and exit."""
    typer.echo(f"error: {error.message}", err=True)
    if error.hint:
        typer.echo(f"       {error.hint}", err=True)
    sys.exit(code)
