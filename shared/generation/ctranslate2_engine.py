"""Models on a CPU, by CTranslate2 (https://github.com/OpenNMT/CTranslate2).

Each request runs alone on one core, and as many at once as there are cores. That is faster than
batches here (infra/decisions has the figures): CTranslate2 feeds prompts of different lengths token
by token from the shortest one's end, and the prompt is most of the work. And it makes the text
independent of what else is asked, which int8 batches do not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shared.generation.conversion import converted
from shared.generation.local import LocalGenerator, cores
from shared.generation.port import GenerationRequest
from shared.generation.references import Weights
from shared.generation.settings import GenerationSettings
from shared.generation.tokens import Tokens


class CTranslate2Generator(LocalGenerator):
    """A converted model, in int8 or float32."""

    _engine: Any
    _tokens: Tokens
    _context: int

    def __init__(self, model: str, weights: Weights, settings: GenerationSettings) -> None:
        compute_type = "float32" if settings.compute_type == "float32" else "int8"
        super().__init__(model, weights, "ctranslate2", compute_type, settings)

    def _open(self) -> None:
        import ctranslate2

        cache_dir = self._settings.cache_dir or Path(".gristmill/models")
        found = converted(self._weights, self._compute_type, cache_dir)
        runner = ctranslate2.Translator if self.kind == "seq2seq" else ctranslate2.Generator
        # Both types are named: plain "int8" leaves the second to the machine, and the same model
        # would write another text on another one.
        compute_type = "int8_float32" if self._compute_type == "int8" else "float32"
        self._engine = runner(
            str(found.folder),
            device="cpu",
            compute_type=compute_type,
            inter_threads=cores(self._settings),
            intra_threads=1,
        )
        self._tokens = Tokens.read(found.folder, found.kind)
        self._context = found.context

    def _close(self) -> None:
        if self._ready:
            self._engine.unload_model()

    def _run(self, requests: list[GenerationRequest]) -> list[list[str]]:
        start = self._start_seq2seq if self.kind == "seq2seq" else self._start_causal
        started = [start(request) for request in requests]
        return [
            self._texts(running.result(), request)
            for running, request in zip(started, requests, strict=True)
        ]

    def _start_causal(self, request: GenerationRequest) -> Any:
        prompt = request.prompt
        head, rest = self._read(request)
        longest = prompt.max_new_tokens
        if prompt.candidates > 1:
            # While it expands alternatives CTranslate2 4.8 counts the prompt too.
            longest += len(head) + len(rest) - 1
        return self._engine.generate_batch(
            [self._tokens.tokens(rest)],
            static_prompt=self._tokens.tokens(head) or None,
            include_prompt_in_result=False,
            max_length=longest,
            asynchronous=True,
            **self._search(request),
        )[0]

    def _start_seq2seq(self, request: GenerationRequest) -> Any:
        head, rest = self._read(request)
        return self._engine.translate_batch(
            [self._tokens.tokens(head + rest)],
            max_decoding_length=request.prompt.max_new_tokens,
            asynchronous=True,
            **self._search(request),
        )[0]

    def _read(self, request: GenerationRequest) -> tuple[list[int], list[int]]:
        head, rest = self._tokens.encode(request, self._room(self._context, request))
        self._count(len(head) + len(rest), 0)
        return head, rest

    def _search(self, request: GenerationRequest) -> dict[str, Any]:
        candidates = request.prompt.candidates
        ends = self._tokens.tokens(self._tokens.ends(request.prompt))
        return {
            "beam_size": 1,
            "num_hypotheses": candidates,
            "return_alternatives": candidates > 1,
            "return_scores": True,
            "length_penalty": 1,  # divides all but the first token's
            "end_token": ends,
        }

    def _texts(self, result: Any, request: GenerationRequest) -> list[str]:
        if self.kind == "seq2seq":
            lists = [[self._tokens.id_of(token) for token in each] for each in result.hypotheses]
        else:
            lists = result.sequences_ids
        self._count(0, sum(len(each) for each in lists))
        longest = request.prompt.max_new_tokens
        likeliest_first = sorted(zip(result.scores, lists, strict=True), key=lambda each: -each[0])
        return [self._tokens.decode(ids[:longest], request.prompt) for _, ids in likeliest_first]
