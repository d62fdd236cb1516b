"""Text to tokens and back: `tokenizers`, and jinja2 for chat templates; no transformers."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.errors import ModelUnsupported
from shared.generation import rendering
from shared.generation.port import ChatMessage, Form, GenerationRequest, Kind, Prompt

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class Tokens:
    """A model's tokenizer together with the way its prompts are put together.

    Args:
        tokenizer: the tokenizer proper.
        kind: the model's kind, which decides the form of the prompts.
        chat_template: the model's own jinja template; empty for a model without one.
        special: the texts of the special tokens, such as `bos_token`.
    """

    def __init__(
        self, tokenizer: Tokenizer, kind: Kind, chat_template: str, special: dict[str, str]
    ) -> None:
        self._tokenizer = tokenizer
        self._kind = kind
        self._chat_template = chat_template
        self._special = special
        self._ends: dict[tuple[str, ...], list[int]] = {}

    @classmethod
    def read(cls, folder: Path, kind: Kind) -> Tokens:
        """Read the tokenizer of a folder as `save_pretrained` writes it.

        Raises:
            ModelUnsupported: the folder has no `tokenizer.json`.
        """
        from tokenizers import Tokenizer

        file = folder / "tokenizer.json"
        if not file.is_file():
            raise ModelUnsupported(f"The model in {folder} has no tokenizer.json.")
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        template = folder / "chat_template.jinja"
        text = template.read_text(encoding="utf-8") if template.is_file() else ""
        return cls(
            Tokenizer.from_file(str(file)), kind, text or _template_of(config), _special_of(config)
        )

    def form(self, prompt: Prompt) -> Form:
        """Return the form of the prompt that this model gets."""
        if self._kind == "seq2seq":
            return "seq2seq"
        return "chat" if prompt.causal_form == "chat" and self._chat_template else "completion"

    def encode(self, request: GenerationRequest, room: int) -> tuple[list[int], list[int]]:
        """Return the ids of the prompt's constant beginning and of the rest, at most `room` in all.

        The two are encoded apart, so that the rest is the same whether or not an engine keeps the
        beginning.
        """
        form = self.form(request.prompt)
        prefix = rendering.constant_prefix(request.prompt, form)
        head = self._ids(prefix, special=True) if prefix else []

        def rest(passage: str) -> list[int]:
            if form == "chat":
                text = self._chat(rendering.fill_chat(request, passage))
                return self._ids(text, special=False)
            template = request.prompt.seq2seq if form == "seq2seq" else request.prompt.completion
            text = rendering.fill(template[len(prefix) :], request, passage)
            return self._ids(text, special=not prefix)

        passage = rendering.fit(request, lambda each: len(head) + len(rest(each)), room)
        return head, rest(passage)

    def tokens(self, ids: list[int]) -> list[str]:
        """Return the tokens' texts, as the vocabulary spells them."""
        return [self._tokenizer.id_to_token(each) or "" for each in ids]

    def id_of(self, token: str) -> int:
        """Return the id of a token as the vocabulary spells it."""
        return int(self._tokenizer.token_to_id(token) or 0)

    def decode(self, ids: list[int], prompt: Prompt) -> str:
        """Return the text of generated ids, up to the prompt's stop."""
        text = self._tokenizer.decode(ids, skip_special_tokens=True)
        if self.form(prompt) == "completion":
            text = rendering.cut_at_stop(text, prompt.stop)
        return text.strip()

    def ends(self, prompt: Prompt) -> list[int]:
        """Return the ids that end the output: end of text, and tokens that begin with a stop."""
        stop = prompt.stop if self.form(prompt) == "completion" else ()
        if stop not in self._ends:
            found = [i for i, text in self._texts.items() if stop and text.startswith(stop)]
            self._ends[stop] = sorted({*self._end_of_text, *found})
        return self._ends[stop]

    @cached_property
    def _texts(self) -> dict[int, str]:
        return {i: self._tokenizer.decode([i]) for i in range(self._tokenizer.get_vocab_size())}

    @cached_property
    def _end_of_text(self) -> list[int]:
        found = self._tokenizer.token_to_id(self._special.get("eos_token", ""))
        return [] if found is None else [found]

    def _ids(self, text: str, *, special: bool) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=special).ids
        return ids

    @cached_property
    def _template(self) -> Any:
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        # The options with which transformers renders the same templates.
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _refuse
        return environment.from_string(self._chat_template)

    def _chat(self, messages: tuple[ChatMessage, ...]) -> str:
        from jinja2 import TemplateError

        turns = [{"role": each.role, "content": each.content} for each in messages]
        try:
            text: str = self._template.render(
                messages=turns, add_generation_prompt=True, **self._special
            )
        except TemplateError as error:
            raise ModelUnsupported(
                f"The model's chat template cannot be used: {error}",
                "Serve the model behind an OpenAI-compatible endpoint instead.",
            ) from error
        return text


def _refuse(message: str) -> None:
    from jinja2 import TemplateError

    raise TemplateError(message)


def _template_of(config: dict[str, Any]) -> str:
    found = config.get("chat_template") or ""
    if isinstance(found, list):  # several, by name
        named = {each["name"]: each["template"] for each in found}
        found = named.get("default", "")
    return str(found)


def _special_of(config: dict[str, Any]) -> dict[str, str]:
    special: dict[str, str] = {}
    for name in ("bos_token", "eos_token", "pad_token", "unk_token"):
        value = config.get(name)
        text = value.get("content") if isinstance(value, dict) else value
        if isinstance(text, str):
            special[name] = text
    return special
