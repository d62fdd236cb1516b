"""Models behind an OpenAI-compatible endpoint: vLLM, Ollama, llama.cpp, watsonx gateways."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from shared import ids
from shared.errors import EndpointRefused, EndpointUnreachable, GenerationFailed
from shared.generation import rendering
from shared.generation.port import GenerationRequest, Kind
from shared.generation.references import Endpoint
from shared.generation.settings import GenerationSettings
from shared.telemetry import TOKENS

if TYPE_CHECKING:
    import httpx

_BUSY = {408, 409, 425, 429}
CHARACTERS_PER_TOKEN = 3  # a low guess: the endpoint's tokenizer is not known here
_TEMPERATURE_OF_SEVERAL = 0.8


class OpenAIGenerator:
    """A model that is asked over HTTP, by `POST URL/chat/completions`.

    One candidate is asked for at temperature 0; several are sampled, with a seed that belongs to
    the request, so that an endpoint which honours seeds gives the same texts again.
    """

    kind: Kind = "endpoint"
    tuned = False

    def __init__(self, model: str, endpoint: Endpoint, settings: GenerationSettings) -> None:
        self.model = model
        self.decoding = json.dumps(
            {"engine": "openai", "search": f"1: greedy, n: t={_TEMPERATURE_OF_SEVERAL}"},
            separators=(",", ":"),
        )
        self._endpoint = endpoint
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.endpoint_concurrency)
        self._client: httpx.AsyncClient | None = None

    async def generate(self, request: GenerationRequest) -> list[str]:
        """Return the candidates; see `TextGenerator.generate`."""
        async with self._slots:
            answer = await self._post(self._body(request))
        self._count(answer)
        texts = [text.strip() for text in self._contents(answer) if text and text.strip()]
        if not texts:
            raise GenerationFailed(
                f"{self._where} wrote nothing for the prompt {request.prompt.name!r} "
                f"about {request.passage[:60]!r}."
            )
        return list(dict.fromkeys(texts))

    async def load(self) -> None:
        """Do nothing: the model is loaded elsewhere."""

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    @property
    def _where(self) -> str:
        return f"The model {self._endpoint.name} at {self._endpoint.url}"

    def _body(self, request: GenerationRequest) -> dict[str, Any]:
        prompt = request.prompt

        def length(passage: str) -> int:
            turns = rendering.fill_chat(request, passage)
            return sum(len(turn.content) for turn in turns) // CHARACTERS_PER_TOKEN

        passage = rendering.fit(request, length, self._settings.max_input_tokens)
        turns = rendering.fill_chat(request, passage)
        body: dict[str, Any] = {
            "model": self._endpoint.name,
            "messages": [{"role": turn.role, "content": turn.content} for turn in turns],
            "max_tokens": prompt.max_new_tokens,
            "temperature": 0.0,
        }
        if prompt.candidates > 1:
            seed = int(ids.fingerprint(prompt.identity, passage)[:7], 16)
            body |= {"n": prompt.candidates, "temperature": _TEMPERATURE_OF_SEVERAL, "seed": seed}
        return body

    async def _post(self, body: dict[str, Any]) -> Any:
        import httpx

        try:
            answer = await self._connected().post("chat/completions", json=body)
        except httpx.TransportError as error:
            raise EndpointUnreachable(
                f"{self._where} does not answer ({type(error).__name__}).",
                "Check that the endpoint is up and that the URL ends where its API begins.",
            ) from error
        status = answer.status_code
        if status in _BUSY or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise EndpointUnreachable(f"{self._where} is busy or failing: HTTP {status}.")
        if not answer.is_success:
            hint = "Set the API key." if status in (401, 403) else "Check the model's name."
            raise EndpointRefused(
                f"{self._where} refused: HTTP {status}: {self._without_key(answer.text[:300])}",
                hint,
            )
        try:
            return answer.json()
        except ValueError as error:
            raise EndpointRefused(
                f"{self._where} answers something that is not JSON.", "Check the URL."
            ) from error

    def _contents(self, answer: Any) -> list[str]:
        try:
            return [choice["message"]["content"] for choice in answer["choices"]]
        except (KeyError, TypeError) as error:
            raise EndpointRefused(
                f"{self._where} does not answer as a chat completion.", "Check the URL."
            ) from error

    def _count(self, answer: Any) -> None:
        """Count tokens read and written, where the endpoint says how many."""
        usage = answer.get("usage") if isinstance(answer, dict) else None
        for kind, name in (("prompt", "prompt_tokens"), ("output", "completion_tokens")):
            count = usage.get(name) if isinstance(usage, dict) else None
            if isinstance(count, int) and count > 0:
                TOKENS.labels(self._endpoint.name, kind).inc(count)

    def _connected(self) -> httpx.AsyncClient:
        import httpx

        if self._client is None:
            key = self._settings.api_key
            headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}
            self._client = httpx.AsyncClient(
                base_url=f"{self._endpoint.url}/",
                headers=headers,
                timeout=self._settings.endpoint_timeout_seconds,
            )
        return self._client

    def _without_key(self, text: str) -> str:
        key = self._settings.api_key
        return text.replace(key.get_secret_value(), "***") if key else text
