"""How a model is asked for questions.

The worked examples are written for this purpose, on subjects far apart, so that a word of theirs
in a question about something else gives it away.
"""

from __future__ import annotations

from shared.generation.port import ChatMessage, Prompt

_EXAMPLES = """\
Topic: Beekeeping
Answer: In winter the bees gather in a tight ball around the queen and shiver their flight muscles.
Question: How do honey bees keep a colony warm in winter?

Topic: Erie Canal
Answer: The tolls of the Erie Canal repaid its whole cost within a decade of its opening in 1825.
Question: How long did it take for the Erie Canal to pay for itself?

Topic: Glass
Answer: Lime is added because glass of sand and soda alone dissolves in water.
Question: Why is lime added when glass is made?

Topic: Vaccination
Answer: Edward Jenner tested his idea in 1796 on the son of his gardener.
Question: Whom did Edward Jenner use to test the idea behind vaccination in 1796?

Topic: Mangroves
Answer: The roots of mangroves slow the waves and hold the mud, which keeps the coast in place.
Question: What keeps a coast with mangroves from being washed away?

"""

QUESTION = Prompt(
    name="question",
    chat=(
        ChatMessage(
            "system",
            "You write questions for a question-answering dataset. A question is one line, can be "
            "understood without seeing the text, names what it asks about, does not contain its "
            "answer, and ends with a question mark. You write the question and nothing else.",
        ),
        ChatMessage(
            "user",
            "Text about {topic}:\n{passage}\n\nAnswer: {summary}\n\n"
            "Write the question to which this is the answer.",
        ),
    ),
    completion=_EXAMPLES + "Topic: {topic}\nAnswer: {summary}\nQuestion:",
    seq2seq="",  # QuestionSettings.seq2seq_prompt
    causal_form="completion",
    stop=("\n",),
    max_new_tokens=40,
    candidates=6,
)
