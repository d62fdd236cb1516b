"""Settings of the delivery runtime; every service has the same."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field, model_validator


class DeliverySettings(BaseModel):
    """How messages are read, retried and bounded.

    Attributes:
        concurrency: messages one consumer handles at once; what feeds the micro-batches.
        lease_seconds: a message whose holder was silent for so long is given to another.
        max_deliveries: a message delivered more often than this becomes a dead letter.
        backoff_seconds: pause before the second delivery; doubled each time, up to the lease.
        high_water: entries a stream may hold before writers wait.
        graceful_seconds: how long a stopping service lets its handlers finish.
        end_when_idle_seconds: a service alone in its process ends after so long without a message;
            0 for never. More than a lease, so that what a dead holder left is taken up first.
    """

    concurrency: int = Field(default=16, ge=1, le=1024)
    lease_seconds: float = Field(default=60.0, gt=0)
    max_deliveries: int = Field(default=8, ge=1)
    backoff_seconds: float = Field(default=0.5, gt=0)
    high_water: int = Field(default=100_000, ge=1)
    graceful_seconds: float = Field(default=15.0, ge=0)
    end_when_idle_seconds: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _waits_for_what_the_dead_held(self) -> Self:
        if 0 < self.end_when_idle_seconds <= self.lease_seconds:
            raise ValueError("end_when_idle_seconds must be more than lease_seconds, or 0")
        return self
