"""The card of a dataset version: what is in it, how it was made, and what was left out and why.

A README.md as the Hugging Face hub reads it, with its plots beside it. The same rows, version and
file give the same card.
"""

from __future__ import annotations

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from services.curator.build import RANK
from services.curator.plots import bars, histograms
from services.curator.reviewed import REVIEWER
from shared.storage.dataset import DatasetVersion
from shared.storage.rows import Example
from shared.text import words

MARK = "<!-- Written by Gristmill; it is written anew with the dataset. -->"
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_SPLITS = ("train", "validation", "test")
_PLOTTED = ("round_trip", "grounding_similarity", "answer_leaked")
_MOST_DOCUMENTS, _MOST_WORDS = 20, 12
_MADE = (
    "A language model wrote summaries of the passages and asked the questions that they answer; "
    "`source_uri`, `heading_path`, `page`, `char_start` and `char_end` say where a passage stands."
)


def card(
    rows: Sequence[Example], version: DatasetVersion, *, plots: str = "card", file: str = ""
) -> dict[str, str]:
    """Return the files of a card by their paths: README.md and the plots it shows.

    Args:
        rows: of the version, accepted and rejected.
        version: which one.
        plots: the folder for the plots, beside README.md.
        file: the exported file that the card lies beside; empty where there is none.
    """
    accepted = [row for row in rows if row.status == "accepted"]
    reasons = Counter(reason for row in rows for reason in row.reasons)
    firsts = _first_words(accepted)
    outcome = [("accepted", len(accepted)), *reasons.most_common()]
    scored = [(name, values) for name, values in _scores(accepted) if name in _PLOTTED]
    shown = {
        f"{plots}/verdicts.svg": bars("Rows accepted, and reasons of the rejected", outcome),
        f"{plots}/scores.svg": histograms("Scores of the accepted rows", scored),
        f"{plots}/questions.svg": bars("How accepted questions begin", firsts),
    }
    verdicts, scores, questions = (f"![]({path})" for path in shown)
    sections = [
        _header(accepted, file),
        f"{MARK}\n\n# Gristmill dataset v{version.number}",
        _summary(rows, accepted, version, file),
        _table(("split", "accepted", "rejected"), _by_split(rows)),
        "## What was rejected, and why",
        _table(("reason", "rows"), reasons.most_common()) if reasons else "Nothing was rejected.",
        verdicts,
        *_judges(rows, version),
        "## Scores",
        "Of the accepted rows.",
        _table(("score", "rows", "5%", "median", "95%"), _quantiles(accepted)),
        scores,
        _search(accepted, version),
        "## Documents",
        _table(("document", "split", "accepted", "rejected"), _documents(rows)),
        "## Questions",
        _table(("first word", "rows"), firsts),
        questions,
        "## How it was made",
        *_makers(rows, version),
        "The licence of the documents applies to what was made of them.",
    ]
    return {"README.md": "\n\n".join(filter(None, sections)) + "\n", **shown}


def _header(accepted: Sequence[Example], file: str) -> str:
    size = next((name for most, name in _SIZES if len(accepted) < most), "n>1M")
    human = any(row.human for row in accepted)
    lines = [
        "---",
        "license: other",
        "task_categories: [question-answering, text-generation]",
        f"annotations_creators: [machine-generated{', expert-generated' if human else ''}]",
        "source_datasets: [original]",
        f"size_categories: [{json.dumps(size)}]",
        "tags: [gristmill, synthetic]",
    ]
    if file:
        lines += ["configs:", "- config_name: default", f"  data_files: {json.dumps(file)}"]
    return "\n".join([*lines, "---"])


def _summary(
    rows: Sequence[Example], accepted: Sequence[Example], version: DatasetVersion, file: str
) -> str:
    passages = len({row.passage_id for row in accepted})
    share = len(accepted) / len(rows) if rows else 0
    said = (
        f"{len(accepted):,} questions with answers to {passages:,} passages of "
        f"{version.documents:,} documents; {share:.0%} of {len(rows):,} rows were accepted. "
        f"Built {version.created:%Y-%m-%d %H:%M} UTC, fingerprint `{version.fingerprint}`. "
        f"A document's rows are all in one split."
    )
    return f"{said} This card lies beside `{file}`." if file else said


def _by_split(rows: Iterable[Example]) -> list[tuple[object, ...]]:
    counts = Counter((row.split, row.status) for row in rows)
    return [(side, counts[side, "accepted"], counts[side, "rejected"]) for side in _SPLITS]


def _judges(rows: Sequence[Example], version: DatasetVersion) -> list[str]:
    """Say what people judged, and what the rows were compared with."""
    judged = [row for row in rows if row.human]
    thrown = sum(REVIEWER in row.reasons for row in judged)
    people = (
        f"People judged {len(judged):,} rows and rejected {thrown:,} of them."
        if judged
        else "No row was judged by a person."
    )
    files: dict[str, str] = version.made.get("decontaminated", {})
    if not files:
        return [f"{people} The rows were not compared with any test set."]
    names = ", ".join(f"`{name}` (SHA-256 {sha[:16]}...)" for sha, name in sorted(files.items()))
    hit = sum("contaminated" in row.reasons for row in rows)
    compared = f"{hit:,} share eight words in a row or a question with it and were rejected."
    return [f"{people} The rows were compared with {names}: {compared}"]


def _scores(rows: Iterable[Example]) -> list[tuple[str, list[float]]]:
    found: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for name, value in row.scores.items():
            found[name].append(value)
    return sorted(found.items())


def _quantiles(rows: Iterable[Example]) -> list[tuple[object, ...]]:
    table: list[tuple[object, ...]] = []
    for name, values in _scores(rows):
        cuts = statistics.quantiles(values, n=20, method="inclusive") if values[1:] else values * 19
        middle = statistics.median(values)
        table.append((f"`{name}`", len(values), *(f"{v:.3g}" for v in (cuts[0], middle, cuts[-1]))))
    return table


def _search(accepted: Sequence[Example], version: DatasetVersion) -> str:
    places = [row.scores[RANK] for row in accepted if RANK in row.scores]
    if not places:
        return (
            "No index was asked when this version was built, so it is not known whether a search "
            "for the questions finds their passages."
        )
    depth = version.made.get("build", {}).get("rank_depth", 10)
    first = sum(place == 1 for place in places) / len(places)
    within = sum(place <= depth for place in places) / len(places)
    return (
        f"A search for the question finds its own passage first for {first:.1%} of the rows and "
        f"among the first {depth} for {within:.1%} (`{RANK}`)."
    )


def _documents(rows: Iterable[Example]) -> list[tuple[object, ...]]:
    documents: dict[str, list[Example]] = defaultdict(list)
    for row in rows:
        documents[row.document_id].append(row)
    table: list[tuple[object, ...]] = []
    for document in documents.values():
        took = sum(row.status == "accepted" for row in document)
        name = document[0].title or document[0].source_uri
        table.append((name.replace("|", "\\|"), document[0].split, took, len(document) - took))
    table.sort(key=lambda line: (-int(str(line[2])), str(line[0])))
    left = table[_MOST_DOCUMENTS:]
    if left:
        more = (sum(int(str(line[at])) for line in left) for at in (2, 3))
        table = [*table[:_MOST_DOCUMENTS], (f"{len(left):,} more", "", *more)]
    return table


def _first_words(rows: Iterable[Example]) -> list[tuple[str, int]]:
    counts = Counter((words(row.question) or [""])[0] for row in rows)
    best = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rest = sum(count for _, count in best[_MOST_WORDS:])
    return [*best[:_MOST_WORDS], *([("others", rest)] if rest else [])]


def _makers(rows: Iterable[Example], version: DatasetVersion) -> list[str]:
    makers = Counter((row.generator, row.prompt) for row in rows).most_common()
    table = [(f"`{model}`", f"`{prompt}`", count) for (model, prompt), count in makers]
    settings = {name: version.made[name] for name in ("checks", "build") if name in version.made}
    shown = json.dumps(settings, indent=1, sort_keys=True)
    return [
        _MADE,
        _table(("models", "prompts", "rows"), table),
        f"The settings:\n\n```json\n{shown}\n```" if settings else "",
    ]


def _table(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    cells = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in cells)
