"""Whether a text is a question, and what is wrong with it as one to a given answer."""

from __future__ import annotations

import re

from shared.asking import asks
from shared.leaning import points_outside, text_spoken_of
from shared.text import (
    QUESTION_WORDS,
    content,
    longest_common_run,
    sentences,
    share_found,
    stem,
    words,
)

_LABEL = re.compile(r"^(?:\W*(?:question|q)\s*\d*\s*[:.)-]+|\d+[.)]|[-*\u2022])\s*", re.IGNORECASE)
_ANNOUNCED = re.compile(
    r"^.*:\s+(?=[\"\u201c]?(?:what|which|who|whom|whose|when|where|why|how|in (?:what|which)|is"
    r"|are|was|were|do|does|did)\b)",
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
_WORD = rf"\b(?:{'|'.join(sorted(QUESTION_WORDS))})\b"
_OPENS = re.compile(rf"(?:^|, )(?:\w+ )?{_WORD}", re.IGNORECASE)
_ASKED_LATE = re.compile(rf".+{_WORD}", re.IGNORECASE)  # "The two lists are merged by what?"
_NUMBER = (  # but not a year
    r"\b(?!1\d{3}\b|20\d\d\b)\d"
    r"|\b(?:two|three|four|five|six|seven|eight|nine|ten|dozen|hundred|thousand|million)s?\b"
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
            r"|when|until|during|once|while|since)\b",
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
            r"\b(?:because|since|so|, as|due to|reason|caus\w+|result\w*|therefore|thus|in order"
            r"|means?|allow\w*|lets?|prevent\w*|help\w*|led|leads?|encourag\w+|keeps?|protect\w*"
            r"|avoid\w*|thanks|owing|otherwise)\b",
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
_DEFINITION = re.compile(r"^(?:who|what) (?:is|are|was|were) ([^,]+)\?$", re.IGNORECASE)
_LONGEST_SUBJECT, _OPENING_WORDS = 4, 4
_FEWEST_WORDS, _MOST_WORDS = 4, 30
_FEW_TELLING = 3
_LEAKED_SHARE = 0.75
_LEAKED_RUN = 7
_UNKNOWN_SHARE = 0.66


def clean(text: str) -> str:
    """Return the first question in the text on one line, or nothing if there is none."""
    for line in text.splitlines():
        bare = " ".join(_LABEL.sub("", line.strip()).strip("\"'\u201c\u201d*` ").split())
        end = bare.find("?")
        if end < 0:
            continue
        # A statement before the question belongs to the model's train of thought.
        question = _ANNOUNCED.sub("", sentences(bare[: end + 1])[-1]).strip("\"'\u201c ")
        return question[:1].upper() + question[1:]
    return ""


def faults(question: str, passage: str, summary: str, title: str) -> float:
    """Weigh what is wrong with a question; 1 and above is unfit, less is a blemish."""
    count = len(question.split())
    known = {stem(word) for word in (*words(passage), *words(title))}
    telling = content(question)
    weights = {
        1.0: not _FEWEST_WORDS <= count <= _MOST_WORDS,
        1.1: bool(text_spoken_of(question)),
        1.05: points_outside(question),
        1.2: bool(_EMPTY.match(question)),
        1.6: not asks(question),
        1.3: _leaks(question, summary),
        1.4: not telling or share_found(telling, known) < _UNKNOWN_SHARE,
        0.5: _invents(question, f"{passage} {title}"),
        0.6: not _answers(question, summary),
        0.25: bool(_YES_OR_NO.match(question)),
        0.4: _turned(question),
        0.2: set(telling) <= set(content(title)),
        0.15: bool(_PRONOUN.search(question)),
        0.3: _repeats(telling) == 1,
        1.5: _repeats(telling) > 1,
    }
    return sum(weight for weight, holds in weights.items() if holds)


def _turned(question: str) -> bool:
    """Whether it is a statement with a question word in the place of what is asked for."""
    opens = _OPENS.search(question) or _YES_OR_NO.match(question)
    return not opens and bool(_ASKED_LATE.match(question))


def _answers(question: str, summary: str) -> bool:
    """Whether the summary holds the sort of thing that the question asks for."""
    defined = _DEFINITION.match(question)
    if defined and 0 < len(subject := content(defined.group(1))) <= _LONGEST_SUBJECT:
        return set(subject) <= set(content(summary)[:_OPENING_WORDS])
    return all(held.search(summary) for asked, held in _WANTED if asked.match(question))


def _leaks(question: str, summary: str) -> bool:
    """Whether the question gives the answer away: nearly all of its words, or many in a row."""
    telling = set(content(summary))
    if len(telling) >= _FEW_TELLING:
        if share_found(sorted(telling), set(content(question))) >= _LEAKED_SHARE:
            return True
    elif summary.strip(" .").lower() in question.lower():
        return True
    return longest_common_run(words(question), words(summary)) >= _LEAKED_RUN


def _invents(question: str, source: str) -> bool:
    """Whether a name or number in the question is not in the source."""
    named = [each for each in question.split()[1:] if each[0].isupper() or each[0].isdigit()]
    known = {stem(word) for word in words(source)}
    return share_found([stem(word) for each in named for word in words(each)], known) < 1


def _repeats(telling: list[str]) -> int:
    return len(telling) - len(set(telling))
