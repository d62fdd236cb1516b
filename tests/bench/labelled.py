"""Rows whose verdict is known, made of human questions by pairing them right and wrong.

The answer of a right row is the sentence of the paragraph that holds the gold answer, because that
is what the pipeline's answers are like. Each kind of wrong row spoils one thing in a right one.
Wordings for the first articles, on which thresholds are set, differ from those for the others.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from shared.text import content, sentence_at, sentences, share_found
from tests.bench.squad import DATA

SET_ON = 8
"""So many articles are for setting thresholds; the others are for reporting."""

_AUXILIARY = re.compile(
    r"\b(is|are|was|were|has|had|have|can|could|will|would|may|might|must|should|did|does)\b"
)
_NAME = re.compile(r"(?<=\s)[A-Z][\w-]*(?:\s+(?:of\s+|the\s+)?[A-Z][\w-]*)*")
_NUMBER = re.compile(r"(?<![\d.,])\d{1,4}(?![\d.,]?\d)")
_SUBJECT = re.compile(r"\b(?:did|does|do|was|were|is|are|has|had|by|of|in|from|to|for)\s$")
_LEAKS = (("Is it true that {answer}?", "{question}, given that {answer}?"),) * 2
_BOUND = (
    (
        "According to the passage, {question}?",
        "In this text, {question}?",
        "As the article says, {question}?",
        "In the given paragraph, {question}?",
    ),
    (
        "Based on what you read in this section, {question}?",
        "As described in the passage above, {question}?",
        "From the information provided in the document, {question}?",
        "In this study, {question}?",
        "What does the author tell us about this: {question}?",
        "Going by the excerpt, {question}?",
    ),
)
_NOTHING = (
    (
        "I don't know.",
        "The passage does not mention this.",
        "As an AI language model, I cannot answer that question.",
        "Not specified.",
        "There is no information about this in the text.",
    ),
    (
        "I'm sorry, but I am not able to answer this.",
        "This is not stated in the article.",
        "The answer is not provided.",
        "N/A",
        "It cannot be determined from the given context.",
    ),
)
_SHORTEST_SENTENCE = 6


@dataclass(frozen=True, slots=True)
class Labelled:
    """A row, and what was done to it.

    Attributes:
        kind: `right`, or what is wrong with it.
        part: 0 for the articles that thresholds are set on, 1 for those that are reported.
        short: the gold answer of SQuAD, a few words.
    """

    kind: str
    part: int
    article: int
    question: str
    answer: str
    passage: str
    short: str


def labelled(each: int = 120, seed: int = 5) -> list[Labelled]:
    """Return `each` right rows of either part of the articles, and as many of every wrong kind.

    A kind has fewer where a row cannot be spoiled in its way.
    """
    rng = random.Random(seed)
    everything = _right()
    rows = []
    for part in (0, 1):
        own = [row for row in everything if row.part == part]
        right = [own[place * len(own) // each] for place in range(each)]
        rows += right
        for kind, spoil in _WRONG.items():
            spoiled = [spoil(row, own, rng) for row in right]
            rows += [replace(row, kind=kind) for row in spoiled if row is not None]
    return rows


def _right() -> list[Labelled]:
    articles = json.loads((DATA / "squad" / "squad2-half-dev.json").read_text("utf-8"))["data"]
    rows = []
    for number, article in enumerate(articles):
        for paragraph in article["paragraphs"]:
            context = paragraph["context"].strip()
            for asked in paragraph["qas"]:
                question = asked["question"].strip()
                if asked["is_impossible"] or not question.endswith("?"):
                    continue
                answer = holding(context, asked["answers"][0])
                if answer:
                    gold = asked["answers"][0]["text"]
                    part = int(number >= SET_ON)
                    rows.append(Labelled("right", part, number, question, answer, context, gold))
    return rows


def holding(context: str, gold: dict[str, str | int]) -> str:
    """Return the sentence that holds the gold answer as marked, if it is not too short."""
    start = int(gold["answer_start"])
    sentence = sentence_at(context, start, start + len(str(gold["text"])))
    return sentence if len(sentence.split()) >= _SHORTEST_SENTENCE else ""


Rows = Sequence[Labelled]


def _wrong_passage(row: Labelled, rows: Rows, rng: random.Random) -> Labelled:
    same = rng.random() < 0.5
    others = [o for o in rows if o.passage != row.passage and (o.article == row.article) == same]
    return replace(row, passage=rng.choice(others).passage)


def _foreign_answer(row: Labelled, rows: Rows, rng: random.Random) -> Labelled:
    same = rng.random() < 0.5
    others = [o for o in rows if o.passage != row.passage and (o.article == row.article) == same]
    other = rng.choice(others)
    return replace(row, answer=other.answer, short=other.short)


def _other_sentence(row: Labelled, _rows: Rows, rng: random.Random) -> Labelled | None:
    """The answer is true to the passage and answers something else."""
    others = [
        each
        for each in sentences(row.passage)
        if each != row.answer
        and row.short not in each
        and len(each.split()) >= _SHORTEST_SENTENCE
        and share_found(content(row.short), set(content(each))) < 1
    ]
    return replace(row, answer=rng.choice(others)) if others else None


def _negated(row: Labelled, _rows: Rows, _rng: random.Random) -> Labelled:
    negated, count = _AUXILIARY.subn(r"\1 not", row.answer, count=1)
    return replace(row, answer=negated if count else f"It is not true that {_lower(row.answer)}")


def _other_number(row: Labelled, _rows: Rows, rng: random.Random) -> Labelled | None:
    found = _NUMBER.search(row.answer)
    if found is None:
        return None
    other = str(int(found.group()) + rng.randint(1, 9))
    return replace(row, answer=row.answer[: found.start()] + other + row.answer[found.end() :])


def _truncated(row: Labelled, _rows: Rows, rng: random.Random) -> Labelled | None:
    asked = row.question.rstrip("?").split()
    if len(asked) < 6:
        return None
    kept = rng.randint(len(asked) // 3, 2 * len(asked) // 3)
    return replace(row, question=" ".join(asked[:kept]) + rng.choice(("?", "", "...")))


def _leaked(row: Labelled, _rows: Rows, rng: random.Random) -> Labelled:
    question, answer = row.question.rstrip("?"), _lower(row.answer).rstrip(".")
    text = rng.choice(_LEAKS[row.part]).format(question=question, answer=answer)
    return replace(row, question=text)


def _framed(row: Labelled, _rows: Rows, rng: random.Random) -> Labelled:
    text = rng.choice(_BOUND[row.part]).format(question=_lower(row.question.rstrip("?")))
    return replace(row, question=text)


def _unnamed(row: Labelled, _rows: Rows, _rng: random.Random) -> Labelled | None:
    """The only name in the question becomes a pronoun."""
    found = list(_NAME.finditer(row.question))
    if len(found) != 1 or not _SUBJECT.search(row.question[: found[0].start()]):
        return None
    name = found[0]
    if re.match(r"['\u2019]|\s+[a-z]+(?:s|ed)?\s+[a-z]+s?\?", row.question[name.end() :]):
        return None
    return replace(row, question=row.question[: name.start()] + "it" + row.question[name.end() :])


def _no_answer(row: Labelled, _rows: Rows, rng: random.Random) -> Labelled:
    return replace(row, answer=rng.choice(_NOTHING[row.part]))


_WRONG: dict[str, Callable[[Labelled, Rows, random.Random], Labelled | None]] = {
    "wrong passage": _wrong_passage,
    "foreign answer": _foreign_answer,
    "other sentence": _other_sentence,
    "negated answer": _negated,
    "other number": _other_number,
    "truncated question": _truncated,
    "answer leaked": _leaked,
    "framed by the text": _framed,
    "pronoun for a name": _unnamed,
    "non-answer": _no_answer,
}


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
