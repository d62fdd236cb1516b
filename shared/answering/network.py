"""A local model opened for tuning and answering: tokens, losses, answers and hidden states.

Batches are sorted by length and padded on the right; logits are computed only at the positions
that are scored, for at a vocabulary of 50,000 they cost as much as a third of a small model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from shared.answering.port import ContextTooLong, Example, Query
from shared.answering.template import Template
from shared.generation import loading, references

BATCH_TOKENS = 4096
"""Most tokens, padding counted, that go through the model at once where nothing is trained."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A prompt in tokens, with the answer to learn where there is one."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


class Network:
    """A causal or seq2seq model with its tokenizer.

    Attributes:
        model: the transformers model, or a PEFT model around it.
        kind: `causal` or `seq2seq`.
        shortened: how many passages had to be cut to fit the model.
    """

    def __init__(self, loaded: loading.Loaded, device: str = "") -> None:
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.model: Any = loaded.model.to(self.device)
        self.tokenizer: Any = loaded.tokenizer
        self.kind = loaded.kind
        self.context = loaded.context
        self.shortened = 0
        self.end = int(loaded.tokenizer.eos_token_id)
        self.padding = int(loaded.tokenizer.pad_token_id or 0)

    @classmethod
    def open(cls, reference: str, *, device: str = "") -> Network:
        """Load a model in float32.

        Raises:
            ModelNotFound: nothing there.
            ModelUnsupported: transformers cannot read it.
        """
        return cls(loading.load(references.locate(reference)), device)

    def wrap(self, model: Any) -> None:
        """Take the model with a PEFT adapter around it; virtual tokens take from the context."""
        self.model = model
        adapter = model.active_peft_config
        if adapter.is_prompt_learning:
            self.context -= adapter.num_virtual_tokens

    @property
    def chats(self) -> bool:
        """Whether the model has a chat template."""
        return self.kind == "causal" and bool(self.tokenizer.chat_template)

    def encode(
        self, template: Template, query: Query, answer: str = "", worked: Sequence[Example] = ()
    ) -> Encoded:
        """Put a query into tokens; worked examples, then the passage, are cut where it is too long.

        Raises:
            ContextTooLong: what cannot be cut does not fit.
        """
        target = self._answer_ids(template, answer) if answer else ()
        taken = len(target) or template.max_new_tokens
        room = self.context - (taken if self.kind == "causal" else 0)
        shown = list(worked)
        ids = self._prompt_ids(template, query, shown)
        while len(ids) > room and shown:
            shown.pop(0)
            ids = self._prompt_ids(template, query, shown)
        if len(ids) > room and query.context:
            self.shortened += 1
            ids = self._prompt_ids(template, self._cut(query, len(ids) - room), ())
        if len(ids) > room:
            raise ContextTooLong(
                f"A question of {len(ids)} tokens does not fit the model's {self.context}: "
                f"{query.question[:80]!r}.",
                "Shorten it, or choose a model with a longer context.",
            )
        return Encoded(tuple(ids), tuple(target))

    def losses(self, batch: Sequence[Encoded]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the summed negative log-likelihood of each answer (nats), and its tokens.

        Both of shape (len(batch),); the first carries gradients.
        """
        counts = torch.tensor([len(each.answer) for each in batch], device=self.device)
        with self._scored_only(batch):
            logits = self._forward(batch).logits[0]
        wanted = [token for each in batch for token in each.answer]
        each_token = cross_entropy(
            logits.float(), torch.tensor(wanted, device=self.device), reduction="none"
        )
        rows = torch.repeat_interleave(torch.arange(len(batch), device=self.device), counts)
        sums = torch.zeros(len(batch), device=self.device).index_add(0, rows, each_token)
        return sums, counts

    def mean_losses(self, encoded: Sequence[Encoded]) -> list[float]:
        """Return each answer's negative log-likelihood per token (nats), in order."""
        found = [0.0] * len(encoded)
        with torch.inference_mode():
            for indices in batches(encoded, BATCH_TOKENS):
                sums, counts = self.losses([encoded[index] for index in indices])
                for index, loss in zip(indices, (sums / counts).tolist(), strict=True):
                    found[index] = loss
        return found

    def generate(self, encoded: Sequence[Encoded], template: Template) -> list[str]:
        """Return greedy answers, in order."""
        from shared.answering.decoding import decode

        found = [""] * len(encoded)
        with torch.inference_mode():
            for indices in batches(encoded, BATCH_TOKENS, template.max_new_tokens):
                rows = decode(self, [encoded[i].prompt for i in indices], template)
                for index, row in zip(indices, rows, strict=True):
                    text = self.tokenizer.decode(row, skip_special_tokens=True)
                    found[index] = (
                        text.split(template.stop)[0] if template.stop else text
                    ).strip() or text.strip().split("\n")[0]
        return found

    def choose(
        self,
        template: Template,
        queries: Sequence[Query],
        labels: Sequence[str],
        worked: Sequence[Sequence[Example]] | None = None,
    ) -> list[str]:
        """Return the likeliest label for each query."""
        ends = [self._answer_ids(template, label) for label in labels]
        distinct = len({end[0] for end in ends}) == len(ends)
        shown = worked or [()] * len(queries)
        prompts = [
            self.encode(template, query, labels[0], shown[at]).prompt
            for at, query in enumerate(queries)
        ]
        if not distinct:  # labels that begin alike: each is read to its end
            asked = [Encoded(prompt, end) for prompt in prompts for end in ends]
            flat = self.mean_losses(asked)
            totals = [loss * len(each.answer) for loss, each in zip(flat, asked, strict=True)]
            rows = [totals[at : at + len(ends)] for at in range(0, len(totals), len(ends))]
            return [labels[min(range(len(ends)), key=row.__getitem__)] for row in rows]
        firsts = torch.tensor([end[0] for end in ends], device=self.device)
        return [labels[at] for at in self._likeliest(prompts, firsts)]

    def _likeliest(self, prompts: Sequence[tuple[int, ...]], firsts: torch.Tensor) -> list[int]:
        found = [0] * len(prompts)
        encoded = [Encoded(prompt, (self.end,)) for prompt in prompts]
        with torch.inference_mode():
            for indices in batches(encoded, BATCH_TOKENS):
                batch = [encoded[index] for index in indices]
                with self._scored_only(batch):
                    logits = self._forward(batch).logits[0]
                for index, best in zip(indices, logits[:, firsts].argmax(-1).tolist(), strict=True):
                    found[index] = best
        return found

    def _answer_ids(self, template: Template, answer: str) -> tuple[int, ...]:
        spaced = self.kind == "causal" and not (template.chat and self.chats)
        ids = self.tokenizer(f" {answer}" if spaced else answer, add_special_tokens=False)
        return (*ids["input_ids"], self.end)

    def _prompt_ids(self, template: Template, query: Query, worked: Sequence[Example]) -> list[int]:
        if template.chat and self.chats:
            text = self.tokenizer.apply_chat_template(
                template.turns(query, worked), tokenize=False, add_generation_prompt=True
            )
            return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])
        return list(self.tokenizer(template.completion(query, worked))["input_ids"])

    def _cut(self, query: Query, excess: int) -> Query:
        ids = self.tokenizer(query.context, add_special_tokens=False)["input_ids"]
        kept = ids[: max(len(ids) - excess - 2, 0)]
        return Query(query.question, self.tokenizer.decode(kept))

    def _forward(self, batch: Sequence[Encoded]) -> Any:
        if self.kind == "seq2seq":
            inputs, mask = self.padded([each.prompt for each in batch])
            start = self.model.config.decoder_start_token_id
            shifted, decoder_mask = self.padded([(start, *each.answer[:-1]) for each in batch])
            return self.model(
                input_ids=inputs,
                attention_mask=mask,
                decoder_input_ids=shifted,
                decoder_attention_mask=decoder_mask,
                use_cache=False,
            )
        # The last token is scored and never read.
        inputs, mask = self.padded([(*each.prompt, *each.answer)[:-1] for each in batch])
        return self.model(input_ids=inputs, attention_mask=mask, use_cache=False)

    def padded(
        self, rows: Sequence[Sequence[int]], *, left: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return ids and mask, both of shape (rows, longest row)."""
        longest = max(map(len, rows))
        ids = torch.full((len(rows), longest), self.padding)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for at, row in enumerate(rows):
            place = slice(longest - len(row), longest) if left else slice(0, len(row))
            ids[at, place] = torch.tensor(row)
            mask[at, place] = 1
        return ids.to(self.device), mask.to(self.device)

    @contextmanager
    def _scored_only(self, batch: Sequence[Encoded]) -> Iterator[None]:
        """Let the output layer see the scored positions alone: it gives (1, tokens, vocabulary).

        Virtual tokens that an adapter puts in front move the positions by as many.
        """
        head = self.model.get_output_embeddings()
        begins = [0 if self.kind == "seq2seq" else len(each.prompt) - 1 for each in batch]
        rows = torch.tensor([at for at, each in enumerate(batch) for _ in each.answer])
        places = torch.tensor(
            [begins[at] + n for at, each in enumerate(batch) for n in range(len(each.answer))]
        )
        longest = max(
            len(each.answer) if self.kind == "seq2seq" else len(each) - 1 for each in batch
        )

        def pick(_module: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
            hidden = inputs[0]
            moved = hidden.shape[1] - longest
            return (hidden[rows, places + moved].unsqueeze(0),)

        handle = head.register_forward_pre_hook(pick)
        try:
            yield
        finally:
            handle.remove()


def batches(encoded: Sequence[Encoded], tokens: int, extra: int = 0) -> Iterator[list[int]]:
    """Yield indices of items of like length, longest first, so many that padding stays small.

    Args:
        encoded: the items.
        tokens: most tokens in a batch, padding counted.
        extra: tokens that each item will grow by.
    """
    order = sorted(range(len(encoded)), key=lambda at: -len(encoded[at]))
    while order:
        count = max(1, tokens // (len(encoded[order[0]]) + extra))
        yield order[:count]
        order = order[count:]
