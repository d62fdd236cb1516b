"""A passage in, its summary out; the summary becomes the answer of a question.

Small models write fluent summaries that contradict the passage (of twenty by SmolLM2-135M about
half did). So the model's draft decides what the summary is about, and the passage what it says:
draft sentences that the passage does not bear out are replaced by the passage's own, those which
the draft speaks of most.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import itertools
import math
import re
from collections.abc import Sequence

from services.summarizer.prompts import SUMMARY
from services.summarizer.settings import Faithfulness, SummarySettings
from shared.generation.port import GenerationRequest, Prompt, TextGenerator
from shared.leaning import text_spoken_of
from shared.messages import Maker
from shared.text import content, in_order, negations, sentences, share_found, stem, words

_DEFAULTS = SummarySettings()
_FRAME = re.compile(
    r"^(?:(?:in )?(?:this|the) (?:text|passage|paragraph|article)\b[^,]{0,60}?\b(?:that|,)\s+"
    r"|(?:in summary|in short|overall|sure|summary|answer)[,:!]\s+)",
    re.IGNORECASE,
)
_CONNECTIVE = re.compile(
    r"^(?:(?:however|moreover|furthermore|in addition|additionally|therefore|thus|hence"
    r"|consequently|as a consequence|as a result|nevertheless|nonetheless|in contrast|conversely"
    r"|for example|for instance|for this reason|again|also|finally|similarly|likewise"
    r"|in other words|that is|on the other hand|indeed|in fact|meanwhile|instead|then),"
    r"|and|but|so|this means that|note that)\s+(?=\w)",
    re.IGNORECASE,
)
_LEANS = re.compile(
    r"^(?:it|its|he|she|they|their|his|her|this|that|these|those|such|both|another|one of these"
    r"|the (?:former|latter|same|other)|there|here|some of these|most of these|all of these)\b",
    re.IGNORECASE,
)
_NOTE = re.compile(
    r"\s*\[(?:citation needed|note \d+|\d{1,3}|who\?|clarification needed)\]|(?<=\.):\d[\d\u2013-]*"
)
_ACTIVITY = re.compile(r"^[A-Z][a-z]+ing\b")  # a list's "Stopping when ...", no sentence
_NAME = re.compile(r"\w+|^\.")
_ANNOUNCES = re.compile(
    r"\b(?:two|three|four|five|several|many|some|another) (?:\w+ )?(?:advantages?|properties"
    r"|reasons?|ways?|steps?|parts?|kinds?|forms?|methods?|things|points?|questions?|problems?)\b",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
_IN_ORDER = 0.9
_SUPPORTED = 0.8
_FEW_WORDS, _SHORT, _MANY_WORDS, _MOST_WORDS = 8, 13, 40, 60
_SAID = 0.5


def maker(generator: TextGenerator, settings: SummarySettings = _DEFAULTS) -> Maker:
    """Return what to write beside a summary made with these."""
    parts = f"-{settings.count}" if settings.count > 1 else ""
    prompt = f"{_prompt(settings).identity}-{_mode(generator, settings)}{parts}"
    return Maker(model=generator.model, prompt=prompt, decoding=generator.decoding)


async def summaries(
    passage: str,
    generator: TextGenerator,
    *,
    title: str = "",
    heading_path: Sequence[str] = (),
    settings: SummarySettings = _DEFAULTS,
) -> list[str]:
    """Return up to `settings.count` summaries: of the passage, then of parts it says nothing of.

    For arguments and errors see `summarize`.
    """
    one = functools.partial(
        summarize, generator=generator, title=title, heading_path=heading_path, settings=settings
    )
    found = [await one(passage)]
    parts = [part for part in _parts(passage, settings.count) if not _said(found[0], [part])]
    for other in await asyncio.gather(*map(one, parts)):
        if len(found) < settings.count and not _said(other, found):
            found.append(other)
    return found


async def summarize(
    passage: str,
    generator: TextGenerator,
    *,
    title: str = "",
    heading_path: Sequence[str] = (),
    settings: SummarySettings = _DEFAULTS,
) -> str:
    """Return a summary of one or a few whole sentences.

    Args:
        passage: the text to summarise.
        generator: the model that drafts.
        title: the document's title; may be empty.
        heading_path: the headings above the passage, outermost first.
        settings: how faithful the summary has to be.

    Raises:
        GenerationFailed: the model wrote nothing.
    """
    topic = " / ".join(dict.fromkeys(each for each in (title, *heading_path) if each))
    request = GenerationRequest(
        _prompt(settings), passage, {"heading": f"{topic}\n\n" if topic else ""}
    )
    draft = (await generator.generate(request))[0]
    return faithful(draft, passage, _mode(generator, settings))


def faithful(draft: str, passage: str, mode: Faithfulness) -> str:
    """Return what of the draft may stand beside the passage, or the passage's own words for it."""
    claims = [_unframed(each) for each in sentences(draft) if each[-1] in ".!?\"'\u201d)"]
    if mode == "off":
        return " ".join(claims) or draft
    own = sentences(_NOTE.sub("", passage))
    holds = _quotes if mode == "quote" else _supports
    kept = [each for each in claims if not text_spoken_of(each) and holds(each, own)]
    return " ".join(dict.fromkeys(kept)) or _closest(draft, own) or draft


def _mode(generator: TextGenerator, settings: SummarySettings) -> Faithfulness:
    if settings.faithfulness != "auto":
        return settings.faithfulness
    return "quote" if generator.kind == "causal" else "supported"


def _prompt(settings: SummarySettings) -> Prompt:
    return dataclasses.replace(SUMMARY, seq2seq=settings.seq2seq_prompt)


def _unframed(sentence: str) -> str:
    return _capitalised(_FRAME.sub("", sentence))


def _capitalised(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _quotes(claim: str, own: Sequence[str]) -> bool:
    """Whether one or two neighbouring sentences of the passage say this in nearly these words."""
    said = words(claim)
    if len(said) < _FEW_WORDS or _LEANS.match(claim):
        return False
    windows = [*own, *(f"{a} {b}" for a, b in itertools.pairwise(own))]
    for window in windows:
        source = words(window)
        same_sense = negations(said) == negations(source)
        all_known = share_found(content(claim), {stem(each) for each in source}) == 1
        same_names = _names(claim) <= _names(f". {window}")
        if same_sense and all_known and same_names and in_order(said, source) >= _IN_ORDER:
            return True
    return False


def _names(text: str) -> set[str]:
    """Return the words with capitals as they are written, but for the first."""
    return {each for each in _NAME.findall(text)[1:] if each != each.lower()}


def _supports(claim: str, own: Sequence[str]) -> bool:
    """Whether the passage has the claim's numbers and nearly all of its words."""
    source = {stem(word) for sentence in own for word in words(sentence)}
    said = content(claim)
    numbers = [each for each in said if each[0].isdigit()]
    return share_found(numbers, source) == 1 and share_found(said, source) >= _SUPPORTED


def _closest(draft: str, own: Sequence[str]) -> str:
    """Return the passage's sentence that the draft speaks of, with the one before if it leans."""
    if not own:
        return ""
    spoken = set(content(draft))
    worths = [_worth(each, place) for place, each in enumerate(own)]
    scores = [_likeness(spoken, each) * worth for each, worth in zip(own, worths, strict=True)]
    best = max(range(len(own)), key=lambda place: (scores[place], worths[place], -place))
    chosen = _CONNECTIVE.sub("", own[best])
    if best and _LEANS.match(chosen):
        together = f"{_CONNECTIVE.sub('', own[best - 1])} {own[best]}"
        if len(together.split()) <= _MOST_WORDS and own[best - 1][-1] in ".!":
            chosen = together
    return _capitalised(chosen)


def _likeness(spoken: set[str], sentence: str) -> float:
    said = set(content(sentence))
    return len(said & spoken) / math.sqrt(max(len(said), 1) * max(len(spoken), 1))


def _worth(sentence: str, place: int) -> float:
    """Return how well the sentence stands as an answer by itself, 0 to 1."""
    count = len(sentence.split())
    worth = 1.0 if place == 0 else 0.9
    if _LEANS.match(_CONNECTIVE.sub("", sentence)) or _ACTIVITY.match(sentence):
        worth *= 0.6
    if sentence[-1] not in ".!\"'\u201d)":
        worth *= 0.3
    if count < _FEW_WORDS or count > _MANY_WORDS:
        worth *= 0.5
    if not _DIGIT.search(sentence):  # people ask about .72 of the sentences with one, .54 of others
        worth *= 0.7
    if _ANNOUNCES.search(sentence):  # what it announces is the answer, and stands elsewhere
        worth *= 0.6
    elif count < _SHORT:  # often it only announces what comes next
        worth *= 0.8
    return worth


def _parts(passage: str, count: int) -> list[str]:
    """Return the passage in so many pieces of whole sentences, about as long as each other."""
    own = sentences(_NOTE.sub("", passage)) if count > 1 else []
    if not own:
        return []
    ends = list(itertools.accumulate(len(each.split()) for each in own))
    places = [min((end - 1) * count // ends[-1], count - 1) for end in ends]
    pieces = [
        " ".join(each for each, at in zip(own, places, strict=True) if at == place)
        for place in range(count)
    ]
    return [piece for piece in pieces if len(piece.split()) >= _FEW_WORDS]


def _said(summary: str, texts: Sequence[str]) -> bool:
    """Whether one of the texts says most of what the summary says."""
    return any(share_found(content(summary), set(content(text))) >= _SAID for text in texts)
