"""What a passage takes: bytes in Redis, in the index, in the dataset, and of memory in a build.

`python -m tests.bench.footprint` sends the paragraphs of squad2-half-dev.json, an article a
document, through the real services over a real Valkey, one service after the other, so that each
stream can be weighed while it is full; the models alone are fakes. The tokens are those of the
default models over the sample documents. infra/scaling.md has the figures and what follows.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import numpy as np

from services.curator.build import build
from services.curator.settings import BuildSettings
from services.local.apps import build_of
from services.local.broker import EmbeddedBroker
from shared import models
from shared import settings as configuration
from shared.delivery.housekeeping import drained
from shared.delivery.publisher import Publisher
from shared.embedding.engines import open_embedder
from shared.embedding.fake import FakeEmbedder
from shared.embedding.port import normalised
from shared.generation.engines import open_generator
from shared.generation.fake import FakeGenerator
from shared.index.edge import EdgeIndex
from shared.index.port import IndexedPassage
from shared.messages import DatasetRequested, DocumentSubmitted
from shared.settings import PRESETS, Settings
from shared.storage.dataset import Dataset
from shared.storage.examples import ExampleLog
from shared.storage.rows import to_built
from shared.telemetry import REGISTRY, configure_logging
from tests.bench.quality import make, sample_rows
from tests.bench.squad import Row, paragraphs

DIMENSIONS = 384
POINTS = (10_000, 30_000)
BATCH = 500
COPIES = 40


def documents() -> list[DocumentSubmitted]:
    """One Markdown document for each article; each paragraph in a section of its own."""
    articles: dict[str, list[str]] = {}
    for row in paragraphs():
        articles.setdefault(row.title, []).append(row.passage)
    return [
        DocumentSubmitted(
            uri=f"https://example.org/articles/{title.replace(' ', '-')}",
            text=f"# {title}\n\n"
            + "\n\n".join(f"## Paragraph {n}\n\n{text}" for n, text in enumerate(texts)),
            media_type="text/markdown",
        )
        for title, texts in articles.items()
    ]


async def through(settings: Settings) -> dict[str, float]:
    """Send the documents through; return what weighs how much."""
    generator, embedder = FakeGenerator(), FakeEmbedder(DIMENSIONS)
    models.generator = lambda *_: generator

    async def fake_embedder() -> FakeEmbedder:
        return embedder

    models.embedder = fake_embedder
    weights: dict[str, float] = {}
    async with Publisher(settings.redis_url, namespace=settings.namespace) as publisher:
        client, keys = publisher.client, publisher.keys
        for document in documents():
            await publisher.publish(document)

        async def weigh(stream: str) -> None:
            key = keys.stream(stream)
            entries = await client.xlen(key)
            weights[f"{stream}, an entry"] = await client.memory_usage(key, samples=0) / entries
            weights["passages"] = entries

        async def run(name: str) -> None:
            service = await build_of(name)(settings)
            await service.start()
            while not await drained(publisher.scripts, [name]):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            await service.stop()

        before = await client.info("cpu")
        await run("extractor")
        await weigh("passage.extracted")
        await run("summarizer")
        await weigh("passage.summarized")
        await run("question_generator")
        await weigh("question.generated")
        await run("indexer")
        await run("curator")
        await publisher.publish(DatasetRequested())
        await run("curator")
        await publisher.scripts.trim("passage.extracted", ("summarizer", "indexer"))
        assert await client.xlen(keys.stream("passage.extracted")) <= 1
        ledgers = [
            await client.memory_usage(key, samples=0)
            async for key in client.scan_iter(f"{keys.ledger('')}*")
        ]
        weights["ledger, a passage"] = sum(ledgers) / weights["passages"]
        after = await client.info("cpu")
        spent = sum(after[name] - before[name] for name in ("used_cpu_user", "used_cpu_sys"))
        weights["Valkey's processor, microseconds a passage"] = 1e6 * spent / weights["passages"]
        texts = sum(len(row.passage.encode()) for row in paragraphs())
        weights["text, a passage"] = texts / weights["passages"]
        blobs = size(Path(settings.blobs_location))
        weights["blobs (body and text), a passage"] = blobs / weights["passages"]
    return weights


async def tokens() -> dict[str, float]:
    """Count what the default models read and write for a passage of the sample documents."""
    rows = sample_rows()
    summaries, questions = PRESETS["tiny"]
    models = open_generator(summaries), open_generator(questions)
    await make(rows, models, open_embedder())

    def counted(kind: str) -> float:
        samples = (
            REGISTRY.get_sample_value("gristmill_tokens_total", {"model": model, "kind": kind})
            for model in {summaries, questions}
        )
        return sum(sample or 0 for sample in samples) / len(rows)

    return {f"tokens, {kind}, a passage": counted(kind) for kind in ("prompt", "output")}


async def dataset(settings: Settings) -> dict[str, float]:
    """Weigh an example on disk."""
    log = ExampleLog(settings.examples_location)
    await log.compact()
    versions = Dataset(settings.versions_location)
    number = len(await versions.read())
    return {
        "dataset version, an example": newest(settings.versions_location) / number,
        "example log once compacted, an example": newest(settings.examples_location) / number,
    }


def newest(location: str) -> int:
    """Bytes of the file of a table that was written last."""
    files = Path(location).rglob("*.parquet")
    return max(files, key=lambda file: file.stat().st_mtime).stat().st_size


async def index(folder: Path) -> dict[str, float]:
    """Weigh a point on disk: the difference of two sizes, which leaves out what is constant.

    The files are weighed when they are closed, and without the write-ahead log: that is cut to
    length, and what a segment was before it was optimized goes when nobody has it open any more.
    """
    rng = np.random.default_rng(0)
    rows = paragraphs()
    sizes = []
    for target in POINTS:
        opened = EdgeIndex(folder, model="random", dimensions=DIMENSIONS)
        for start in range(await opened.count(), target, BATCH):
            made = rng.standard_normal((BATCH, DIMENSIONS)).astype(np.float32)
            points = [point(rows[n % len(rows)]) for n in range(start, start + BATCH)]
            await opened.upsert(points, normalised(made))
        await asyncio.to_thread(opened._shard.optimize)
        await opened.close()
        sizes.append(size(folder) - size(folder / "index" / "shard" / "wal"))
    return {"index, a point on disk": (sizes[1] - sizes[0]) / (POINTS[1] - POINTS[0])}


def point(row: Row) -> IndexedPassage:
    return IndexedPassage(
        passage_id=uuid4(),
        document_id=uuid4(),
        sequence="000001700000000-000000",
        text=row.passage,
        source_uri="https://example.org/articles/some-article",
        title=row.title,
        heading_path=(row.title, "Paragraph 12"),
        char_start=10_000,
        char_end=10_000 + len(row.passage),
    )


async def multiply(settings: Settings) -> str:
    """Write a log with many copies of every example, in documents of their own; return where."""
    many = ExampleLog(f"{settings.examples_location}-many", batch_size=10_000)
    examples = await ExampleLog(settings.examples_location).read()
    copies = [
        replace(each, example_id=str(uuid4()), document_id=f"{each.document_id}-{n}")
        for n in range(COPIES)
        for each in examples
    ]
    await asyncio.gather(*map(many.append, copies))
    await many.close()
    return f"{settings.examples_location}-many"


async def build_once(location: str) -> dict[str, float]:
    """Do what a curator does to build a version, up to writing it; return what it took."""
    before = peak()
    rows = build(await ExampleLog(location).read(), BuildSettings())
    table = to_built(rows)
    return {"memory of a build, an example": (peak() - before) / table.num_rows}


def peak() -> float:
    """The most memory this process has had, in bytes. (`getrusage` begins with the parent's.)"""
    return float(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024


def size(folder: Path) -> int:
    """Bytes that the files of a folder take on the disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def main() -> None:
    configure_logging("WARNING")
    if len(sys.argv) > 1:
        print(json.dumps(asyncio.run(build_once(sys.argv[1]))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = EmbeddedBroker(folder / "broker")
        broker.start()
        settings = configuration.load().model_copy(
            update={"home": folder / "home", "redis_url": broker.url}
        )
        try:
            weights = asyncio.run(through(settings))
        finally:
            broker.stop()
        weights |= asyncio.run(dataset(settings))
        weights |= asyncio.run(index(folder / "index"))
        many = asyncio.run(multiply(settings))
        command = [sys.executable, "-m", "tests.bench.footprint", many]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        weights |= json.loads(done.stdout.splitlines()[-1])
    weights |= asyncio.run(tokens())
    for what, weight in weights.items():
        print(f"{weight:10,.0f}  {what}")


if __name__ == "__main__":
    main()
