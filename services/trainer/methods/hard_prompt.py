"""Hard prompt tuning: a search for the words that work best, scored on rows held back.

A written grid first, then changes to the best so far: a paraphrase by the model itself, a part
deleted, two parts swapped, another layout. Every try is kept in `search.jsonl`.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import Field

from services.trainer.job import Job, MethodSettings, Tuned
from services.trainer.scores import per_item
from shared.answering.artifact import Artifact, prompted
from shared.answering.port import Answerer, Query
from shared.answering.template import Template
from shared.files import write_atomically

_LONGEST = 60  # words of an instruction
_ANSWERS = (
    "Answer the question from the passage, in as few words as possible.",
    "Copy the words of the passage that answer the question.",
    "Read the passage and answer the question. Give only the answer.",
    "Answer with a short phrase taken from the passage.",
    "Extract the answer to the question from the passage. Do not explain.",
    "Give the answer only.",
    "",
)
_LABELS = (
    "Classify the text as {choice}.",
    "Is the text {choice}? Answer with one word.",
    "Decide which label fits the text best: {choice}.",
    "You are a careful annotator. Label the text {choice}. Reply with the label only.",
    "{choice}?",
    "",
)
_CUES = {True: ("Label", "Sentiment", "Category"), False: ("Answer", "Short answer")}
_PARAPHRASE = "Say the same instruction in other words. Write one sentence."


class HardPromptSettings(MethodSettings):
    """Settings of hard prompt tuning.

    Attributes:
        candidates: how many prompts are tried.
        rows: how many held-back rows each is scored on.
    """

    candidates: int = Field(default=16, ge=2)
    rows: int = Field(default=32, ge=1)


@dataclass(frozen=True)
class _Try:
    score: float
    template: Template
    seconds: float


class HardPrompt:
    """Searches over instructions and layouts."""

    settings = HardPromptSettings
    words_only = True
    labels_only = False

    def __init__(self, settings: HardPromptSettings) -> None:
        self._settings = settings

    def tune(self, job: Job) -> Tuned:
        """Search, and save the best template."""
        log = job.folder / "checkpoint" / "search.jsonl"
        tried = _read(log)
        earlier = sum(each.seconds for each in tried)
        rows = (job.data.validation or job.data.train)[: self._settings.rows]
        grid = _grid(job)
        while len(tried) < self._settings.candidates and not (job.late and tried):
            began = time.monotonic()
            job.progress("searching", len(tried), self._settings.candidates)
            template = self._next(job, grid, tried)
            if template is None:
                break
            score = _score(job, template, rows)
            tried.append(_Try(score, template, time.monotonic() - began))
            _write(log, tried)
        best = max(tried, key=lambda each: each.score)
        job.save("prompt", best.template)
        shutil.copy(log, job.artifact_folder / log.name)
        note = (
            f"{len(tried)} prompts tried on {len(rows)} held-back rows: "
            f"{tried[0].score:.2f} with the first, {best.score:.2f} with the best."
        )
        return Tuned(total=job.parameters, earlier_seconds=earlier, notes=(note,))

    def _next(self, job: Job, grid: list[Template], tried: list[_Try]) -> Template | None:
        """Return a template that was not tried: of the grid for half the budget, then changed.

        What is drawn depends on the seed and on what was tried, so a resumed search is the same.
        """
        draw = random.Random(f"{job.seed}/{len(tried)}")
        seen = {each.template for each in tried}
        if len(tried) < max(self._settings.candidates // 2, 1):
            fresh = [each for each in grid if each not in seen]
            if fresh:
                return fresh[0]
        order = sorted(tried, key=lambda each: -each.score)[:3]
        for _ in range(20):
            parent = draw.choice(order).template
            for changed in _changes(job, parent, draw):
                if changed not in seen:
                    return changed
        return next((each for each in grid if each not in seen), None)


def _grid(job: Job) -> list[Template]:
    """Return the written templates: the default, then each instruction in turn with each layout."""
    base = job.template
    *first, last = job.task.labels or ("",)
    choice = f"{', '.join(first)} or {last}" if first else last
    texts = _LABELS if job.task.labels else _ANSWERS
    chats = (base.chat, not base.chat) if base.chat and not job.behind_endpoint else (base.chat,)
    made = [
        replace(base, instruction=text.format(choice=choice), chat=chat, cue=cue)
        for cue in _CUES[bool(job.task.labels)]
        for text in texts
        for chat in chats
        if not (chat and cue != base.cue)  # a conversation has no cue
    ]
    rest = [each for each in made if each != base]
    random.Random(job.seed).shuffle(rest)
    return [base, *rest]


def _changes(job: Job, parent: Template, draw: random.Random) -> Iterator[Template]:
    """Yield the parent changed in one way, drawn anew each time."""
    words = parent.instruction.split()
    way = draw.choice(("paraphrase", "delete", "swap", "layout"))
    if way == "paraphrase" and words:
        text = _paraphrased(job, parent.instruction)
        if text and len(text.split()) <= _LONGEST:
            yield replace(parent, instruction=text)
    elif way == "delete" and len(words) > 1:
        parts = re.split(r"(?<=[.,:?])\s+", parent.instruction)
        parts = parts if len(parts) > 1 else words
        del parts[draw.randrange(len(parts))]
        yield replace(parent, instruction=" ".join(parts))
    elif way == "swap" and len(words) > 1:
        parts = re.split(r"(?<=[.?])\s+", parent.instruction)
        parts = parts if len(parts) > 1 else words
        one, other = draw.sample(range(len(parts)), 2)
        parts[one], parts[other] = parts[other], parts[one]
        yield replace(parent, instruction=" ".join(parts))
    elif way == "layout":
        yield replace(parent, question_first=not parent.question_first)
        if not parent.chat:
            yield replace(parent, cue=draw.choice(_CUES[bool(job.task.labels)]))


def _paraphrased(job: Job, instruction: str) -> str:
    template = Template(_PARAPHRASE, job.template.chat, question="Instruction", cue="Other words")
    artifact = Artifact("prompt", job.method, job.model, template)
    return _answerer(job, artifact).answer([Query(instruction)])[0].strip()


def _score(job: Job, template: Template, rows: Any) -> float:
    artifact = Artifact("prompt", job.method, job.model, template, job.task.labels)
    answers = _answerer(job, artifact).answer([item.query for item in rows])
    values = per_item(job.task, rows, answers)
    return sum(values) / len(values)


def _answerer(job: Job, artifact: Artifact) -> Answerer:
    return prompted(artifact, network=lambda: job.network)


def _read(log: Path) -> list[_Try]:
    if not log.is_file():
        return []
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").split("\n") if line]
    return [_Try(each["score"], Template(**each["template"]), each["seconds"]) for each in lines]


def _write(log: Path, tried: list[_Try]) -> None:
    lines = [json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in tried]
    write_atomically(log, lambda partial: partial.write_text("".join(lines), encoding="utf-8"))
