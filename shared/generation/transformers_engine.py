"""Models by transformers: on a GPU, and wherever CTranslate2 does not know the architecture.

On a CPU each request runs alone, so that no other can change its text. On a GPU requests run in
batches, padded on the left; in float32 that has not been seen to change a text.
"""

from __future__ import annotations

from typing import Any

from shared.generation import loading
from shared.generation.local import LocalGenerator, cores
from shared.generation.port import GenerationRequest, Prompt
from shared.generation.references import Weights
from shared.generation.settings import GenerationSettings
from shared.generation.tokens import Tokens


class TransformersGenerator(LocalGenerator):
    """A model in float32 or bfloat16."""

    _network: Any
    _tokens: Tokens
    _context: int
    _device: str
    _padding: int

    def __init__(self, model: str, weights: Weights, settings: GenerationSettings) -> None:
        compute_type = "bfloat16" if settings.compute_type == "bfloat16" else "float32"
        super().__init__(model, weights, "transformers", compute_type, settings)

    def _open(self) -> None:
        import torch

        loaded = loading.load(self._weights)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        if self._device == "cpu" and self._settings.threads:
            torch.set_num_threads(cores(self._settings))
        dtype = torch.bfloat16 if self._compute_type == "bfloat16" else torch.float32
        self._network = loaded.model.to(device=self._device, dtype=dtype)
        tokenizer = loaded.tokenizer
        self._tokens = Tokens(
            tokenizer.backend_tokenizer,
            loaded.kind,
            tokenizer.chat_template if isinstance(tokenizer.chat_template, str) else "",
            {name: str(text) for name, text in tokenizer.special_tokens_map.items()},
        )
        self._padding = tokenizer.pad_token_id or 0
        self._context = loaded.context

    def _close(self) -> None:
        if self._ready:
            del self._network

    def _run(self, requests: list[GenerationRequest]) -> list[list[str]]:
        import torch

        results: list[list[str]] = [[] for _ in requests]
        with torch.inference_mode():
            for indices in self._groups(requests):
                texts = self._generate([requests[index] for index in indices])
                for index, found in zip(indices, texts, strict=True):
                    results[index] = found
        return results

    def _groups(self, requests: list[GenerationRequest]) -> list[list[int]]:
        """Return which requests run together: those of one prompt, and on a CPU each alone."""
        if self._device == "cpu":
            return [[index] for index in range(len(requests))]
        by_prompt: dict[Prompt, list[int]] = {}
        for index, request in enumerate(requests):
            by_prompt.setdefault(request.prompt, []).append(index)
        return list(by_prompt.values())

    def _generate(self, requests: list[GenerationRequest]) -> list[list[str]]:
        prompt = requests[0].prompt
        encoded = [self._tokens.encode(each, self._room(self._context, each)) for each in requests]
        read = sum(len(head) + len(rest) for head, rest in encoded)
        inputs = self._padded([head + rest for head, rest in encoded])
        count = prompt.candidates
        if count == 1:
            rows, _ = self._decode(inputs, prompt)
            self._count(read, sum(len(row) for row in rows))
            return [[self._tokens.decode(row, prompt)] for row in rows]
        first_scores, firsts = self._likeliest_first_tokens(inputs, count)
        repeated = {name: value.repeat_interleave(count, dim=0) for name, value in inputs.items()}
        rows, rest_scores = self._decode(repeated, prompt, firsts.reshape(-1, 1))
        self._count(read, sum(len(row) for row in rows))
        texts = [self._tokens.decode(row, prompt) for row in rows]
        # As CTranslate2 has it: the first token's and the mean of the others'.
        scores = (first_scores.reshape(-1) + rest_scores).reshape(-1, count)
        orders = scores.argsort(dim=-1, descending=True, stable=True).tolist()
        return [[texts[place * count + at] for at in order] for place, order in enumerate(orders)]

    def _padded(self, rows: list[list[int]]) -> dict[str, Any]:
        import torch

        longest = max(len(row) for row in rows)
        ids = [[self._padding] * (longest - len(row)) + row for row in rows]
        mask = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
        return {
            "input_ids": torch.tensor(ids, device=self._device),
            "attention_mask": torch.tensor(mask, device=self._device),
        }

    def _likeliest_first_tokens(self, inputs: dict[str, Any], count: int) -> tuple[Any, Any]:
        """Return the log-probabilities and ids of the first tokens to try."""
        output = self._network.generate(
            **inputs,
            max_new_tokens=1,
            do_sample=False,
            output_logits=True,
            return_dict_in_generate=True,
            pad_token_id=self._padding,
        )
        found = output.logits[0].float().log_softmax(dim=-1).topk(count, dim=-1)
        return found.values, found.indices

    def _decode(
        self, inputs: dict[str, Any], prompt: Prompt, firsts: Any = None
    ) -> tuple[list[list[int]], Any]:
        """Continue greedily, after a forced first token if there is one.

        Returns the new ids of each row, and the mean log-probability of what was not forced.
        """
        import torch

        taken = 0
        if firsts is not None:
            inputs, taken = self._begun(inputs, firsts), 1
        steps: list[Any] = []

        def noted(_: Any, logits: Any) -> Any:
            steps.append(logits.float().log_softmax(dim=-1).amax(dim=-1))  # it takes the greatest
            return logits

        output = self._network.generate(
            **inputs,
            max_new_tokens=max(prompt.max_new_tokens - taken, 1),
            do_sample=False,
            num_beams=1,
            logits_processor=[noted],
            eos_token_id=self._tokens.ends(prompt) or None,
            pad_token_id=self._padding,
        )
        ends = torch.tensor(self._tokens.ends(prompt), device=output.device)
        rows = [_until(row, ends) for row in output[:, output.shape[1] - len(steps) - taken :]]
        return rows, _means(torch.stack(steps, dim=1), output[:, -len(steps) :], ends)

    def _begun(self, inputs: dict[str, Any], firsts: Any) -> dict[str, Any]:
        import torch

        if self.kind == "seq2seq":
            start = torch.full_like(firsts, self._network.config.decoder_start_token_id)
            return {**inputs, "decoder_input_ids": torch.cat([start, firsts], dim=1)}
        return {
            "input_ids": torch.cat([inputs["input_ids"], firsts], dim=1),
            "attention_mask": torch.cat([inputs["attention_mask"], torch.ones_like(firsts)], dim=1),
        }


def _means(scores: Any, ids: Any, ends: Any) -> Any:
    """Return the mean of each row's scores up to the first id that ends it, that one included."""
    import torch

    ended = torch.isin(ids, ends).long()
    counted = ended.cumsum(dim=1) - ended == 0
    return (scores * counted).sum(dim=1) / counted.sum(dim=1)


def _until(row: Any, ends: Any) -> list[int]:
    """Return the ids before the first that ends the text."""
    import torch

    hits = torch.isin(row, ends).nonzero()
    return [int(each) for each in (row[: int(hits[0])] if len(hits) else row)]
