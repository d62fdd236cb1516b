"""Main content against the ground truth of 61 real pages: 4-gram shingle precision, recall, F1.

Precision and recall are means over the pages and F1 is theirs, as in article-extraction-benchmark.
Passages carry no headings (those stand in `heading_path`), which costs them some recall.

    python -m tests.bench.extraction_f1
"""

import gzip
import json
import os
import re
import sys
import time
from collections import Counter
from pathlib import Path

from services.extractor.extract import extract

DATA = Path(os.environ.get("GRISTMILL_DATA", "../shared/data")) / "extraction"


def shingles(text: str) -> Counter[tuple[str, ...]]:
    tokens = re.findall(r"\w+", text)
    if not tokens:
        return Counter()
    return Counter(tuple(tokens[i : i + 4]) for i in range(max(1, len(tokens) - 3)))


def score(found: str, wanted: str) -> tuple[float, float]:
    """Return precision and recall of one page, as article-extraction-benchmark counts them."""
    ours, truth = shingles(found), shingles(wanted)
    both = sum((ours & truth).values())
    precision = both / sum(ours.values()) if ours else 1.0
    recall = both / sum(truth.values()) if truth else 1.0
    return precision, recall


def main() -> int:
    truths = DATA / "ground-truth.json"
    if not truths.exists():
        print(f"no data in {DATA}; set GRISTMILL_DATA")
        return 1
    rows: dict[str, list[tuple[float, float]]] = {"passages": [], "text": []}
    passages, begun = 0, time.perf_counter()
    for name, truth in json.loads(truths.read_text()).items():
        body = gzip.decompress((DATA / "html" / f"{name}.html.gz").read_bytes())
        extraction = extract(body, uri=truth["url"], media_type="text/html")
        passages += len(extraction.passages)
        joined = "\n\n".join(passage.text for passage in extraction.passages)
        rows["passages"].append(score(joined, truth["articleBody"]))
        rows["text"].append(score(extraction.text, truth["articleBody"]))
    seconds = time.perf_counter() - begun
    print(f"{len(rows['text'])} pages, {passages} passages, {seconds:.1f} s")
    print(f"{'':10}{'precision':>10}{'recall':>10}{'F1':>10}")
    for name, scores in rows.items():
        precision, recall = (sum(column) / len(scores) for column in zip(*scores, strict=True))
        f1 = 2 * precision * recall / (precision + recall)
        print(f"{name:10}{precision:10.3f}{recall:10.3f}{f1:10.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
