import pytest

from shared.errors import GenerationFailed
from shared.generation.port import ChatMessage, GenerationRequest, Prompt
from shared.generation.rendering import constant_prefix, cut_at_stop, fill, fill_chat, fit

PROMPT = Prompt(
    name="summary",
    chat=(ChatMessage("user", "{passage}\n\nSummarise what {topic} is."),),
    completion="Text: a\nSummary: b\n\nText: {passage}\nSummary:",
    seq2seq="summarize: {passage}",
    stop=("\n",),
)
PASSAGE = "One is a number. Two is one more. Three is too many for this prompt."


def _length(request: GenerationRequest):
    return lambda passage: len(fill(request.prompt.completion, request, passage).split())


def test_braces_in_a_passage_are_text():
    request = GenerationRequest(PROMPT, "a {topic} {0} b", {"topic": "{passage}"})
    assert fill(PROMPT.seq2seq, request) == "summarize: a {topic} {0} b"
    assert "what {passage} is" in fill_chat(request)[0].content


def test_the_constant_beginning_ends_at_a_line():
    assert constant_prefix(PROMPT, "completion") == "Text: a\nSummary: b\n\n"
    assert constant_prefix(PROMPT, "chat") == ""


def test_a_passage_that_fits_is_not_touched():
    request = GenerationRequest(PROMPT, PASSAGE)
    assert fit(request, _length(request), room=100) == PASSAGE


def test_a_long_passage_loses_its_last_sentences_and_the_instruction_nothing():
    request = GenerationRequest(PROMPT, PASSAGE)
    short = fit(request, _length(request), room=18)
    assert short == "One is a number. Two is one more."
    assert fill(PROMPT.completion, request, short).endswith("\nSummary:")


def test_a_passage_without_sentences_is_cut_between_words():
    request = GenerationRequest(PROMPT, "word " * 50)
    short = fit(request, _length(request), room=20)
    assert set(short.split()) == {"word"}
    assert _length(request)(short) <= 20


def test_a_prompt_that_cannot_fit_says_so():
    request = GenerationRequest(PROMPT, PASSAGE)
    with pytest.raises(GenerationFailed, match="summary"):
        fit(request, _length(request), room=3)


def test_the_first_stop_ends_the_text():
    assert cut_at_stop("a question?\nPassage: b", ("\n\n", "\n")) == "a question?"
    assert cut_at_stop("no end", ("\n",)) == "no end"


def test_a_prompts_identity_changes_with_every_word_and_number():
    import dataclasses

    others = [
        dataclasses.replace(PROMPT, completion=PROMPT.completion + " "),
        dataclasses.replace(PROMPT, candidates=2),
        dataclasses.replace(PROMPT, chat=(ChatMessage("system", PROMPT.chat[0].content),)),
    ]
    assert len({PROMPT.identity, *(each.identity for each in others)}) == 4
    assert PROMPT.identity.startswith("summary/")
    assert dataclasses.replace(PROMPT).identity == PROMPT.identity
