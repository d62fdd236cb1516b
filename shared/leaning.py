"""Whether a text leans on something that its reader does not see.

A question is read without its passage: in a search, in an exam, by a tuned model. One about "the
passage", "this study" or what "he" did cannot be answered there.
"""

from __future__ import annotations

import re

from shared.text import QUESTION_WORDS, STOP_WORDS

_TEXT = (
    r"(?:passage|excerpt|paragraph|summary|text|article|document|author|writer|study|section"
    r"|sentence|statement|report|paper|chapter|essay|story|page)s?"
)
_GIVEN = r"(?:above|following|given|provided|present)"
_THE = rf"(?:the|this|these|{_GIVEN})(?:\s+{_GIVEN})?"
_SAYS = (
    r"(?:say|state|mention|describe|discuss|explain|argue|suggest|claim|highlight|tell|talk|refer"
    r"|give|provide|focus|conclude|imply|present|call|emphasi[sz]e|outline|note|cover|compare|detail"
    r"|point|show|illustrate|introduce|examine|explore|is about)"
)
_ABOUT_TEXT = re.compile(
    "|".join(
        (
            rf"\b{_THE}\s+(?:passage|excerpt|paragraph|summary)s?\b",
            rf"\b(?:this|these|{_GIVEN})\s+{_TEXT}\b",
            rf"\b(?:in|from|by|per|based on)\s+{_THE}\s+(?:text|article|document|author)s?\b",
            rf"\baccording to\s+{_THE}\s+{_TEXT}\b",
            rf"\b(?:does|did|do|is|was)\s+the\s+{_TEXT}\s+(?:\w+ly\s+)?(?:{_SAYS}|about)\b",
            rf"\bthe\s+(?:text|article|document|author)s?\s+{_SAYS}(?:s|d|ed|es)?\b",
            r"\b(?:of|as|from) the following\b|\bthe (?:above|two)\s*\?",
            r"\b(?:mentioned|described|discussed|stated|listed) (?:above|here)\b",
        )
    ),
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\w+(?:['\u2019]\w+)?|[,;:]")
_PERSONS = frozenset("he she him her his hers himself herself".split())  # noqa: SIM905
_THINGS = frozenset("it its itself they them their theirs themselves".split())  # noqa: SIM905
_POINTERS = frozenset(("this", "these", "those"))
_ASKED_FOR_WORDS = 2  # "what components raise"
_CLAUSES = frozenset(("if", "when", "given", "because", "since", "after", "while", "although"))
_BE = r"(?:is|was|be|been|has been|had been|becomes?)"
_EMPTY_IT = re.compile(  # "how long does it take", "why is it important to", "it is true that"
    "|".join(
        (
            r"\bit\s+(?:take|mean|cost|seem|appear|matter)s?\b|\bit\s+(?:took|taken)\b",
            rf"\b{_BE}\s+it\s+(?:\w+ly\s+)?\w+\s+(?:to|that|for|if|when)\b",
            rf"\bit\s+{_BE}\s+(?:\w+ly\s+)?\w+\s+(?:to|that|for|if)\b",
            r"\b(?:make|makes|made|find|finds|found)\s+it\s+(?:\w+ly\s+)?\w+\s+(?:to|for|that)\b",
        )
    ),
    re.IGNORECASE,
)
_VERB = re.compile(  # participles, which stand where nouns do
    r"\w+(?:ed|ing)|given|made|built|found|held|known|born|taken|written|shown|seen|lost|won|sold|led"
    r"|put|set|used|begun|come|gone|said|told|kept|left",
    re.IGNORECASE,
)
_PERSON = re.compile(
    r"(?:man|woman|person|people|king|queen|emperor|president|leader|author|artist|player|scientist"
    r"|teacher|child|father|mother|son|daughter|wife|husband|brother|sister)s?|\w+(?:er|or|ist|ian)s?",
    re.IGNORECASE,
)


def text_spoken_of(text: str) -> str:
    """Return how it speaks of the text it was made from: "the passage", "in this study"."""
    found = _ABOUT_TEXT.search(text)
    return found.group() if found else ""


def points_outside(question: str) -> bool:
    """Whether a pronoun or "this ..." in it stands for something that it does not name."""
    tokens = _TOKEN.findall(question)
    free_of_it = _EMPTY_IT.sub(" ", question)
    pronouns = {each.lower() for each in _TOKEN.findall(free_of_it)}
    for place, token in enumerate(tokens):
        word = token.lower()
        if word not in pronouns:
            continue
        if word in _POINTERS and _points(tokens, place):
            return True
        if word in _PERSONS and not _person_named(tokens, place):
            return True
        if word in _THINGS and not _thing_named(tokens, place):
            return True
    return False


def _points(tokens: list[str], place: int) -> bool:
    following = tokens[place + 1].lower() if place + 1 < len(tokens) else ""
    if (
        tokens[0].lower() in _CLAUSES and "," in tokens[:place]
    ):  # "If P is NP, what follows of this?"
        return False
    if tokens[place].lower() == "those" and not following.endswith("s"):
        return False  # "those who", "those responsible"
    return following not in {each.lower() for each in tokens[:place]}


def _names(tokens: list[str]) -> list[str]:
    """Return the words with capitals, but for the first of the question."""
    return [each for each in tokens[1:] if each[:1].isupper() and each != "I"]


def _person_named(tokens: list[str], place: int) -> bool:
    return bool(_names(tokens)) or any(_PERSON.fullmatch(each) for each in _nouns(tokens[:place]))


def _thing_named(tokens: list[str], place: int) -> bool:
    return bool(_names(tokens)) or bool(_nouns(tokens[:place]))


def _nouns(before: list[str]) -> list[str]:
    """Return what may be meant by a later pronoun: not what is asked for, nor the verb after it."""
    found = []
    asked_for = 0
    for token in before:
        word = token.lower()
        if word in QUESTION_WORDS:
            asked_for = _ASKED_FOR_WORDS
        elif word in STOP_WORDS or not word[0].isalpha():
            asked_for = 0
        elif asked_for:
            asked_for -= 1
        elif not _VERB.fullmatch(token):
            found.append(token)
    return found
