"""What the services ask of a language model, whatever runs it.

A `Prompt` states one task in the forms that different models want; an engine picks the form that
suits its model and fills it in with a `GenerationRequest`. The cores never see which.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, Protocol

from shared import ids

Kind = Literal["causal", "seq2seq", "endpoint"]
Form = Literal["chat", "completion", "seq2seq"]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One turn of a conversation. Its content is a template, see `Prompt`."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """One task, worded for every kind of model.

    The texts are `str.format` templates. `{passage}` is the only slot that an engine may shorten
    when the whole does not fit the model's context; the others are filled in as they are.

    Attributes:
        name: what it is for, such as `summary`.
        chat: for endpoints and models tuned on conversations.
        completion: for models that continue a text; usually a few worked examples and an open end.
        seq2seq: for encoder-decoder models.
        causal_form: which of `chat` and `completion` a local causal model gets. Small models often
            do better on worked examples although they are tuned on conversations. A model without
            a chat template gets `completion` anyway.
        stop: strings that end the completion form; the text before the first of them is the answer.
        max_new_tokens: longest output, in the model's tokens.
        candidates: how many alternatives to return; they begin differently where the engine can
            make them so.
    """

    name: str
    chat: tuple[ChatMessage, ...]
    completion: str
    seq2seq: str
    causal_form: Literal["chat", "completion"] = "chat"
    stop: tuple[str, ...] = ()
    max_new_tokens: int = 64
    candidates: int = 1

    @property
    def identity(self) -> str:
        """The name and 16 hex digits that change with any word or number of the prompt."""
        content = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        return f"{self.name}/{ids.fingerprint(content)}"


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """A prompt and what goes into it.

    Attributes:
        passage: the text it is about; shortened from its end if it must be.
        fields: values of the prompt's other slots.
    """

    prompt: Prompt
    passage: str
    fields: Mapping[str, str] = field(default_factory=dict)


class TextGenerator(Protocol):
    """A language model that writes text.

    The same request gives the same text, whatever else is asked at the same time.

    Attributes:
        model: its reference, as in the settings.
        kind: what sort of model it is.
        tuned: whether an adapter has tuned it for its task, so that it wants no worked examples.
        decoding: compact JSON of the engine's settings that can change the text.
    """

    model: str
    kind: Kind
    tuned: bool
    decoding: str

    async def generate(self, request: GenerationRequest) -> list[str]:
        """Return the candidates; at least one, none empty.

        A local model gives them in order, the likeliest first: by the log-probability of the first
        token plus the mean of the others'.

        Raises:
            GenerationFailed: the model gave nothing usable.
            EndpointUnreachable: the endpoint is down or busy; worth another try.
            EndpointRefused: the endpoint will not answer this.
        """
        ...

    async def load(self) -> None:
        """Load the model now rather than at the first request."""
        ...

    async def aclose(self) -> None:
        """Finish what is asked for and let the model go."""
        ...
