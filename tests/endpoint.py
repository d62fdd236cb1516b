"""A model endpoint for tests: OpenAI's protocol over a real socket, answers one can foretell.

The code under test is the product's own, from the HTTP engine to the index; only what the model
would say is made up here: its summary is the text's second sentence, its question names
the text's first long word and the first words of the summary, its vectors count words. It needs
the standard library alone, so that any container with Python can run it:
`python endpoint.py LATENCY_SECONDS PORT`.
"""

import contextlib
import hashlib
import json
import math
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DIMENSIONS = 64


class Refused(Exception):
    """Answer with this HTTP status instead."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Cut(Exception):
    """Close the connection instead of answering."""


class Endpoint:
    """Serves from `start` to `stop`; on a free port, where none is given."""

    def __init__(self, latency: float = 0.0, host: str = "127.0.0.1", port: int = 0) -> None:
        self.latency = latency
        self.answers = 0
        self.garbage = False
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer((host, port), self._handler())
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign] # clients get killed

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def environment(self) -> dict[str, str]:
        """The settings that make Gristmill use it."""
        return environment(self.url)

    def serve(self) -> None:
        self._server.serve_forever()

    def start(self) -> None:
        threading.Thread(target=self.serve, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        time.sleep(self.latency)
        if path.endswith("/embeddings"):
            texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
            return {
                "data": [{"index": i, "embedding": vector_of(text)} for i, text in enumerate(texts)]
            }
        with self._lock:
            self.answers += 1
        prompt = body["messages"][-1]["content"]
        text = "!!" if self.garbage else said_of(prompt)
        return {"choices": [{"message": {"role": "assistant", "content": text}}]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = 200
                try:
                    payload = json.dumps(endpoint.answer(self.path, body)).encode()
                except Refused as refused:
                    status, payload = refused.status, b"{}"
                except Cut:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                with contextlib.suppress(OSError):  # the client may have been killed meanwhile
                    self.wfile.write(payload)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def environment(url: str) -> dict[str, str]:
    """The settings that make Gristmill use the endpoint at this address."""
    model = f"openai:{url}#stub"
    return {
        "GRISTMILL_SUMMARY_MODEL": model,
        "GRISTMILL_QUESTION_MODEL": model,
        "GRISTMILL_EMBEDDING_MODEL": model,
        "GRISTMILL_SUMMARIZER_FAITHFULNESS": "off",
    }


def said_of(prompt: str) -> str:
    """A summary, or a question where one is asked for."""
    if "Write the question" in prompt:
        asked, answer = prompt.split("Answer:", maxsplit=1)
        passage, answer = asked.split(":\n", 1)[-1], answer.split("\n", maxsplit=1)[0]
        topic, said = (re.findall(r"[a-z]{5,}|\d+", t.lower()) for t in (passage, answer))
        named = [each.capitalize() for each in topic[:1]]  # another name, another question
        return f"What is known of {' and '.join(dict.fromkeys((*named, *said[:4])))}?"
    text = prompt.rsplit("\n\n", 1)[0]
    first, *others = re.split(r"(?<=[.!?])\s", text.strip().split("\n\n")[-1])
    return others[0] if others else first


def _rank(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def vector_of(text: str) -> list[float]:
    """Hashed word counts, normalised."""
    vector = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()):
        vector[int(_rank(word)[:8], 16) % DIMENSIONS] += 1.0
    norm = math.sqrt(sum(x * x for x in vector)) or 1.0
    return [x / norm for x in vector]


if __name__ == "__main__":
    Endpoint(float(sys.argv[1]), "0.0.0.0", int(sys.argv[2])).serve()
