"""From messages to what the scripts shall do: pure, no Redis.

Three kinds of message are told apart by what guards them:

- about a document: of two submissions the later wins, whatever order they are handled in;
- about a passage: it counts only while the passage's incarnation is in the document, and each
  stage does it once (its mark in the ledger);
- that a passage is gone: its effect is the same however often; that it is awaited is noted once
  for each group;
- a request: done once (its mark).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared import messages as m
from shared.delivery.envelope import subject_id
from shared.delivery.outcome import Outcome
from shared.topology import Keys, stream_of

REQUESTS_REMEMBERED_SECONDS = 7 * 24 * 3600

_MARKS = {
    "summarizer": "summarized",
    "question_generator": "questioned",
    "indexer": "indexed",
}


@dataclass(frozen=True)
class Subject:
    """What guards one message in one service.

    Attributes:
        ledger: key of the ledger concerned; empty for a message that nothing is known of.
        fence: field and value that the ledger must (or, for documents, must not yet) have.
        mark: field that says that this service is done with this message.
        passage: id of the passage whose message it is.
        awaited: field that is there until this service has settled this retraction.
    """

    ledger: str
    fence: tuple[str, str] = ("", "")
    mark: str = ""
    passage: str = ""
    awaited: str = ""

    def guards(self) -> dict[str, Any]:
        """Return what commit.lua and fail.lua have to know of it."""
        guards: dict[str, Any] = {}
        if self.passage:
            guards |= {"fence": list(self.fence), "passage": self.passage}
        if self.awaited:
            guards["awaited"] = self.awaited
        return guards


def subject_of(message: m.Message | None, service: str, keys: Keys) -> Subject:
    """Return what guards `message` when `service` handles it; None is an unreadable message."""
    if message is None:
        return Subject(ledger=keys.ledger("unreadable"))
    ledger = keys.ledger(subject_id(message))
    match message:
        case m.DocumentMessage():
            return Subject(ledger, fence=("sequence", message.sequence))
        case m.PassageRetracted():
            return Subject(ledger, awaited=_awaited(message, service))
        case m.PassageMessage():
            pid = str(message.passage.passage_id)
            mark = f"mark:{pid}:{service}"
            if isinstance(message, m.QuestionGenerated):
                mark += f":{message.ordinal}"
            fence = (f"passage:{pid}", message.source.sequence)
            return Subject(ledger, fence=fence, mark=mark, passage=pid)
        case _:
            return Subject(ledger, mark="mark:done")


def mark_value(service: str, outputs: Sequence[m.Message]) -> str:
    """Return what the mark says: the name of the counter this message moves to."""
    for output in outputs:
        if isinstance(output, m.ExampleCurated):
            return output.status
    return _MARKS.get(service, "done")


def commit_plan(
    message: m.Message, subject: Subject, service: str, outcome: Outcome, first_key: int
) -> dict[str, Any]:
    """Return the part of commit.lua's plan that follows from the message and its outcome.

    Args:
        message: the message handled.
        subject: what guards it.
        service: the service that handled it.
        outcome: what the handler gave back.
        first_key: index in KEYS of the first output stream; they follow in `output_streams` order.
    """
    streams = output_streams(outcome.messages)
    at = {name: first_key + i for i, name in enumerate(streams)}
    plan: dict[str, Any] = {
        "outs": [
            [at[stream_of(output).name], len(stream_of(output).groups), _passage(output)]
            for output in outcome.messages
        ],
        **subject.guards(),
    }
    if subject.mark:
        plan["mark"] = [subject.mark, mark_value(service, outcome.messages)]
    if isinstance(message, m.Request):
        plan["expire"] = REQUESTS_REMEMBERED_SECONDS
    plan.update(_passage_changes(outcome.messages))
    questions = sum(isinstance(output, m.QuestionGenerated) for output in outcome.messages)
    if questions and isinstance(message, m.PassageMessage):
        plan["questions"] = [str(message.passage.passage_id), questions]
    if outcome.document is not None:
        plan["document"] = outcome.document.fields()
        plan["base"] = outcome.document.base
        plan["score"] = score_of(outcome.document.sequence)
    return plan


def _passage_changes(outputs: Sequence[m.Message]) -> dict[str, Any]:
    introduced = {
        str(output.passage.passage_id): output.source.sequence
        for output in outputs
        if isinstance(output, m.PassageExtracted)
    }
    retracted = [
        [str(out.passage_id), awaited_by(out)]
        for out in outputs
        if isinstance(out, m.PassageRetracted)
    ]
    changes: dict[str, Any] = {}
    if introduced:
        changes["introduced"] = introduced
    if retracted:
        changes["retracted"] = retracted
    return changes


def _passage(output: m.Message) -> str:
    return str(output.passage.passage_id) if isinstance(output, m.PassageMessage) else ""


def awaited_by(message: m.PassageRetracted) -> list[str]:
    """Return the ledger's fields that are there until each group has settled the retraction."""
    return [_awaited(message, group) for group in stream_of(message).groups]


def _awaited(message: m.PassageRetracted, service: str) -> str:
    return f"gone:{message.passage_id}:{message.sequence}:{service}"


def output_streams(outputs: Sequence[m.Message]) -> list[str]:
    """Return the names of the streams `outputs` go to, each once, in order of first use."""
    return list(dict.fromkeys(stream_of(output).name for output in outputs))


def score_of(sequence: str) -> int:
    """Return a submission's place in the sorted set of documents: its milliseconds."""
    return int(sequence.partition("-")[0])
