"""Answers of a model behind an endpoint, over a real socket."""

import threading

import pytest

from shared.answering import endpoint
from shared.answering.artifact import Artifact, prompted
from shared.answering.port import ContextTooLong, Example, Query, Task
from shared.answering.template import default_template
from shared.errors import EndpointUnreachable

QUERY = Query("Who {is} it?", "A braced {word} is no slot.")


def answerer(stub, pool=(), **details):
    template = default_template(Task(), chat=True)
    model = f"openai:{stub.url}#m"
    return prompted(Artifact("prompt", "in-context", model, template, details=details), pool)


def sent(stub):
    return stub.asked[-1][2]["messages"]


def test_the_passage_the_question_and_the_worked_examples_are_sent(stub):
    pool = [Example(Query("What {?}", "One."), "This."), Example(Query("Why?", "Two."), "So.")]
    asked = answerer(stub, pool, k=2, similar=False, seed=0)
    assert asked.answer([QUERY]) == ["Why?"]
    roles = [turn["role"] for turn in sent(stub)]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
    assert {turn["content"] for turn in sent(stub)[1:5]} >= {"Passage: One.\nQuestion: What {?}"}
    assert sent(stub)[-1]["content"] == f"Passage: {QUERY.context}\nQuestion: {QUERY.question}"


def test_what_is_too_long_loses_examples_first_then_the_end_of_the_passage(stub, monkeypatch):
    monkeypatch.setenv("GRISTMILL_GENERATION_MAX_INPUT_TOKENS", "100")
    pool = [Example(Query(f"What of {n}?", f"The number {n}. " * 6), "This.") for n in range(3)]
    asked = answerer(stub, pool, k=3, similar=False, seed=0)
    asked.answer([Query("Who?", "It is short.")])
    assert 2 < len(sent(stub)) < 2 + 2 * 3
    asked.answer([Query("Who is it?", "A sentence of words. " * 40)])
    system, last = sent(stub)
    assert last["content"].startswith("Passage: A sentence of words. A sentence")
    assert last["content"].endswith("of words.\nQuestion: Who is it?")
    assert len(system["content"] + last["content"]) <= 100 * 3 + 2
    with pytest.raises(ContextTooLong, match="longer than the 100"):
        asked.answer([Query("Who? " * 100, "A passage.")])


def test_a_busy_endpoint_is_asked_again(stub, monkeypatch):
    monkeypatch.setattr(endpoint, "_PAUSES", (0.05,) * 200)
    stub.status = 429
    threading.Timer(0.2, lambda: setattr(stub, "status", 200)).start()
    assert answerer(stub).answer([QUERY]) == ["Why?"]
    assert len(stub.asked) > 1


def test_an_endpoint_that_stays_busy_is_said(stub, monkeypatch):
    monkeypatch.setattr(endpoint, "_PAUSES", (0.01, 0.01))
    stub.status = 503
    with pytest.raises(EndpointUnreachable, match="HTTP 503"):
        answerer(stub).answer([QUERY])
    assert len(stub.asked) == 3


def test_a_model_that_says_nothing_has_given_an_empty_answer(stub):
    stub.body = stub.chat("")
    assert answerer(stub).answer([QUERY]) == [""]
