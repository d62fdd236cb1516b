"""How a model is asked for questions.

The worked examples are written for this purpose, on subjects far apart, so that a word of theirs
in a question about something else gives it away.
"""

from __future__ import annotations

import dataclasses

from shared.generation.port import ChatMessage, Prompt

_BEES = (
    "In winter the bees gather in a tight ball around the queen and shiver their flight muscles."
)
_CANAL = "The tolls of the Erie Canal repaid its whole cost within a decade of its opening in 1825."
_GLASS = "Lime is added because glass of sand and soda alone dissolves in water."
_VACCINE = "Edward Jenner tested his idea in 1796 on the son of his gardener."

_WITH_PASSAGES = f"""\
Passage: A bee colony keeps its nest near 35 degrees all year. In winter the bees gather in a \
tight ball around the queen and shiver their flight muscles, which warms the ball without moving \
their wings. In summer they carry water in and fan it.
Answer: {_BEES}
Question: How do honey bees keep a colony warm in winter?

Passage: Work on the Erie Canal began at Rome, New York, in 1817. Critics mocked the project as a \
ditch, but its tolls repaid the whole cost within a decade of its opening in 1825.
Answer: {_CANAL}
Question: How long did it take for the Erie Canal to pay for itself?

Passage: Glass is made by heating sand with soda ash, which lowers the temperature at which the \
sand melts. Lime is added because glass of sand and soda alone dissolves in water.
Answer: {_GLASS}
Question: Why is lime added when glass is made?

"""

_WITH_TOPICS = f"""\
Topic: Beekeeping
Answer: {_BEES}
Question: How do honey bees keep a colony warm in winter?

Topic: Erie Canal
Answer: {_CANAL}
Question: How long did it take for the Erie Canal to pay for itself?

Topic: Glass
Answer: {_GLASS}
Question: Why is lime added when glass is made?

Topic: Vaccination
Answer: {_VACCINE}
Question: Whom did Edward Jenner use to test the idea behind vaccination in 1796?

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
    completion=_WITH_PASSAGES + "Passage: {passage}\nAnswer: {summary}\nQuestion:",
    seq2seq="",  # QuestionSettings.seq2seq_prompt
    causal_form="completion",
    stop=("\n",),
    max_new_tokens=40,
    candidates=6,
)

QUESTION_OF_ANSWER = dataclasses.replace(
    QUESTION,
    name="question-of-answer",
    completion=_WITH_TOPICS + "Topic: {topic}\nAnswer: {summary}\nQuestion:",
)
"""Without the passage in sight, a small model asks about the answer and nothing else."""

QUESTION_TUNED = dataclasses.replace(
    QUESTION,
    name="question-tuned",
    completion="Passage: {passage}\nAnswer: {summary}\nQuestion:",
    candidates=10,
)
"""What a model gets that an adapter has tuned for this; see `adapter/README.md`.

Without worked examples to read, more candidates cost no more than the other prompts together.
"""

_READ = """\
Passage: A bee colony keeps its nest near 35 degrees all year. In winter the bees gather in a \
tight ball around the queen and shiver their flight muscles, which warms the ball without moving \
their wings. In summer they carry water in and fan it.
Question: How do honey bees keep a colony warm in winter?
Answer: They gather in a tight ball around the queen and shiver their flight muscles.

Passage: Work on the Erie Canal began at Rome, New York, in 1817. Critics mocked the project as a \
ditch, but its tolls repaid the whole cost within a decade of its opening in 1825.
Question: How long did it take for the Erie Canal to pay for itself?
Answer: Its tolls repaid the whole cost within a decade of its opening in 1825.

"""

READ = Prompt(
    name="read",
    chat=(
        ChatMessage(
            "user",
            "{passage}\n\nAnswer this question in one sentence, with only the facts of the text "
            "above: {question}",
        ),
    ),
    completion=_READ + "Passage: {passage}\nQuestion: {question}\nAnswer:",
    seq2seq="question: {question} context: {passage}",
    causal_form="completion",
    stop=("\n",),
    max_new_tokens=48,
)
"""How a model is asked to read: the answer is compared to the one there is."""
