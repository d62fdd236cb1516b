"""The log of examples and the dataset's versions, in real Delta tables."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from deltalake import DeltaTable

from shared.errors import DatasetNotFound
from shared.storage.dataset import Dataset, fingerprint_of
from shared.storage.examples import ExampleLog
from shared.storage.reach import StorageUnreachable
from shared.storage.rows import COLUMNS
from tests.unit.curator.examples import example


def numbered(count: int, **more):
    return [example(f"What is in box {n}?", n, **more) for n in range(count)]


def by_id(rows):
    return {row.example_id: row for row in rows}


@pytest.fixture
async def log(tmp_path):
    opened = ExampleLog(str(tmp_path / "examples"), max_wait_seconds=0.001)
    yield opened
    await opened.close()


@pytest.fixture
def dataset(tmp_path):
    return Dataset(str(tmp_path / "dataset"))


async def test_a_log_that_does_not_exist_yet_is_empty(log):
    assert await log.read() == []
    await log.compact()


async def test_examples_come_back_as_they_were(log):
    rows = [
        example("What is it?", 1, page=7, scores={"a": 0.5, "b": 1.0}, ordinal=2),
        example("And?", 2, status="rejected", reasons=("question_fragment", "answer_empty")),
        example("Whose?", 3, title="", heading_path=(), scores={}),
    ]
    await asyncio.gather(*map(log.append, rows))
    assert by_id(await log.read()) == by_id(rows)


async def test_appending_twice_is_appending_once(log):
    rows = numbered(5)
    await asyncio.gather(*map(log.append, rows + rows))
    await asyncio.gather(*map(log.append, rows))
    assert len(await log.read()) == 5


async def test_examples_that_come_together_share_commits(log, tmp_path):
    await asyncio.gather(*map(log.append, numbered(500)))
    assert DeltaTable(tmp_path / "examples").version() <= 1
    assert len(await log.read()) == 500


@pytest.mark.parametrize("retracted_first", [True, False])
async def test_a_retracted_passage_takes_its_examples_along(log, retracted_first):
    gone, stays = numbered(2)
    steps = [log.append(gone), log.retract(gone.passage_id, gone.sequence)]
    for step in reversed(steps) if retracted_first else steps:
        await step
    await log.append(stays)
    assert await log.read() == [stays]


async def test_a_passage_that_comes_back_has_its_examples_again(log):
    first = example("What is it?", sequence="1")
    second = replace(first, sequence="2")
    await log.append(first)
    await log.append(second)
    assert await log.read() == [second]  # before the late tombstone of the first stay
    await log.retract(first.passage_id, "1")
    await log.append(first)
    assert await log.read() == [second]
    await log.retract(first.passage_id, "2")
    assert await log.read() == []


async def test_stays_that_were_never_retracted_are_told_hidden_ones_too(log):
    """After the broker lost its data an example is made again, and its first stay is left over."""
    first = example("What is it?", sequence="1")
    second = replace(first, sequence="2")
    gone = replace(first, example_id="another", passage_id="another", sequence="1")
    assert await log.stays() == {}
    for each in (first, second, gone):
        await log.append(each)
    await log.retract(gone.passage_id, "1")
    assert await log.stays() == {
        first.document_id: {(first.passage_id, "1"), (first.passage_id, "2")}
    }


async def test_compaction_joins_files_and_keeps_rows(tmp_path):
    log = ExampleLog(str(tmp_path), max_wait_seconds=0, compact_every=10)
    rows = numbered(25)
    for row in rows:
        await log.append(row)
    assert len(DeltaTable(tmp_path).file_uris()) < 10
    await log.compact()
    assert len(DeltaTable(tmp_path).file_uris()) == 1
    assert by_id(await log.read()) == by_id(rows)
    await log.close()


async def test_writers_and_compactions_do_not_disturb_each_other(tmp_path):
    logs = [ExampleLog(str(tmp_path), max_wait_seconds=0, compact_every=5) for _ in range(3)]
    rows = numbered(60)

    async def write(log, mine):
        for row in mine:
            await log.append(row)

    await asyncio.gather(*(write(log, rows[n::3]) for n, log in enumerate(logs)))
    assert by_id(await logs[0].read()) == by_id(rows)
    for log in logs:
        await log.close()


WRITER = """
import asyncio, sys
from shared.storage.examples import ExampleLog
from tests.component.test_dataset import numbered
async def main():
    log = ExampleLog(sys.argv[1], max_wait_seconds=0, compact_every=3)
    for row in numbered(1000):
        await log.append(row)
        print(row.example_id, flush=True)
asyncio.run(main())
"""


def kill_a_writer_after(seconds: float, location: str) -> list[str]:
    command = [sys.executable, "-c", WRITER, location]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    first = writer.stdout.readline()
    time.sleep(seconds)
    os.kill(writer.pid, signal.SIGKILL)
    return [first.strip(), *writer.stdout.read().split()]


async def test_what_was_appended_survives_a_kill(tmp_path):
    for _ in range(3):
        pause = random.uniform(0.05, 0.4)
        acknowledged = await asyncio.to_thread(kill_a_writer_after, pause, str(tmp_path))
        log = ExampleLog(str(tmp_path))
        assert set(acknowledged) <= set(by_id(await log.read()))
        await log.append(example("Does it still write?", 5000))
        await log.close()


async def test_a_disk_that_fails_is_a_retryable_error(tmp_path):
    (tmp_path / "file").write_text("a file where a folder belongs")
    log = ExampleLog(str(tmp_path / "file" / "examples"))
    with pytest.raises(StorageUnreachable, match="examples"):
        await log.append(example("What is it?"))
    await log.close()


async def test_a_damaged_file_is_a_retryable_error(log, tmp_path):
    await log.append(example("What is it?"))
    for part in (tmp_path / "examples").glob("*.parquet"):
        part.write_bytes(b"torn")
    with pytest.raises(StorageUnreachable, match="examples"):
        await log.read()


# Versions


async def test_there_is_no_version_before_the_first(dataset, tmp_path):
    assert await dataset.versions() == []
    with pytest.raises(DatasetNotFound, match="No dataset has been built"):
        await dataset.read()
    assert list(tmp_path.iterdir()) == []


async def test_every_version_can_be_read(dataset):
    one, two = numbered(3), numbered(5)
    two[4] = replace(two[4], status="rejected", reasons=("answer_leaked",))
    first = await dataset.build(one)
    second = await dataset.build(two)
    assert (first.number, first.accepted, first.rejected, first.documents) == (1, 3, 0, 1)
    assert (second.number, second.accepted, second.rejected) == (2, 4, 1)
    assert await dataset.versions() == [first, second]
    stripped = [replace(row, sequence="") for row in two]
    assert await dataset.read() == await dataset.read(2) == stripped
    assert await dataset.read(1) == stripped[:3]


async def test_a_passage_s_questions_follow_its_sentences(dataset):
    context = "The mill stands. It grinds grain. Then it rests."
    answers = ["Then it rests.", "The mill stands.", "It grinds grain."]
    about = {"context": context, "passage_id": "p", "char_start": 0}
    rows = [
        replace(example(f"What is box {n}?", n), answer=a, **about) for n, a in enumerate(answers)
    ]
    await dataset.build(rows)
    assert [row.answer for row in await dataset.read()] == [answers[n] for n in (1, 2, 0)]


READ_AND_END = """
import sys
from deltalake import DeltaTable
from shared.storage.delta import rows_of
rows_of(DeltaTable(sys.argv[1]), sys.argv[1])
"""


def test_a_process_that_has_read_a_table_ends_well(tmp_path):
    """Threads of a reader that still hold Python's files as the interpreter ends abort it."""
    asyncio.run(Dataset(str(tmp_path)).build(numbered(9)))
    for _ in range(8):
        command = [sys.executable, "-c", READ_AND_END, str(tmp_path)]
        started = [subprocess.Popen(command) for _ in range(6)]
        assert [process.wait(60) for process in started] == [0] * 6


@pytest.mark.parametrize("version", [0, 3, -1])
async def test_an_unknown_version_names_the_known_ones(dataset, version):
    await dataset.build(numbered(1))
    await dataset.build(numbered(2))
    with pytest.raises(DatasetNotFound, match="versions 1 to 2"):
        await dataset.read(version)


async def test_building_the_same_again_is_the_same_version(dataset, tmp_path):
    rows = numbered(4)
    first = await dataset.build(rows)
    commits = DeltaTable(tmp_path / "dataset").version()
    assert await dataset.build(rows[::-1]) == first
    assert DeltaTable(tmp_path / "dataset").version() == commits
    await dataset.build(rows[:2])
    third = await dataset.build(rows)
    assert (third.number, third.fingerprint) == (3, first.fingerprint)


async def test_removing_everything_makes_an_empty_version(dataset):
    await dataset.build(numbered(2))
    empty = await dataset.build([])
    assert (empty.number, empty.accepted, empty.rejected) == (2, 0, 0)
    assert await dataset.read() == []


async def test_the_fingerprint_changes_with_any_column():
    row = numbered(1)[0]
    changes = [
        replace(row, answer="Another."),
        replace(row, scores={"question_words": 6.0}),
        replace(row, split="test"),
        replace(row, reasons=("answer_leaked",)),
    ]
    assert len({fingerprint_of([some]) for some in [row, *changes]}) == 5
    assert fingerprint_of([replace(row, sequence="9")]) == fingerprint_of([row])


async def test_builds_at_the_same_time_become_versions_one_after_the_other(tmp_path):
    rows = numbered(9)
    datasets = [Dataset(str(tmp_path)) for _ in range(4)]
    built = await asyncio.gather(*(d.build(rows[: n + 3]) for n, d in enumerate(datasets)))
    assert sorted(version.number for version in built) == [1, 2, 3, 4]
    for n, version in enumerate(built):
        assert version.accepted == n + 3
        assert len(await datasets[0].read(version.number)) == n + 3


async def test_other_tools_read_the_table(dataset, tmp_path):
    version = await dataset.build(numbered(2))
    table = DeltaTable(tmp_path / "dataset", version=version.table_version).to_pyarrow_table()
    assert tuple(table.column_names) == COLUMNS
    configuration = DeltaTable(tmp_path / "dataset").metadata().configuration
    assert configuration["delta.enableExpiredLogCleanup"] == "false"


async def test_many_versions_stay_readable_past_delta_s_checkpoints(dataset):
    for n in range(1, 25):
        await dataset.build(numbered(n))
    assert [v.number for v in await dataset.versions()] == list(range(1, 25))
    assert [len(await dataset.read(n)) for n in (1, 12, 24)] == [1, 12, 24]
