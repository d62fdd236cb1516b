"""What the answerer can be told, and where it finds what others have made."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr

from shared.settings import SMOLLM2, section


class AnswererSettings(BaseModel):
    """Settings of the answerer.

    Attributes:
        runs: folder of the runs; empty for the trainer's.
        model: reference of the model that is asked where no run is named; empty for the one that
            writes summaries by default.
        default_k: how many passages a question gets that does not say.
    """

    runs: str = ""
    model: str = ""
    default_k: int = Field(default=3, ge=0, le=50)

    @property
    def reference(self) -> str:
        """Reference of the model that is asked where no run is named."""
        return self.model or SMOLLM2

    def location(self, home: Path) -> Path:
        """Return the folder of the runs."""
        runs = self.runs or section("trainer", TrainedRuns).runs
        return (Path(runs) if runs else home / "runs").resolve()


class TrainedRuns(BaseModel):
    """What the answerer needs to know of the section `trainer`; the same keys and defaults."""

    runs: str = ""


class PassagesIndex(BaseModel):
    """What the answerer needs to know of the section `indexer`; the same keys and defaults."""

    index: str = ""
    index_api_key: SecretStr = SecretStr("")
    collection: str = "gristmill"

    def location(self, home: Path) -> str:
        """Return the folder or address of the index."""
        return self.index or str(home / "index")
