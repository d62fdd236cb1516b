"""One delivery, from lease to commit: what makes every handler effectively-once.

A handler takes a message and returns messages. This middleware holds its lease while it runs,
then commits its outputs, the ledger and the acknowledgement in one script; or, when it fails,
parks the message for another try or moves it to the dead letters.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog
from faststream import BaseMiddleware

from shared import messages as m
from shared import tracing
from shared.delivery.activity import Activity
from shared.delivery.dead import new_letter
from shared.delivery.envelope import (
    DATA,
    body_of,
    encode,
    header,
    sequence_of,
    sortable,
    subject_id,
)
from shared.delivery.observed import count_changes, is_about, observed
from shared.delivery.outcome import Outcome
from shared.delivery.plan import commit_plan, output_streams, score_of, subject_of
from shared.delivery.scripts import Lease, Scripts
from shared.errors import DeliveredTooOften, GristmillError, GroupGone, InvalidMessage
from shared.telemetry import DELIVERIES, HANDLER_SECONDS
from shared.topology import Stream

if TYPE_CHECKING:
    from faststream.message import StreamMessage

    from shared.delivery.housekeeping import Housekeeping
    from shared.delivery.settings import DeliverySettings

log = structlog.get_logger()

FIRST_OUTPUT_KEY = 5

Undo = Callable[[Any], Awaitable[None]]


class DeliveryMiddleware(BaseMiddleware[Any, Any]):
    """Wraps every handler of a service; made anew for every message."""

    def __init__(self, msg: Any, /, *, context: Any, stage: Stage) -> None:
        super().__init__(msg, context=context)
        self.stage = stage

    async def consume_scope(self, call_next: Any, msg: StreamMessage[Any]) -> None:
        """Run the handler under a lease and settle the message; never raises what it settled."""
        await Delivery(self.stage, msg).settle(call_next)


class Stage:
    """What all deliveries of one stream in one service share."""

    def __init__(
        self,
        service: str,
        stream: Stream,
        consumer: str,
        settings: DeliverySettings,
        scripts: Scripts,
        housekeeping: Housekeeping,
        undo: Undo | None,
        activity: Activity,
    ) -> None:
        self.service = service
        self.stream = stream
        self.consumer = consumer
        self.settings = settings
        self.scripts = scripts
        self.housekeeping = housekeeping
        self.undo = undo
        self.activity = activity


class Delivery:
    """One message in one service."""

    def __init__(self, stage: Stage, msg: StreamMessage[Any]) -> None:
        raw = msg.raw_message
        self.stage = stage
        self.scripts = stage.scripts
        self.msg = msg
        self.fields = raw["data"]
        self.lease = Lease(
            raw["channel"], stage.service, stage.consumer, raw["message_ids"][0].decode()
        )
        self.message: m.Message | None = None
        self.subject = subject_of(None, stage.service, self.scripts.keys)
        self.deliveries = 0
        self.correlation_id = header(msg.headers, "correlation_id")
        self._heart: asyncio.Task[None] | None = None

    async def settle(self, call_next: Any) -> None:
        """Bring the message to its end: committed, parked, buried, or left to its new holder."""
        service, stream = self.stage.service, self.stage.stream.name
        started = time.monotonic()
        with self.stage.activity.at_work(), observed(self.lease, stream, self.msg.headers):
            verdict = (await self._to_verdict(call_next)).lower()
            tracing.note({"gristmill.verdict": verdict})
        DELIVERIES.labels(service, stream, verdict).inc()
        HANDLER_SECONDS.labels(service, stream).observe(time.monotonic() - started)

    async def _to_verdict(self, call_next: Any) -> str:
        try:
            return await self._handled(call_next)
        except asyncio.CancelledError:
            with suppress(Exception):
                await asyncio.shield(self._park(0))
            raise
        except GroupGone as error:
            log.warning("left", error=str(error))
            return "GONE"
        finally:
            if self._heart is not None:
                self._heart.cancel()

    async def _handled(self, call_next: Any) -> str:
        try:
            return await self._handle(call_next)
        except GroupGone:
            raise
        except Exception as error:
            tracing.note({}, error)
            return await self._fail(error)

    async def _handle(self, call_next: Any) -> str:
        self.message = message = await self._decoded()
        self.correlation_id = self.correlation_id or subject_id(message)
        is_about(subject_id(message), self.correlation_id)
        self.subject = subject_of(message, self.stage.service, self.scripts.keys)
        verdict = await self._begin()
        if verdict in {"GONE", "STOLEN"}:
            return verdict
        if verdict != "MINE":
            return await self._drop(verdict)
        self._heart = asyncio.create_task(self._heartbeat())
        await self.stage.housekeeping.room()
        return await self._run(call_next)

    async def _decoded(self) -> m.Message:
        try:
            message: Any = await self.msg.decode()
        except GristmillError:
            raise
        except Exception as error:  # whatever it is, it will be the same the next time
            raise InvalidMessage(f"This message cannot be read: {error!r}.") from error
        assert isinstance(message, m.Message)
        return message

    async def _begin(self) -> str:
        verdict, self.deliveries = await self.scripts.begin(self.lease, self.subject)
        if verdict == "MINE" and self.deliveries > self.stage.settings.max_deliveries:
            raise DeliveredTooOften(
                f"Delivered {self.deliveries} times and never finished.",
                "It may kill the process that handles it: try it alone with "
                "`gristmill dead replay`, and watch the service's log and memory.",
            )
        return verdict

    async def _run(self, call_next: Any) -> str:
        while True:
            result = await call_next(self.msg)
            outcome = result if isinstance(result, Outcome) else Outcome(tuple(result or ()))
            verdict = await self._commit(outcome)
            if verdict in {"RETRACTED", "SUPERSEDED"}:
                return await self._drop(verdict)
            if verdict != "CONFLICT":
                return verdict

    async def _commit(self, outcome: Outcome, *, drop: bool = False) -> str:
        assert self.message is not None
        plan = commit_plan(
            self.message, self.subject, self.stage.service, outcome, FIRST_OUTPUT_KEY
        )
        plan |= {"sole": self._sole, "drop": drop}
        verdict, longest = await self.scripts.commit(
            self.lease,
            self.subject.ledger,
            plan,
            output_streams(outcome.messages),
            [await encode(output, self.correlation_id) for output in outcome.messages],
            await self._completed(outcome),
        )
        self.stage.housekeeping.written(longest)
        if verdict == "DONE":
            count_changes(self.stage.service, plan)
        return verdict

    async def _drop(self, verdict: str) -> str:
        """Acknowledge without outputs, taking back what an earlier try may have left outside."""
        if verdict == "RETRACTED" and self.stage.undo is not None:
            await self.stage.undo(self.message)
        await self._commit(Outcome(), drop=True)
        log.debug("dropped", verdict=verdict)
        return verdict

    async def _fail(self, error: Exception) -> str:
        retryable = not isinstance(error, GristmillError) or error.retryable
        settings = self.stage.settings
        if retryable and self.deliveries < settings.max_deliveries:
            backoff = settings.backoff_seconds * 2 ** max(self.deliveries - 1, 0)
            delay = min(backoff, settings.lease_seconds) * random.uniform(0.5, 1.0)
            log.warning("will retry", seconds=round(delay, 2), error=str(error))
            return await self._park(delay)
        verdict = await self._bury(error)
        return await self._drop(verdict) if verdict == "RETRACTED" else verdict

    async def _park(self, delay: float) -> str:
        lease_ms = int(self.stage.settings.lease_seconds * 1000)
        plan = {"park": max(lease_ms - int(delay * 1000), 0)}
        return await self.scripts.fail(self.lease, self.subject.ledger, plan, b"", b"")

    async def _bury(self, error: Exception) -> str:
        log.error("dead letter", error=str(error), uri=self._uri)
        letter = new_letter(
            error,
            service=self.stage.service,
            uri=self._uri,
            entry_id=self.lease.entry_id,
            sequence=self._sequence,
            deliveries=self.deliveries,
        )
        plan: dict[str, Any] = {"letter": letter, "sole": self._sole, **self.subject.guards()}
        if isinstance(self.message, m.DocumentMessage):
            plan |= _failed_document(self.message, letter["error"])
        elif self.subject.mark:
            plan["mark"] = self.subject.mark
        payload = self.fields.get(DATA) or body_of(self.fields)
        return await self.scripts.fail(
            self.lease, self.subject.ledger, plan, payload, await self._completed(Outcome())
        )

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(self.stage.settings.lease_seconds / 3)
            with suppress(Exception):  # the next one tells
                if not await self.scripts.touch(self.lease):
                    return

    async def _completed(self, outcome: Outcome) -> bytes:
        """The document.completed event to write if this commit leaves nothing open."""
        source = outcome.document or getattr(self.message, "source", None) or self.message
        document_id = getattr(source, "document_id", None)
        if document_id is None or isinstance(self.message, m.Request):
            return b""
        sequence = getattr(source, "sequence", "")
        event = m.DocumentCompleted(document_id=document_id, sequence=sequence)
        return await encode(event, self.correlation_id)

    @property
    def _sequence(self) -> str:
        try:
            return sequence_of(self.lease.entry_id, self.fields)
        except InvalidMessage:
            return sortable(self.lease.entry_id)

    @property
    def _sole(self) -> bool:
        return len(self.stage.stream.groups) == 1

    @property
    def _uri(self) -> str:
        about = getattr(self.message, "source", None) or self.message
        return str(getattr(about, "uri", ""))


def _failed_document(message: m.DocumentMessage, error: str) -> dict[str, Any]:
    return {
        "document": {
            "document_id": str(message.document_id),
            "uri": message.uri,
            "failed_sequence": message.sequence,
            "error": error,
        },
        "score": score_of(message.sequence),
    }
