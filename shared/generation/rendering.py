"""From a request to the text a model reads, shortened where it does not fit.

Only the passage is ever shortened: an instruction without its end asks for something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from shared.errors import GenerationFailed
from shared.generation.port import ChatMessage, Form, GenerationRequest, Prompt

_SENTENCE_END = re.compile(r"[.!?][\"')\]]*(?=\s)")


def fill(template: str, request: GenerationRequest, passage: str | None = None) -> str:
    """Return the template with the request's values; `passage` stands in for the request's own."""
    text = request.passage if passage is None else passage
    return template.format(passage=text, **request.fields)


def fill_chat(request: GenerationRequest, passage: str | None = None) -> tuple[ChatMessage, ...]:
    """Return the conversation with the request's values."""
    return tuple(
        ChatMessage(message.role, fill(message.content, request, passage))
        for message in request.prompt.chat
    )


def constant_prefix(prompt: Prompt, form: Form) -> str:
    """Return the text every request of this prompt begins with, up to a whole line.

    Engines that can keep a model's state after a prefix compute it once.
    """
    if form != "completion":
        return ""
    head = prompt.completion.split("{", 1)[0]
    return head[: head.rfind("\n") + 1]


def cut_at_stop(text: str, stop: tuple[str, ...]) -> str:
    """Return what stands before the first stop string."""
    ends = [at for at in (text.find(each) for each in stop) if at >= 0]
    return text[: min(ends)] if ends else text


def fit(request: GenerationRequest, length: Callable[[str], int], room: int) -> str:
    """Return the longest beginning of the passage with which the prompt fits.

    Args:
        request: the request.
        length: tokens of the whole prompt, given a passage.
        room: most tokens there is room for.

    Raises:
        GenerationFailed: the prompt does not fit even without a passage.
    """
    passage = request.passage
    if length(passage) <= room:
        return passage
    if length("") >= room:
        raise GenerationFailed(
            f"The prompt {request.prompt.name!r} alone is longer than the {room} tokens this model "
            "has room for.",
            "Use a model with a longer context.",
        )
    low, high = 0, len(passage)
    while low < high:
        middle = (low + high + 1) // 2
        if length(passage[:middle]) <= room:
            low = middle
        else:
            high = middle - 1
    return _whole_sentences(passage[:low])


def _whole_sentences(text: str) -> str:
    """Return `text` without its broken last sentence, or without its broken last word."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    if ends and ends[-1] > len(text) // 2:
        return text[: ends[-1]]
    head, space, _ = text.rpartition(" ")
    return head.rstrip() if space else text
