"""Every message, in pipeline order.

A message is JSON on a Redis stream (see `shared/topology.py` for which). It is immutable, refers
to document bodies by their hash, and carries what the next stage needs so that no stage has to
ask another. `schema_version` rises when an old reader would misread a new message.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared import ids

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, StringConstraints(min_length=1)]


class Message(BaseModel):
    """What every message has."""

    model_config = ConfigDict(frozen=True)

    schema_version: Literal[1] = 1


class Source(BaseModel):
    """Where a passage comes from.

    Attributes:
        document_id: uuid5 of the URI, or of the key the user gave.
        uri: the document's address, as it was submitted.
        title: its title; empty when it has none.
        revision: SHA-256 of the document's bytes.
        text_blob: SHA-256 under which the extracted text lies in the blob store.
        sequence: where the submission stands among all; of two revisions the greater one wins.
    """

    model_config = ConfigDict(frozen=True)

    document_id: UUID
    uri: Text
    title: str = ""
    revision: Sha256
    text_blob: Sha256
    sequence: str


class Passage(BaseModel):
    """A stretch of a document's extracted text.

    Attributes:
        char_start: first character, counted from 0 in the extracted text.
        char_end: one past the last; `extracted_text[char_start:char_end] == text`.
        heading_path: the headings above it, outermost first.
        page: the page it begins on, from 1, where the format has pages.
    """

    model_config = ConfigDict(frozen=True)

    passage_id: UUID
    text: Text
    char_start: int = Field(ge=0)
    char_end: int = Field(gt=0)
    heading_path: tuple[str, ...] = ()
    page: int | None = None


class Maker(BaseModel):
    """What wrote a text: enough to write it again.

    Attributes:
        model: the model's reference, as in the settings.
        prompt: name and fingerprint of the prompt, such as `summary/1f3a...`.
        decoding: the decoding settings as compact JSON.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    prompt: str
    decoding: str

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change with the model, the prompt or the decoding settings."""
        return ids.fingerprint(self.model, self.prompt, self.decoding)


class DocumentMessage(Message):
    """A message about a whole document.

    Attributes:
        uri: the document's address; names it in the dataset and in search results.
        document_key: identity to use instead of the URI, for documents that move.
        sequence: where the message stands among all; given by the stream, not by the client.
    """

    uri: Text
    document_key: str = ""
    sequence: str = ""

    @property
    def document_id(self) -> UUID:
        """Identity of the document."""
        return ids.document_id(self.document_key or self.uri)


class DocumentSubmitted(DocumentMessage):
    """A document to take in. Give its body by `blob`, by `text`, or let a http(s) `uri` be fetched.

    Attributes:
        blob: SHA-256 of a body already in the blob store.
        text: the body itself, for small documents from plain clients.
        media_type: such as `text/html`; guessed from the URI and the bytes when empty.
        recipe: fingerprint of how examples shall be made; another one makes them all anew.
    """

    blob: Sha256 | None = None
    text: str | None = None
    media_type: str = ""
    recipe: str = ""

    @model_validator(mode="after")
    def _one_body(self) -> DocumentSubmitted:
        if self.blob is not None and self.text is not None:
            raise ValueError("give the body by blob or by text, not by both")
        return self


class DocumentRemoved(DocumentMessage):
    """A document to take out, with everything made of it."""


class PassageMessage(Message):
    """A message about one passage of one document, in one incarnation."""

    source: Source
    passage: Passage


class PassageExtracted(PassageMessage):
    """A passage that is new in its document."""


class PassageRetracted(Message):
    """A passage that is no longer in its document.

    `sequence` is the one it was extracted with: it names the incarnation that ends.
    """

    document_id: UUID
    passage_id: UUID
    sequence: str


class PassageSummarized(PassageMessage):
    """A passage with its summary, which becomes the answer.

    Attributes:
        others: summaries of other parts of the passage, for questions of their own.
    """

    summary: Text
    summary_maker: Maker
    others: list[Text] = Field(default_factory=list)


class QuestionGenerated(PassageMessage):
    """A question to the summary as its answer: the `ordinal`-th of `total` for this passage.

    Attributes:
        scores: what a model found about it, by name; the curator, which has none, judges by them
            and does without those that are missing.
        vector: the question's embedding (`shared/embedding/packing.py`); empty where there is none.
    """

    summary: Text
    summary_maker: Maker
    question: str
    question_maker: Maker
    ordinal: int = Field(ge=0, default=0)
    total: int = Field(ge=1, default=1)
    scores: dict[str, float] = Field(default_factory=dict)
    vector: str = ""

    @property
    def example_id(self) -> UUID:
        """Identity of the example this question makes."""
        made = self.summary_maker.fingerprint + self.question_maker.fingerprint
        return ids.example_id(self.passage.passage_id, made, self.ordinal)


class Request(Message):
    """Something a client asks for; asking again with the same id asks once."""

    request_id: UUID = Field(default_factory=uuid4)


class DatasetRequested(Request):
    """Build a dataset version of all that has been curated.

    Attributes:
        decontaminate: names of files whose questions and texts may not be in it, by the SHA-256 of
            each in the blob store. They come on top of those of the curator's settings.
    """

    decontaminate: dict[Sha256, str] = Field(default_factory=dict)


class TrainingRequested(Request):
    """Tune a model on a dataset by one method.

    Attributes:
        dataset: a version of the dataset (`latest`, `v3`) or a file the trainer can read.
        method: such as `lora`; see `services/trainer/methods`.
        model: reference of the model to tune; empty for the trainer's own choice.
        settings: of the data and of the method.
        run: name of the run; empty to derive one, which the same request always gets. Two
            requests of one run do its work once.
    """

    dataset: Text
    method: Text
    model: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    run: str = ""


# Events: nobody has to act on them and anyone may watch.


class PassageIndexed(Message):
    """A passage can be found by searching."""

    document_id: UUID
    passage_id: UUID
    sequence: str


class ExampleCurated(Message):
    """An example was judged."""

    document_id: UUID
    passage_id: UUID
    sequence: str
    example_id: UUID
    status: Literal["accepted", "rejected"]
    reasons: tuple[str, ...] = ()


class DocumentCompleted(Message):
    """Every passage of the document has been through every stage, or is a dead letter."""

    document_id: UUID
    sequence: str


class DatasetBuilt(Message):
    """A dataset version can be read; version 0 says that there was nothing to build."""

    request_id: UUID
    version: int
    accepted: int
    rejected: int


class TrainingProgressed(Message):
    """How far a training run is; at most one a second for each run.

    Attributes:
        phase: `loading`, `training`, `searching` or `scoring`.
        step, steps: of this phase; 0 steps where their number is not known.
    """

    request_id: UUID
    run: str
    phase: str
    step: int
    steps: int
    loss: float | None = None
    tokens_per_second: float | None = None
    seconds_left: float | None = None


class TrainingCompleted(Message):
    """A training run has ended, well or not.

    Attributes:
        artifact: folder of what was trained; empty where nothing was.
        error: why it failed, and what to do about it.
        result: the run's `result.json`.
    """

    request_id: UUID
    run: str
    status: Literal["completed", "failed", "cancelled"]
    artifact: str = ""
    error: str = ""
    result: dict[str, Any] = Field(default_factory=dict)
