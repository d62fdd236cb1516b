"""How a model is asked for a summary."""

from __future__ import annotations

from shared.generation.port import ChatMessage, Prompt

SUMMARY = Prompt(
    name="summary",
    chat=(
        ChatMessage(
            "user",
            "{heading}{passage}\n\n"
            "In one or two sentences, what does this text say? Give only the facts.",
        ),
    ),
    completion="Text: {heading}{passage}\n\nIn one sentence, with only the facts of the text:",
    seq2seq="",  # SummarySettings.seq2seq_prompt
    stop=("\n",),
    max_new_tokens=64,
)
