"""What the trainer can be told."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel


class TrainerSettings(BaseModel):
    """Settings of the trainer. What is trained and how comes with each request.

    Attributes:
        runs: folder of the runs; empty for the folder `runs` in the home folder.
    """

    runs: str = ""

    def location(self, home: Path) -> Path:
        """Return the folder of the runs."""
        return (Path(self.runs) if self.runs else home / "runs").resolve()
