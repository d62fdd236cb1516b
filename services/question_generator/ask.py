"""A passage and its summary in, questions out, to which the summary is the answer.

A small model's likeliest question is often a poor one, and among several that begin differently
there is nearly always a good one (generate and rank: Heilman and Smith, "Good Question!", 2010).
So the model gives candidates from one pass over the prompt, what is no proper question is set
aside, and of the others the one is taken that lies nearest to the passage and to the answer.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.question_generator.prompts import QUESTION
from services.question_generator.settings import QuestionSettings
from shared.errors import GenerationFailed
from shared.generation.port import GenerationRequest, Prompt, TextGenerator
from shared.generation.text import content, share_found, stem, words
from shared.messages import Maker

if TYPE_CHECKING:
    from shared.embedding.port import Embedder

_DEFAULTS = QuestionSettings()
_LABEL = re.compile(r"^(?:\W*(?:question|q)\s*\d*\s*[:.)-]+|\d+[.)]|[-*\u2022])\s*", re.IGNORECASE)
_NEEDS_CONTEXT = re.compile(
    r"\b(?:this|the|above|following|given)\s+(?:passage|text|paragraph|article|excerpt|summary"
    r"|sentence|statement|author|document|question|answer)s?\b"
    r"|\bof the following\b|\baccording to (?:this|the)\b|\bthe (?:above|two|same)\s*\?",
    re.IGNORECASE,
)
_EMPTY = re.compile(
    r"^(?:what is (?:the )?(?:main|central|primary|key) (?:topic|idea|point|theme|subject)"
    r"|what is (?:this|it|that)(?: all)? about|what (?:is|was|does) (?:it|this|that|he|she|they)\b"
    r"|what happened\?$|can you|do you|could you|would you)",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(?:it|its|he|him|his|she|her|they|them|their|these|those)\b", re.IGNORECASE
)
_YES_OR_NO = re.compile(
    r"^(?:is|are|was|were|do|does|did|has|have|had|can|could|will)\b", re.IGNORECASE
)
_NUMBER = (
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|dozen|hundred|thousand|million)"
)
# What an answer has to hold to be one to a question that begins like this.
_WANTED = (
    (
        re.compile(
            r"^(?:when\b|(?:in|on|during) (?:what|which) (?:year|century|decade|date|month))",
            re.IGNORECASE,
        ),
        re.compile(
            r"\d|\b(?:century|centuries|years?|day|night|winter|summer|spring|autumn|before|after"
            r"|when|until|during|once|while|since|if|every|always|never)\b",
            re.IGNORECASE,
        ),
    ),
    (
        re.compile(
            r"^(?:how (?:many|much|long|old|far|often|big|large)\b|what percent)", re.IGNORECASE
        ),
        re.compile(
            _NUMBER + r"|\b(?:many|few|most|half|all|every|several|long|within)\b", re.IGNORECASE
        ),
    ),
    (
        re.compile(r"^why\b", re.IGNORECASE),
        re.compile(
            r"\b(?:because|since|so|to|as|due|for|reason|cause[sd]?|caus\w+|result\w*|therefore"
            r"|in order|means?|allow\w*|lets?|prevent\w*|help\w*|led|leads?|encourag\w+|keeps?)\b",
            re.IGNORECASE,
        ),
    ),
    (
        re.compile(r"^(?:who|whom|whose)\b", re.IGNORECASE),
        re.compile(r"(?<=\s)[A-Z][a-z]|\b(?:people|someone|person|user|engineer|man|woman)s?\b"),
    ),
    (
        re.compile(
            r"^(?:where\b|in (?:what|which) (?:country|city|place|region|part))", re.IGNORECASE
        ),
        re.compile(r"\b(?:in|at|on|near|from|to|into|under|over|between|behind|beside|inside)\b"),
    ),
)
_FEWEST_WORDS, _MOST_WORDS = 4, 30
_FEW_TELLING = 3
_LEAKED_SHARE = 0.75
_LEAKED_RUN = 7
_UNKNOWN_SHARE = 0.6
_SAME_SHARE = 0.8


@dataclasses.dataclass(frozen=True, slots=True)
class _Candidate:
    text: str
    penalty: float


def maker(
    generator: TextGenerator,
    embedder: Embedder | None = None,
    settings: QuestionSettings = _DEFAULTS,
) -> Maker:
    """Return what to write beside a question made with these."""
    weights = (settings.passage_weight, settings.answer_weight, settings.words_weight)
    ranking = ",".join(f"{each:g}" for each in weights)
    by = f"{embedder.model}@" if embedder else ""
    prompt = f"{_prompt(settings).identity}-{by}{ranking}"
    return Maker(model=generator.model, prompt=prompt, decoding=generator.decoding)


async def ask(
    passage: str,
    summary: str,
    generator: TextGenerator,
    embedder: Embedder | None = None,
    *,
    title: str = "",
    settings: QuestionSettings = _DEFAULTS,
) -> list[str]:
    """Return one to `settings.count` questions, best first, no two alike.

    Args:
        passage: the text that the question is about.
        summary: its summary, the answer.
        generator: the model that writes the candidates.
        embedder: ranks them by meaning; without one they are ranked by their words.
        title: the document's title; may be empty.
        settings: how many, and how they are ranked.

    Raises:
        GenerationFailed: nothing the model wrote is a question.
    """
    fields = {"summary": summary, "topic": title or _topic(summary)}
    request = GenerationRequest(_prompt(settings), passage, fields)
    texts = dict.fromkeys(clean(each) for each in await generator.generate(request))
    candidates = [_judged(each, passage, summary, title) for each in texts if each]
    if not candidates:
        raise GenerationFailed(
            f"The model {generator.model} wrote no question about {passage[:60]!r}."
        )
    scores = await _scores(candidates, passage, summary, embedder, settings)
    order = sorted(range(len(candidates)), key=lambda place: (-scores[place], place))
    return _distinct([candidates[place] for place in order], settings.count)


def clean(text: str) -> str:
    """Return the first question in the text on one line, or nothing if there is none."""
    for line in text.splitlines():
        bare = " ".join(_LABEL.sub("", line.strip()).strip("\"'\u201c\u201d*` ").split())
        end = bare.find("?")
        if end < 0:
            continue
        # A statement before the question belongs to the model's train of thought.
        start = max(bare.rfind(mark, 0, end) + 2 for mark in (". ", "! ", ": "))
        question = bare[start if start > 1 else 0 : end + 1].strip("\"'\u201c ")
        return question[:1].upper() + question[1:]
    return ""


def _judged(question: str, passage: str, summary: str, title: str) -> _Candidate:
    """Weigh what is wrong with a question; 1 and above is unfit, less is a blemish."""
    count = len(question.split())
    known = {stem(word) for word in (*words(passage), *words(title))}
    telling = content(question)
    faults = {
        1.0: not _FEWEST_WORDS <= count <= _MOST_WORDS,
        1.1: bool(_NEEDS_CONTEXT.search(question)),
        1.2: bool(_EMPTY.match(question)),
        1.3: _leaks(question, summary),
        1.4: not telling or share_found(telling, known) < _UNKNOWN_SHARE,
        0.5: _invents(question, f"{passage} {title}"),
        0.31: not _answers(question, summary),
        0.25: bool(_YES_OR_NO.match(question)),
        0.2: set(telling) <= set(content(title)),
        0.15: bool(_PRONOUN.search(question)),
        0.1: _stutters(question),
    }
    return _Candidate(question, sum(weight for weight, holds in faults.items() if holds))


def _answers(question: str, summary: str) -> bool:
    """Whether the summary holds the sort of thing that the question asks for."""
    return all(held.search(summary) for asked, held in _WANTED if asked.match(question))


def _leaks(question: str, summary: str) -> bool:
    """Whether the question gives the answer away: nearly all of its words, or many in a row."""
    telling = set(content(summary))
    if len(telling) >= _FEW_TELLING:
        if share_found(sorted(telling), set(content(question))) >= _LEAKED_SHARE:
            return True
    elif summary.strip(" .").lower() in question.lower():
        return True
    asked, said = words(question), " ".join(words(summary))
    runs = (asked[at : at + _LEAKED_RUN] for at in range(len(asked) - _LEAKED_RUN + 1))
    return any(f" {' '.join(run)} " in f" {said} " for run in runs)


def _invents(question: str, source: str) -> bool:
    """Whether a name or number in the question is not in the source."""
    named = [each for each in question.split()[1:] if each[0].isupper() or each[0].isdigit()]
    known = {stem(word) for word in words(source)}
    return share_found([stem(word) for each in named for word in words(each)], known) < 1


def _stutters(question: str) -> bool:
    telling = content(question)
    return len(telling) - len(set(telling)) > 1


def _prompt(settings: QuestionSettings) -> Prompt:
    return dataclasses.replace(QUESTION, seq2seq=settings.seq2seq_prompt)


def _topic(summary: str) -> str:
    return " ".join(summary.split()[:6])


async def _scores(
    candidates: Sequence[_Candidate],
    passage: str,
    summary: str,
    embedder: Embedder | None,
    settings: QuestionSettings,
) -> list[float]:
    known = {stem(word) for word in words(passage)}
    scores = [
        settings.words_weight * share_found(content(each.text), known) - each.penalty
        for each in candidates
    ]
    if embedder is None:
        return scores
    vectors = await embedder.embed([*(each.text for each in candidates), passage, summary])
    to_passage, to_summary = vectors @ vectors[-2], vectors @ vectors[-1]
    return [
        score
        + settings.passage_weight * float(to_passage[place])
        + settings.answer_weight * float(to_summary[place])
        for place, score in enumerate(scores)
    ]


def _distinct(ranked: Sequence[_Candidate], count: int) -> list[str]:
    """Return the first `count` that differ; unfit ones only if there is nothing else at all."""
    chosen: list[str] = []
    for each in ranked:
        telling = content(each.text)
        alike = any(share_found(telling, set(content(other))) >= _SAME_SHARE for other in chosen)
        if len(chosen) < count and not alike and (each.penalty < 1 or not chosen):
            chosen.append(each.text)
    return chosen
