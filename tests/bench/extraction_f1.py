"""Main content against the ground truth of 61 real pages, ours and that of other tools.

Scored by 4-gram shingles: precision and recall are means over the pages and F1 is theirs, as in
article-extraction-benchmark. The pages were written down without their headline; our full text has
it, our passages have not. Seconds are those of the processor, so that a busy machine does not
change them; each tool gets the bytes of a page and gives its text.

    python -m tests.bench.extraction_f1
"""

import gzip
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
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


def passages(page: bytes) -> str:
    found = extract(page, uri="https://page.example/", media_type="text/html")
    return "\n\n".join(passage.text for passage in found.passages)


def text(page: bytes) -> str:
    return extract(page, uri="https://page.example/", media_type="text/html").text


def tools() -> dict[str, Callable[[bytes], str]]:
    """Return every tool by its name; what it does not find is "".

    Raises:
        ImportError: the extra `bench` is not installed.
    """
    import trafilatura
    from bs4 import BeautifulSoup
    from lxml import html
    from readability import Document

    def trafilatura_with(**options: bool) -> Callable[[bytes], str]:
        return lambda page: trafilatura.extract(page, **options) or ""

    def readability(page: bytes) -> str:
        return html.fromstring(Document(page.decode("utf-8", "replace")).summary()).text_content()

    return {
        "Gristmill, passages joined": passages,
        "Gristmill, full text": text,
        "trafilatura": trafilatura_with(),
        "trafilatura, favor_precision": trafilatura_with(favor_precision=True),
        "trafilatura, include_comments=False": trafilatura_with(include_comments=False),
        "readability-lxml": readability,
        "BeautifulSoup, get_text": lambda page: BeautifulSoup(page, "lxml").get_text(" "),
    }


def main() -> int:
    truths = DATA / "ground-truth.json"
    if not truths.exists():
        print(f"no data in {DATA}; set GRISTMILL_DATA")
        return 1
    wanted = {name: page["articleBody"] for name, page in json.loads(truths.read_text()).items()}
    pages = {
        name: gzip.decompress((DATA / "html" / f"{name}.html.gz").read_bytes()) for name in wanted
    }
    print(f"{len(pages)} pages")
    print(f"{'':38}{'precision':>10}{'recall':>8}{'F1':>8}{'pages/s':>9}")
    for name, tool in tools().items():
        tool(next(iter(pages.values())))  # imports and tables that are made once
        begun = time.process_time()
        found = {key: tool(page) for key, page in pages.items()}
        rate = len(pages) / (time.process_time() - begun)
        scores = [score(found[key], wanted[key]) for key in pages]
        precision, recall = (sum(column) / len(scores) for column in zip(*scores, strict=True))
        f1 = 2 * precision * recall / (precision + recall)
        print(f"{name:38}{precision:10.3f}{recall:8.3f}{f1:8.3f}{rate:9.0f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
