"""Messages are a contract with programs we have not written: golden JSON pins each."""

import json
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import ValidationError

from shared import ids
from shared import messages as m
from shared.delivery.envelope import body_of, decode, encode, sequence_of, sortable
from shared.errors import InvalidMessage, UnknownSchemaVersion
from shared.topology import STREAMS

GOLDEN = Path(__file__).parent / "golden" / "messages.json"
DOCUMENT = ids.document_id("https://example.org/page")
REQUEST = UUID(int=7)
PASSAGE = m.Passage(
    passage_id=ids.passage_id(DOCUMENT, "Water boils."),
    text="Water boils.",
    char_start=10,
    char_end=22,
    heading_path=("Physics", "Water"),
    page=2,
)
SOURCE = m.Source(
    document_id=DOCUMENT,
    uri="https://example.org/page",
    title="Physics",
    revision="a" * 64,
    text_blob="b" * 64,
    sequence="001718000000000-000003",
)
MAKER = m.Maker(model="pkg:x/y", prompt="summary/1", decoding="{}")
SUMMARY = {"source": SOURCE, "passage": PASSAGE, "summary": "It boils.", "summary_maker": MAKER}
PID = PASSAGE.passage_id
INCARNATION = {"document_id": DOCUMENT, "passage_id": PID, "sequence": SOURCE.sequence}
QUESTION = m.QuestionGenerated(
    **SUMMARY,
    question="What does water do?",
    question_maker=MAKER,
    scores={"round_trip": 0.9},
    vector="f4E=",
)

EXAMPLES: list[m.Message] = [
    m.DocumentSubmitted(uri="https://example.org/page", blob="a" * 64, recipe="r"),
    m.DocumentRemoved(uri="https://example.org/page"),
    m.PassageExtracted(source=SOURCE, passage=PASSAGE),
    m.PassageRetracted(**INCARNATION),
    m.PassageSummarized(**SUMMARY, others=["It freezes."]),
    QUESTION,
    m.DatasetRequested(request_id=REQUEST, decontaminate={"a" * 64: "test.jsonl"}),
    m.TrainingRequested(request_id=REQUEST, dataset="1", method="lora"),
    m.PassageIndexed(**INCARNATION),
    m.ExampleCurated(
        **INCARNATION, example_id=QUESTION.example_id, status="rejected", reasons=("copied",)
    ),
    m.DocumentCompleted(document_id=DOCUMENT, sequence=SOURCE.sequence),
    m.DatasetBuilt(request_id=REQUEST, version=3, accepted=10, rejected=1),
    m.TrainingProgressed(
        request_id=REQUEST, run="lora-3f2a91c0", phase="training", step=1, steps=10, loss=0.5
    ),
    m.TrainingCompleted(
        request_id=REQUEST, run="lora-3f2a91c0", status="completed", artifact="runs/7"
    ),
]


def test_the_json_of_every_message_is_the_golden_one() -> None:
    written = {type(each).__name__: each.model_dump(mode="json") for each in EXAMPLES}
    assert set(written) == {stream.message.__name__ for stream in STREAMS}
    assert written == json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda each: type(each).__name__)
async def test_a_message_comes_back_from_its_envelope(message: m.Message) -> None:
    body = body_of({b"__data__": await encode(message)})
    assert decode(type(message), body) == message


def test_unknown_fields_of_a_newer_writer_are_ignored() -> None:
    assert decode(m.DocumentRemoved, b'{"uri": "a", "colour": "red"}').uri == "a"


@pytest.mark.parametrize("version", [2, "2", 0, None])
def test_an_unknown_schema_version_is_named(version: object) -> None:
    body = json.dumps({"uri": "a", "schema_version": version}).encode()
    with pytest.raises(UnknownSchemaVersion, match="schema version"):
        decode(m.DocumentRemoved, body)


def test_an_invalid_message_says_which_field() -> None:
    with pytest.raises(InvalidMessage, match="uri"):
        decode(m.DocumentSubmitted, b"{}")


def test_two_bodies_are_refused() -> None:
    with pytest.raises(ValidationError, match="not by both"):
        m.DocumentSubmitted(uri="a", blob="a" * 64, text="b")


def test_messages_are_immutable() -> None:
    with pytest.raises(ValidationError):
        QUESTION.question = "Other?"  # type: ignore[misc]


def test_sequences_sort_as_the_stream_does() -> None:
    entries = ["9-1", "10-0", "10-2", "10-10", "1718000000000-0"]
    assert sorted(map(sortable, entries)) == [sortable(entry) for entry in entries]


def test_a_replayed_submission_keeps_its_place() -> None:
    fields = {b"__sequence__": b"000000000000001-000000"}
    assert sequence_of("999-0", fields) == "000000000000001-000000"


def test_the_same_text_in_two_documents_is_two_passages() -> None:
    other = ids.document_id("https://example.org/other")
    assert ids.passage_id(DOCUMENT, "Same.") != ids.passage_id(other, "Same.")


def test_an_example_changes_with_what_made_it() -> None:
    other = QUESTION.model_copy(
        update={"question_maker": MAKER.model_copy(update={"model": "other"})}
    )
    assert other.example_id != QUESTION.example_id
