"""100 against 1,000 documents through the whole line: what is lost or doubled, memory and time.

`python -m tests.bench.scale` runs each size in a process of its own, alternating, with a real
Valkey, a real index and a real dataset; the models alone are fakes that answer at once. It exits
with 1 where anything is missing or twice.
"""

import asyncio
import collections
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from services.cli.progress import Reporter
from services.cli.run import RunReport, run
from shared import models
from shared import settings as configuration
from shared.embedding.fake import FakeEmbedder
from shared.generation.fake import FakeGenerator
from shared.generation.port import GenerationRequest
from shared.storage.dataset import Dataset

SIZES = (100, 1000)
ROUNDS = 3
PASSAGES = 3


def write_documents(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        sections = "\n\n".join(
            f"## Part {part}\n\n"
            + " ".join(
                f"Sentence {line} of part {part} in document {number} tells of item "
                f"{number * 100 + part * 10 + line}."
                for line in range(7)
            )
            for part in range(PASSAGES)
        )
        (folder / f"document-{number:05d}.md").write_text(f"# Document {number}\n\n{sections}\n")


def say(request: GenerationRequest) -> list[str]:
    """A summary of the second sentence; a question that no other passage gets."""
    _, second, *_ = request.passage.split(". ")
    if request.prompt.name.startswith("question"):
        return [f"Which sentence tells of item {second.split()[-1]}?"]
    return [f"{second}."]


async def watch(held: list[float]) -> None:
    """Note this process's own memory (not mapped files) twice a second, in MiB."""
    while True:
        status = Path("/proc/self/status").read_text()  # noqa: ASYNC240 - the kernel answers at once
        held.append(int(status.split("RssAnon:")[1].split()[0]) / 1024)
        await asyncio.sleep(0.5)


async def one(count: int) -> dict[str, float]:
    generator = FakeGenerator(say)
    generator.requests = collections.deque(maxlen=1)  # type: ignore[assignment]
    models.generator = lambda *_: generator

    async def fake_embedder() -> FakeEmbedder:
        return FakeEmbedder()

    models.embedder = fake_embedder
    with tempfile.TemporaryDirectory() as folder:
        documents = Path(folder, "documents")
        write_documents(documents, count)
        settings = configuration.load().model_copy(update={"home": Path(folder, "home")})
        held: list[float] = []
        watching = asyncio.create_task(watch(held))
        report: RunReport = await run([str(documents)], settings, None, Reporter(loud=False))
        watching.cancel()
        rows = await Dataset(settings.versions_location).read()
    expected = count * PASSAGES
    contexts = {(row.source_uri, row.context) for row in rows}
    return {
        "documents": count,
        "seconds": report.seconds,
        "missing": expected - len(contexts),
        "doubled": len(rows) - len(contexts),
        "indexed": report.indexed,
        "accepted": report.accepted,
        "dead": report.dead,
        "early_mib": statistics.median(held[len(held) // 4 : len(held) // 2]),
        "late_mib": statistics.median(held[len(held) * 3 // 4 :]),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def middle_of(rounds: list[dict[str, float]], name: str) -> float:
    return statistics.median(each[name] for each in rounds)


def main() -> int:
    if len(sys.argv) > 1:
        print(json.dumps(asyncio.run(one(int(sys.argv[1])))))
        return 0
    results: dict[int, list[dict[str, float]]] = {size: [] for size in SIZES}
    for _ in range(ROUNDS):
        for size in SIZES:
            command = [sys.executable, "-m", "tests.bench.scale", str(size)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            results[size].append(json.loads(done.stdout.splitlines()[-1]))
    bad = False
    print("own memory: median of the run's second quarter, of its last one (MiB)")
    print(
        "documents  seconds (median, range)  ms/document  own memory  peak  missing  doubled  dead"
    )
    per: dict[int, float] = {}
    for size, rounds in results.items():
        seconds = [each["seconds"] for each in rounds]
        middle = statistics.median(seconds)
        per[size] = middle / size * 1000
        wrong = [sum(each[name] for each in rounds) for name in ("missing", "doubled", "dead")]
        bad |= any(wrong) or any(each["indexed"] != size * PASSAGES for each in rounds)
        print(
            f"{size:9d}  {middle:7.1f} ({min(seconds):.1f} to {max(seconds):.1f})  "
            f"{per[size]:18.1f}  "
            f"{middle_of(rounds, 'early_mib'):4.0f}, {middle_of(rounds, 'late_mib'):4.0f}  "
            f"{max(each['peak_mib'] for each in rounds):4.0f}  "
            f"{wrong[0]:7.0f}  {wrong[1]:7.0f}  {wrong[2]:4.0f}"
        )
    print(f"time for one document, 1,000 against 100: {per[1000] / per[100]:.2f}x")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
